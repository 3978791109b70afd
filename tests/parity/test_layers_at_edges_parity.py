"""Layers and losses called at the edges of what they take."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])


def both(run: Any, device: str = "cpu") -> tuple[Any, Any]:
    return run(torch, device), run(reference, "cpu")


def outcome(run: Any) -> Any:
    try:
        return run()
    except Exception as error:  # whatever it is: types are compared
        return type(error).__name__


# ---- targets that count nothing ---------------------------------------------------------------------------


@DEVICES
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("targets", [[-100, -100, -100], [-100, 1, 0]])
def test_second_gradients_of_ignored_targets(
    name: str, reduction: str, targets: list[int], device: str
) -> None:
    def run(library: Any, device: str, unbatched: bool, weight: Any, options: dict) -> list[Any]:
        x = library.arange(12.0, dtype=library.float64, device=device).reshape(3, 4).sin()
        x, y = (x[0], targets[0]) if unbatched else (x, targets)
        x.requires_grad_()
        weight = None if weight is None else library.tensor(weight, dtype=library.float64, device=device)
        loss = getattr(library.nn.functional, name)(
            x * x, library.tensor(y, device=device), weight, **options
        )
        (g,) = library.autograd.grad(loss, x, create_graph=True)
        (second,) = library.autograd.grad((g * g.detach().cos() + g).sum(), x)
        return [t.detach().cpu().numpy() for t in (loss, g, second)]

    for unbatched, weight, smoothing in itertools.product(
        (False, True), (None, [0.5, 1, 2, 3], [0.0] * 4), (0, 0.1)
    ):
        options = {
            "reduction": reduction,
            **({"label_smoothing": smoothing} if name == "cross_entropy" else {}),
        }
        got = run(torch, device, unbatched, weight, options)
        for own, theirs in zip(got, run(reference, "cpu", unbatched, weight, options), strict=True):
            np.testing.assert_allclose(own, theirs, rtol=1e-7, atol=1e-9)


# ---- types of parameters ----------------------------------------------------------------------------------

TYPES = ("float16", "bfloat16", "float32", "float64")
NORMS = {
    "layer": lambda F, x, w, b, r: F.layer_norm(x, (3,), w, b),
    "group": lambda F, x, w, b, r: F.group_norm(x, 1, w, b),
    "batch": lambda F, x, w, b, r: F.batch_norm(x, r, r * 2, w, b, training=True),
    "batch, evaluated": lambda F, x, w, b, r: F.batch_norm(x, r, r * 2, w, b),
}


@pytest.mark.parametrize("norm", list(NORMS))
def test_types_that_normalisation_takes_together(norm: str) -> None:
    for kinds in itertools.product(
        TYPES, (*TYPES, None), (*TYPES, None), TYPES if "batch" in norm else ("float32",)
    ):

        def run(library: Any, device: str, kinds: tuple = kinds) -> Any:
            x, w, b, r = (
                None if kind is None else library.ones(shape, dtype=getattr(library, kind))
                for kind, shape in zip(kinds, ((2, 3, 3), 3, 3, 3), strict=True)
            )
            return outcome(lambda: str(NORMS[norm](library.nn.functional, x, w, b, r).dtype).split(".")[-1])

        assert len(set(both(run))) == 1, (kinds, both(run))


@pytest.mark.parametrize("place", range(4))
def test_bilinear_takes_one_type(place: int) -> None:
    def run(library: Any, device: str) -> Any:
        given = [library.ones(shape) for shape in ((2, 3), (2, 4), (5, 3, 4), (5,))]
        given[place] = given[place].double()
        return outcome(lambda: library.nn.functional.bilinear(*given))

    assert both(run) == ("RuntimeError", "RuntimeError")


@pytest.mark.parametrize("channels", [1, 3])
def test_running_statistics_of_another_number_of_channels(channels: int) -> None:
    def run(library: Any, device: str) -> Any:
        x, running = library.ones(2, channels, 5), library.ones(4)
        return outcome(lambda: library.nn.functional.instance_norm(x, running, running.clone()))

    assert both(run) == ("RuntimeError", "RuntimeError")


# ---- shapes -----------------------------------------------------------------------------------------------


@DEVICES
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (0, 4)])
def test_linear_by_a_vector(shape: tuple[int, ...], device: str) -> None:
    def run(library: Any, device: str) -> list[Any]:
        x = library.arange(float(np.prod(shape)), device=device).reshape(shape).cos().requires_grad_()
        w = library.arange(4.0, device=device).requires_grad_()
        y = library.nn.functional.linear(x, w)
        grads = library.autograd.grad((y * y).sum(), (x, w), create_graph=True)
        seconds = library.autograd.grad(sum((g * g).sum() for g in grads), (x, w))
        return [t.detach().cpu().numpy() for t in (y, *grads, *seconds)]

    for own, theirs in zip(*both(run, device), strict=True):
        assert own.shape == theirs.shape
        np.testing.assert_allclose(own, theirs, rtol=2e-5, atol=1e-5)


def test_linear_by_a_vector_refuses() -> None:
    for bias, width in ((4, 4), (1, 4), (None, 3)):

        def run(library: Any, device: str, bias: Any = bias, width: int = width) -> Any:
            added = None if bias is None else library.ones(bias)
            return outcome(
                lambda: library.nn.functional.linear(library.ones(2, width), library.ones(4), added)
            )

        assert both(run) == ("RuntimeError", "RuntimeError")


@DEVICES
@pytest.mark.parametrize("ndim", [2, 3])
def test_bounds_of_fractional_pooling(ndim: int, device: str) -> None:
    def run(library: Any, device: str, length: int, kernel: int, out: int) -> Any:
        x = library.arange(float(length**ndim), device=device).reshape(1, 1, *[length] * ndim)
        samples = library.full((1, 1, ndim), 0.6, device=device)
        pool = getattr(library.nn.functional, f"fractional_max_pool{ndim}d")
        return outcome(lambda: pool(x, kernel, output_size=out, _random_samples=samples).cpu().tolist())

    for sizes in itertools.product((2, 3, 4), (1, 2, 3), (1, 2, 3)):
        assert run(torch, device, *sizes) == run(reference, "cpu", *sizes), sizes


@DEVICES
def test_second_gradient_of_group_norm_without_a_batch(device: str) -> None:
    def run(library: Any, device: str) -> Any:
        x = library.zeros(0, 4, 5, 5, device=device, requires_grad=True)
        layer = library.nn.GroupNorm(2, 4).to(device)
        (g,) = library.autograd.grad((layer(x) ** 2).sum(), x, create_graph=True)
        return tuple(library.autograd.grad((g**2).sum(), x)[0].shape)

    assert both(run, device) == ((0, 4, 5, 5), (0, 4, 5, 5))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_cross_map_response_sums_as_pytorch_does(size: int, channels: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, channels, 2, 3))
    own, theirs = both(
        lambda library, _: library.nn.CrossMapLRN2d(size, 0.3, 0.6, 1.5)(library.tensor(x)).numpy()
    )
    np.testing.assert_allclose(own, theirs, rtol=1e-12)


# ---- complex layers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("Linear", (30, 40)), ("Conv1d", (8, 16, 5)), ("ConvTranspose2d", (4, 8, 5)), ("LSTM", (9, 11))],
)
def test_complex_layers_start_in_the_same_range(name: str, sizes: tuple[int, ...]) -> None:
    def run(library: Any, device: str) -> Any:
        layer = getattr(library.nn, name)(*sizes, dtype=library.complex64)
        weights = np.concatenate([p.detach().numpy().ravel() for p in layer.parameters()])
        return np.array([weights.real.std(), weights.imag.std(), weights.real.max(), weights.imag.min()])

    np.testing.assert_allclose(*both(run), rtol=0.15)


def test_complex_normal_numbers() -> None:
    torch.manual_seed(0)
    x = torch.empty(40000, dtype=torch.complex64).normal_(2, 3)
    assert abs(x.mean().item() - 2) < 0.1 and abs(x.real.std().item() - 3 * 0.5**0.5) < 0.05
    assert abs(x.imag.std().item() - 3 * 0.5**0.5) < 0.05


# ---- where index tensors lie ------------------------------------------------------------------------------


@pytest.mark.parametrize("default", ["meta", "cuda"])
def test_packing_beside_a_default_device(default: str) -> None:
    sequences = [torch.arange(float(n), device="cpu").reshape(n, 1) for n in (2, 3)]
    with torch.device(default):
        packed = torch.nn.utils.rnn.pack_sequence(sequences, enforce_sorted=False)
        again, lengths = torch.nn.utils.rnn.pad_packed_sequence(packed)
    assert packed.batch_sizes.device.type == lengths.device.type == again.device.type == "cpu"
    assert packed.batch_sizes.tolist() == [2, 2, 1] and lengths.tolist() == [2, 3]
    with torch.device("cuda"):
        on_gpu = torch.nn.utils.rnn.pack_padded_sequence(torch.ones(3, 2, 4), [3, 2])
        output, _ = torch.nn.LSTM(4, 3)(on_gpu)
    assert output.data.is_cuda and output.batch_sizes.device.type == "cpu"
