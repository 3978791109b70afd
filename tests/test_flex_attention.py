"""flex_attention against sums written out in NumPy, on the CPU and on the device."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.nn.attention import SDPBackend, sdpa_kernel
from tritonnn.nn.attention.bias import CausalBias, CausalVariant, causal_lower_right, causal_upper_left
from tritonnn.nn.attention.flex_attention import (
    AuxRequest,
    BlockMask,
    and_masks,
    create_block_mask,
    create_mask,
    flex_attention,
    noop_mask,
    or_masks,
)

DEVICES = ("cpu", "cuda")


def causal(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> Any:
    return q_idx >= kv_idx


def defined(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, score: Any, seen: Any
) -> tuple[np.ndarray, np.ndarray]:
    """One query after another: what score(s, b, h, i, j) gives over the keys with seen(b, h, i, j)."""
    group = q.shape[1] // k.shape[1]
    out, lse = np.zeros((*q.shape[:3], v.shape[3])), np.full(q.shape[:3], -np.inf)
    for b, h, i in np.ndindex(lse.shape):
        keys = [j for j in range(k.shape[2]) if seen(b, h, i, j)]
        if keys:
            s = np.array(
                [score(q[b, h, i] @ k[b, h // group, j] / math.sqrt(q.shape[3]), b, h, i, j) for j in keys]
            )
            lse[b, h, i] = np.log(np.exp(s).sum())
            out[b, h, i] = np.exp(s - lse[b, h, i]) @ v[b, h // group, keys]
    return out, lse


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", ["none", "distance", "table", "capped"])
def test_values(kind, masked, device):
    rng = np.random.default_rng(1)
    q, k, v = (rng.normal(size=size) for size in ((2, 4, 5, 3), (2, 2, 7, 3), (2, 2, 7, 6)))
    table, documents = rng.normal(size=(4, 13)), np.array([0, 0, 1, 1, 1, 2, 3])
    bias, names = torch.from_numpy(table).to(device), torch.from_numpy(documents).to(device)
    mods: dict[str, Any] = {
        "none": (None, lambda s, b, h, i, j: s),
        "distance": (lambda s, b, h, i, j: s - 0.25 * (i - j).abs() * (h + 1),
                     lambda s, b, h, i, j: s - 0.25 * abs(i - j) * (h + 1)),
        "table": (lambda s, b, h, i, j: s + bias[h, i - j], lambda s, b, h, i, j: s + table[h, i - j]),
        "capped": (lambda s, b, h, i, j: 2 * torch.tanh(s / 2) + b, lambda s, b, h, i, j: 2 * np.tanh(s / 2) + b),
    }  # fmt: skip
    mine, formula = mods[kind]
    seen: Any = lambda b, h, i, j: True
    mask = None
    if masked:  # query 0 of the first batch sees nothing
        same = lambda b, h, i, j: (names[i] == names[j]) & (i + b > 0)
        mask = create_block_mask(same, 2, None, 5, 7, device, BLOCK_SIZE=2)
        seen = lambda b, h, i, j: documents[i] == documents[j] and i + b > 0
    wanted, wanted_lse = defined(q, k, v, formula, seen)
    tensors = [torch.from_numpy(x).to(device) for x in (q, k, v)]
    out = flex_attention(*tensors, mine, mask, enable_gqa=True)
    both = flex_attention(*tensors, mine, mask, enable_gqa=True, return_lse=True)
    np.testing.assert_allclose(out.cpu().numpy(), wanted, atol=1e-12)
    np.testing.assert_allclose(both[0].cpu().numpy(), wanted, atol=1e-12)
    np.testing.assert_allclose(both[1].cpu().numpy(), wanted_lse, atol=1e-12)


def gradients(device: str) -> tuple[list[Any], Any]:
    """Of queries, keys, values, a table and a factor; and the function they are of, on the same leaves."""
    torch.manual_seed(0)
    sizes = ((1, 2, 3, 2), (1, 2, 4, 2), (1, 2, 4, 2), (2, 9), (), (1, 2, 3, 2))
    *leaves, weight = [torch.randn(size, dtype=torch.float64).to(device) for size in sizes]
    mask = create_block_mask(lambda b, h, i, j: i > 0, None, None, 3, 4, device)

    def loss() -> Any:
        q, k, v, table, factor = leaves
        mod = lambda s, b, h, i, j: s * factor + table[h, i - j]
        out, lse = flex_attention(q, k, v, mod, mask, return_lse=True)
        return (out * weight).sum() + lse[:, :, 1:].sum()

    for leaf in leaves:
        leaf.requires_grad_()
    loss().backward()
    return leaves, loss


def test_gradients_reach_what_functions_captured():
    """By central differences."""
    leaves, loss = gradients("cpu")
    for leaf in leaves:
        step = torch.randn(leaf.shape, dtype=torch.float64)
        values = []
        with torch.no_grad():
            for sign in (1, -2):
                leaf += sign * 1e-6 * step
                values.append(loss().item())
        wanted = (values[0] - values[1]) / 2e-6
        assert (leaf.grad * step).sum().item() == pytest.approx(wanted, rel=1e-6, abs=1e-7)
        with torch.no_grad():
            leaf += 1e-6 * step


def test_gradients_on_the_device():
    for mine, wanted in zip(gradients("cuda")[0], gradients("cpu")[0], strict=True):
        torch.testing.assert_close(mine.grad.cpu(), wanted.grad, rtol=1e-10, atol=1e-12)


def test_functions_that_take_positions_one_by_one_are_refused():
    q, table = torch.randn(1, 2, 3, 4), torch.randn(3, 3)
    rows = torch.randn(2, 5)
    for wrong in (
        lambda s, b, h, i, j: s + table[i][j],
        lambda s, b, h, i, j: s + (rows[h] * rows[0]).sum(),
        lambda s, b, h, i, j: s - s.max(),
    ):
        with pytest.raises((RuntimeError, IndexError), match="looked up in one step"):
            flex_attention(q, q, q, wrong)
    flex_attention(q, q, q, lambda s, b, h, i, j: s + (rows[h] * rows[0]).sum(-1))
    with pytest.raises(RuntimeError, match="ambiguous"):
        flex_attention(q, q, q, lambda s, b, h, i, j: s if i > j else -s)
    with pytest.raises(ValueError, match="must only return Tensors, got type <class 'bool'>"):
        create_mask(lambda b, h, i, j: True, 1, 1, 3, 4)


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (3, TypeError, r"must be a function of \((score, )?b, h, q_idx, kv_idx\), got int"),
        (lambda b, h, q: q, TypeError, r"takes \(b, h, q\): too many positional arguments"),
        (
            lambda a, b, h, q, k, z: a,
            TypeError,
            r"takes \(a, b, h, q, k, z\): missing a required argument: '\w'",
        ),
        (lambda *given: 1.0, ValueError, "must only return Tensors, got type <class 'float'>"),
        (
            lambda *given: torch.ones(3),
            RuntimeError,
            r"gives a tensor of shape \(3,\) for positions of shapes",
        ),
        (
            lambda *given: given[-1] * 1j,
            RuntimeError,
            "scores must be real|boolean tensor, got torch.complex64",
        ),
    ],
)
def test_functions_that_are_none_for_scores_or_masks(function, error, words):
    q, mask = torch.ones(1, 2, 4, 8), create_block_mask(causal, 1, 1, 4, 4, device="cpu")
    mask.mask_mod = function
    for name, given in (("score_mod", {"score_mod": function}), ("mask_mod", {"block_mask": mask})):
        with pytest.raises(error, match=f"{name}.*(?:{words})"):
            flex_attention(q, q, q, **given)


def test_arguments_of_a_wrong_type():
    q: Any = torch.ones(1, 2, 4, 8)
    with pytest.raises(TypeError, match="flex_attention: key must be a Tensor, got list"):
        flex_attention(q, [q], q)
    for name, kind in (("block_mask", "BlockMask"), ("return_aux", "AuxRequest")):
        with pytest.raises(TypeError, match=f"flex_attention: {name} must be {kind}, got Tensor"):
            flex_attention(q, q, q, **{name: q})
    for mask, wanted in ((lambda b, h, q, k: q - k, "int64"), (lambda b, h, q, k: (q - k) * 0.5, "float32")):
        with pytest.raises(AssertionError, match=f"mask_mod must give torch.bool, got torch.{wanted}"):
            create_block_mask(mask, 1, 1, 4, 4, device="cpu")


def test_the_comparison_is_made_once_for_a_function_and_its_sizes():
    calls = []

    def mod(s: Any, b: Any, h: Any, i: Any, j: Any) -> Any:
        calls.append(s.shape)
        return s

    q = torch.randn(1, 2, 3, 4)
    for _ in range(2):
        flex_attention(q, q, q, mod)
    assert calls.count((1, 2, 3, 3)) == 2 and calls.count(()) > 1
    count = len(calls)
    flex_attention(q, q, q, mod)
    assert len(calls) == count + 1
    flex_attention(q, q, q, functools.partial(mod))


@pytest.mark.parametrize("device", DEVICES)
def test_blocks_decide_where_there_is_no_function(device):
    """A mask of lists alone, some blocks of it full in spite of the function."""
    number = lambda values: torch.tensor(values, dtype=torch.int32, device=device)
    lists = number([[[1, 1]]]), number([[[[1, 0, 2], [0, 1, 2]]]])
    full = number([[[0, 1]]]), number([[[[0, 1, 2], [2, 0, 1]]]])
    mask = BlockMask.from_kv_blocks(*lists, *full, BLOCK_SIZE=2, mask_mod=lambda b, h, i, j: i > j)
    assert mask.shape == (1, 1, 4, 6) and mask.q_num_blocks.tolist() == [[[1, 1, 0]]]
    seen = np.zeros((4, 6), bool)
    seen[0:2, 2:4] = [[i > j for j in (2, 3)] for i in (0, 1)]
    seen[2:4, 0:2] = True
    seen[2:4, 4:6] = True
    q, k = (
        np.random.default_rng(0).normal(size=(1, 1, 4, 3)),
        np.random.default_rng(1).normal(size=(1, 1, 6, 3)),
    )
    wanted, _ = defined(q, k, k, lambda s, b, h, i, j: s, lambda b, h, i, j: seen[i, j])
    tensors = [torch.from_numpy(x).to(device) for x in (q, k, k)]
    np.testing.assert_allclose(flex_attention(*tensors, block_mask=mask).cpu().numpy(), wanted, atol=1e-12)


def test_what_is_returned_beside_the_result():
    q = torch.randn(1, 2, 3, 4)
    mask = create_block_mask(lambda b, h, i, j: i > j, None, None, 3, 3, "cpu")
    out, aux = flex_attention(q, q, q, block_mask=mask, return_aux=AuxRequest(lse=True, max_scores=True))
    scores = (q @ q.transpose(-2, -1) / 2).masked_fill(
        ~torch.ones(3, 3, dtype=torch.bool).tril(-1), -math.inf
    )
    torch.testing.assert_close(aux.max_scores, scores.amax(-1))
    torch.testing.assert_close(aux.lse[..., 1:], scores.logsumexp(-1)[..., 1:])
    assert not out[:, :, 0].any() and aux.lse[0, 0, 0].item() == -math.inf
    assert flex_attention(q, q, q, return_aux=AuxRequest(max_scores=True))[1].lse is None
    assert flex_attention(q, q, q, return_aux=AuxRequest())[1] == (None, None)
    half = q.half()
    out, lse = flex_attention(half, half, half, return_lse=True, kernel_options={"BLOCK_M": 64})
    assert out.dtype is torch.float16 and lse.dtype is torch.float32
    with pytest.raises(TypeError, match="kernel_options must be dict"):
        flex_attention(q, q, q, kernel_options=3)


def test_masks_of_masks():
    window = lambda b, h, i, j: (i - j).abs() < 2
    seen = create_mask(and_masks(causal, window), 1, 1, 3, 3, "cpu")[0, 0].tolist()
    assert seen == [[True, False, False], [True, True, False], [False, True, True]]
    assert create_mask(or_masks(causal, window), 1, 1, 2, 3, "cpu")[0, 0].tolist() == [
        [True, True, False],
        [True] * 3,
    ]
    assert (
        create_mask(and_masks(), 1, 1, 1, 2, "cpu").all()
        and not create_mask(or_masks(), 1, 1, 1, 2, "cpu").any()
    )
    assert create_mask(noop_mask, 2, None, 1, 2, "cpu").shape == (2, 1, 1, 2)
    assert create_mask(lambda s, b, h, i, j: s.masked_fill(i < j, -math.inf), 1, 1, 1, 2, "cpu").tolist() == [
        [[[True, False]]]
    ]


def test_parts_of_a_mask_have_no_function_until_they_are_given_one():
    mask = create_block_mask(causal, 2, 1, 256, 256, "cpu")
    part = mask[:, :, 1]
    assert part.kv_num_blocks.tolist() == [[[1]], [[1]]] and part.full_kv_num_blocks.tolist() == [
        [[1]],
        [[1]],
    ]
    with pytest.raises(RuntimeError, match="Cannot use mask_mod from a sliced BlockMask"):
        part.mask_mod(1, 2, 3, 4)
    assert mask[-1].shape == (1, 1, 256, 256)
    for index in (2, (0, 0, 0, 0)):
        with pytest.raises(IndexError):
            mask[index]


def test_orders_of_writing_are_refused():
    with pytest.raises(NotImplementedError, match="orders of writing"):
        create_block_mask(causal, 1, 1, 3, 4, compute_dq_write_order=True)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("sizes", [(3, 5), (5, 3), (4, 4)])
@pytest.mark.parametrize("variant", list(CausalVariant))
@pytest.mark.filterwarnings("ignore:Lower right")
def test_causal_biases(variant, sizes, device):
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(2, 2, n, 4)) for n in (sizes[0], sizes[1], sizes[1]))
    shift = sizes[1] - sizes[0] if variant is CausalVariant.LOWER_RIGHT else 0
    seen = lambda b, h, i, j: j <= i + shift
    wanted, _ = defined(q, k, v, lambda s, b, h, i, j: s, seen)
    bias = CausalBias(variant, *sizes)
    assert bias.tolist() == [[seen(0, 0, i, j) for j in range(sizes[1])] for i in range(sizes[0])]
    tensors = [torch.from_numpy(x).to(device) for x in (q, k, v)]
    out = torch.nn.functional.scaled_dot_product_attention(*tensors, attn_mask=bias)
    np.testing.assert_allclose(out.cpu().numpy(), wanted, atol=1e-12)


def test_what_causal_biases_refuse():
    q, bias = torch.zeros(1, 3, 4), causal_upper_left(3, 3)
    sdpa = torch.nn.functional.scaled_dot_product_attention
    with pytest.raises(ValueError, match="should not be used with causal=True"):
        sdpa(q, q, q, bias, is_causal=True)
    with pytest.raises(RuntimeError, match="for 3 queries and 3 keys, but query has 2"):
        sdpa(q[:, :2], q, q, bias)
    with pytest.raises(AssertionError, match="must be a CausalVariant, got int"):
        CausalBias(1, 3, 4)
    with pytest.raises(AssertionError, match="only supports 2D tensors"):
        causal_lower_right(3)
    with pytest.warns(UserWarning, match="Lower right causal bias"):
        causal_lower_right(5, 3)


@pytest.mark.parametrize("wrong", [3, "MATH", (SDPBackend.MATH,), {SDPBackend.MATH}, None, [3]])
def test_backends_are_one_or_a_list(wrong):
    with (
        pytest.raises(AssertionError, match="must be an instance of SDPBackend or a list"),
        sdpa_kernel(wrong),
    ):
        pass
