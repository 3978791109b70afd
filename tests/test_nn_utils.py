"""nn.utils and nn.parallel: clipping, parameters as vectors, sequences, data parallelism."""

from __future__ import annotations

import math

import pytest

import tritonnn as torch

nn = torch.nn
utils = nn.utils
rnn = nn.utils.rnn


def with_grads(*grads):
    params = []
    for grad in grads:
        p = nn.Parameter(torch.zeros(len(grad)))
        p.grad = torch.tensor(grad)
        params.append(p)
    return params


# ---- clipping -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("norm_type", "wanted"), [(2, 13.0), (1, 19.0), (math.inf, 12.0), ("inf", 12.0)])
def test_joint_norm_is_clipped(norm_type, wanted):
    params = [*with_grads([3.0, 4.0], [12.0]), nn.Parameter(torch.zeros(1))]
    total = utils.clip_grad_norm_(params, 1.0, norm_type)
    assert total.item() == pytest.approx(wanted)
    assert params[0].grad.tolist() == pytest.approx([3 / wanted, 4 / wanted], rel=1e-5)
    assert params[2].grad is None


@pytest.mark.parametrize("foreach", [None, False])
@pytest.mark.parametrize("other", [{"dtype": torch.float64}, {"device": "cuda"}, {"dtype": torch.float16}])
def test_the_norm_is_one_over_all_types_and_devices(other, foreach):
    params = [*with_grads([3.0, 4.0]), nn.Parameter(torch.zeros(1, **other))]
    params[1].grad = torch.full((1,), 12.0, **other)
    assert utils.clip_grad_norm_(params, 1.0, foreach=foreach).item() == pytest.approx(13)
    assert params[0].grad.tolist() == pytest.approx([3 / 13, 4 / 13], rel=1e-5)
    assert params[1].grad.tolist() == pytest.approx([12 / 13], rel=1e-3)


def test_small_gradients_stay_and_one_tensor_is_taken():
    (p,) = with_grads([0.3, 0.4])
    assert utils.clip_grad_norm_(p, 1.0).item() == pytest.approx(0.5) and p.grad.tolist() == pytest.approx(
        [0.3, 0.4]
    )
    assert utils.clip_grad_norm_([], 1.0).item() == 0
    assert utils.clip_grad_norm_((q for q in with_grads([3.0])), 1.0).item() == 3


def test_norms_that_are_not_finite():
    params = with_grads([math.inf], [1.0])
    with pytest.raises(
        RuntimeError, match=r"total norm of order 2.0 for gradients from `parameters` is non-finite"
    ):
        utils.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    assert params[1].grad.item() == 1
    utils.clip_grad_norm_(params, 1.0)
    assert params[1].grad.item() == 0


@pytest.mark.parametrize("foreach", [None, False])
def test_values_are_clipped(foreach):
    params = with_grads([-3.0, 0.5], [7.0])
    utils.clip_grad_value_(params, 1, foreach)
    assert params[0].grad.tolist() == [-1, 0.5] and params[1].grad.tolist() == [1]


def test_older_name():
    with pytest.warns(FutureWarning, match="clip_grad_norm` is now deprecated"):
        assert utils.clip_grad_norm(with_grads([3.0, 4.0]), 1.0).item() == 5


# ---- parameters as vectors ------------------------------------------------------------------------------


def test_vector_round_trip():
    net = nn.Linear(2, 3)
    vector = utils.parameters_to_vector(net.parameters())
    assert vector.tolist() == net.weight.flatten().tolist() + net.bias.tolist()
    weight = net.weight
    utils.vector_to_parameters(torch.arange(9.0), net.parameters())
    assert (
        net.weight is weight
        and net.weight.tolist() == [[0, 1], [2, 3], [4, 5]]
        and net.bias.tolist() == [6, 7, 8]
    )
    with pytest.raises(TypeError, match=r"expected torch.Tensor, but got: list"):
        utils.vector_to_parameters([1.0], net.parameters())


def test_skip_init():
    layer = utils.skip_init(nn.Linear, 3, 2, bias=False)
    assert (
        layer.weight.shape == (2, 3) and isinstance(layer.weight, nn.Parameter) and not layer.weight.is_meta
    )
    with pytest.raises(RuntimeError, match="must support a 'device' arg"):
        utils.skip_init(nn.ReLU)


# ---- sequences ------------------------------------------------------------------------------------------


def ragged():
    return [torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[4.0], [5.0]]), torch.tensor([[6.0]])]


def test_pad_sequence():
    padded = rnn.pad_sequence(ragged(), padding_value=-1)
    assert padded.shape == (3, 3, 1)
    assert padded[:, :, 0].tolist() == [[1, 4, 6], [2, 5, -1], [3, -1, -1]]
    left = rnn.pad_sequence(ragged(), batch_first=True, padding_side="left")[:, :, 0]
    assert left.tolist() == [[1, 2, 3], [0, 4, 5], [0, 0, 6]]
    back = rnn.unpad_sequence(padded, torch.tensor([3, 2, 1]))
    assert [s.flatten().tolist() for s in back] == [[1, 2, 3], [4, 5], [6]]
    with pytest.raises(RuntimeError, match="padding_side to be one of left or right"):
        rnn.pad_sequence(ragged(), padding_side="top")


def test_pack_and_unpack():
    packed = rnn.pack_sequence(ragged())
    assert packed.data.flatten().tolist() == [1, 4, 6, 2, 5, 3] and packed.batch_sizes.tolist() == [3, 2, 1]
    assert packed.sorted_indices is None and packed.batch_sizes.dtype == torch.int64
    padded, lengths = rnn.pad_packed_sequence(packed, batch_first=True, padding_value=9.0, total_length=4)
    assert padded[:, :, 0].tolist() == [[1, 2, 3, 9], [4, 5, 9, 9], [6, 9, 9, 9]] and lengths.tolist() == [
        3,
        2,
        1,
    ]
    assert [s.flatten().tolist() for s in rnn.unpack_sequence(packed)] == [[1, 2, 3], [4, 5], [6]]


def test_packing_sorts_on_request_and_restores_the_order():
    x = torch.tensor([[1.0, 0.0], [2.0, 3.0]])
    with pytest.raises(
        RuntimeError, match="must be sorted in decreasing order when `enforce_sorted` is True"
    ):
        rnn.pack_padded_sequence(x, [1, 2], batch_first=True)
    packed = rnn.pack_padded_sequence(x, torch.tensor([1, 2]), batch_first=True, enforce_sorted=False)
    assert packed.data.tolist() == [2, 1, 3]
    assert packed.sorted_indices.tolist() == [1, 0] and packed.unsorted_indices.tolist() == [1, 0]
    padded, lengths = rnn.pad_packed_sequence(packed, batch_first=True)
    assert padded.tolist() == x.tolist() and lengths.tolist() == [1, 2]


def test_gradients_pass_through_packing():
    x = torch.ones(2, 2, requires_grad=True)
    packed = rnn.pack_padded_sequence(x, [2, 1])
    (rnn.pad_packed_sequence(packed)[0] * torch.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert x.grad.tolist() == [[1, 2], [3, 0]]


@pytest.mark.parametrize(
    ("lengths", "text"),
    [([2], "Expected `len"), ([2, 0], "greater than 0"), ([3, 1], "length 3 is more than the 2 steps")],
)
def test_lengths_that_do_not_fit(lengths, text):
    with pytest.raises(RuntimeError, match=text):
        rnn.pack_padded_sequence(torch.ones(2, 2), lengths)


def test_packed_sequences_convert():
    packed = rnn.pack_sequence(ragged())
    assert (
        packed.double().data.dtype == torch.float64 and packed.to(torch.float16).data.dtype == torch.float16
    )
    assert packed.to("cpu") is packed and not packed.is_cuda and packed.long().data.dtype == torch.int64
    with pytest.raises(ValueError, match="total_length to be at least the length"):
        rnn.pad_packed_sequence(packed, total_length=2)


# ---- data parallelism -----------------------------------------------------------------------------------


def test_without_devices_the_module_is_called():
    net = nn.Linear(2, 3)
    wrapped = nn.DataParallel(net, device_ids=[])
    x = torch.ones(4, 2)
    assert wrapped.module is net and wrapped(x).tolist() == net(x).tolist()
    assert list(wrapped.state_dict()) == ["module.weight", "module.bias"]


def test_on_one_device():
    wrapped = nn.DataParallel(nn.ReLU(), device_ids=[0])
    y = wrapped(torch.tensor([-1.0, 2.0]))
    assert y.device == torch.device("cuda", 0) and y.tolist() == [0, 2]


def test_scatter_replicate_gather():
    from tritonnn.nn.parallel import gather, replicate, scatter

    parts = scatter({"x": torch.arange(4.0), "y": [torch.arange(2.0), "text"]}, ["cpu", "cpu"])
    assert (
        parts[1]["x"].tolist() == [2, 3] and parts[0]["y"][0].tolist() == [0] and parts[1]["y"][1] == "text"
    )
    net = nn.Sequential(nn.Linear(2, 1, bias=False), nn.BatchNorm1d(1, affine=False).eval())
    copies = replicate(net, ["cpu", "cpu"])
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    joined = gather([copy(part) for copy, part in zip(copies, x.split(1))], "cpu")
    assert joined.tolist() == net(x).tolist()
    joined.sum().backward()
    scale = 1 / math.sqrt(1 + 1e-5)
    assert net[0].weight.grad.flatten().tolist() == pytest.approx([4 * scale, 6 * scale])
    assert gather([torch.tensor(1.0), torch.tensor(2.0)], "cpu").tolist() == [1, 2]
    assert gather([{"a": torch.ones(1)}, {"a": torch.zeros(1)}], "cpu")["a"].tolist() == [1, 0]
