"""grid_sample and affine_grid as PyTorch: values, gradients, second gradients, layouts, refusals."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

MODES, PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
CASES = [
    (ndim, mode, padding, align)
    for ndim, mode, padding, align in itertools.product((2, 3), MODES, PADDINGS, (False, True))
    if (ndim, mode) != (3, "bicubic")
]


def data(ndim: int, dtype: str = "float64", spread: float = 1.6, channels: int = 3) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(ndim)
    image = rng.normal(size=(2, channels, 4, 5, 3)[: ndim + 2])
    places = rng.uniform(-spread, spread, size=(2, 3, 4, 2)[: ndim + 1] + (ndim,))
    out = rng.normal(size=(2, channels, *places.shape[1:-1]))
    return tuple(a.astype(dtype) for a in (image, places, out))


def close(mine, theirs, **limits):
    np.testing.assert_allclose(mine.detach().cpu().numpy(), theirs.detach().numpy(), **limits)


@pytest.mark.parametrize(
    ("ndim", "mode", "padding", "align", "device"),
    # on the simulated device, which takes seconds for each, half of them
    [(*case, "cpu") for case in CASES] + [(*case, "cuda") for i, case in enumerate(CASES) if i % 4 in (0, 3)],
)
def test_values_and_gradients(ndim, mode, padding, align, device):
    results = []
    for library, place in ((torch, device), (reference, "cpu")):
        x, grid, weight = (library.from_numpy(a).to(place) for a in data(ndim))
        x.requires_grad_()
        grid.requires_grad_()
        y = library.nn.functional.grid_sample(x, grid, mode, padding, align)
        (y * weight).sum().backward()
        results.append((y, x.grad, grid.grad))
    for mine, theirs in zip(*results, strict=True):
        assert tuple(mine.stride()) == tuple(theirs.stride())
        close(mine, theirs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("ndim", "mode", "padding", "align"), CASES)
def test_recorded_gradients(ndim, mode, padding, align):
    """First gradients with a graph, and second ones: by ops, which are the same on both devices."""
    results = []
    for library in (torch, reference):
        x, grid, weight = (library.from_numpy(a).requires_grad_() for a in data(ndim))
        y = library.nn.functional.grid_sample(x, grid, mode, padding, align)
        first = library.autograd.grad(y, (x, grid), weight, create_graph=True)
        total = sum((g**2).sum() for g in first)
        results.append((*first, *library.autograd.grad(total, (x, grid, weight), materialize_grads=True)))
    for mine, theirs in zip(*results, strict=True):
        close(mine, theirs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize(("mode", "padding"), [*itertools.product(MODES, PADDINGS)])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_precision(mode, padding, dtype, device):
    """As near to the result of float64 as PyTorch's."""
    image, places, _ = data(2, dtype, 1.1)
    exact = reference.nn.functional.grid_sample(
        *(reference.from_numpy(a.astype("float64")) for a in (image, places)), mode, padding, False
    )
    errors = []
    for library, place in ((torch, device), (reference, "cpu")):
        x, grid = (library.from_numpy(a).to(place) for a in (image, places))
        y = library.nn.functional.grid_sample(x, grid, mode, padding, False)
        errors.append(np.abs(y.cpu().numpy().astype("float64") - exact.numpy()).max())
    assert errors[0] <= 2 * errors[1] + np.finfo(dtype).eps


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("channels", [1, 17, 40])
def test_layouts_and_many_channels(channels, device):
    image, places, _ = data(2, "float32", channels=channels)
    x, grid = (torch.from_numpy(a).to(device) for a in (image, places))
    wanted = reference.nn.functional.grid_sample(
        *map(reference.from_numpy, (image, places)), align_corners=False
    )
    rows = grid.movedim(-1, 0).contiguous().movedim(0, -1)  # the last dimension is not dense
    for variant in (
        x,
        x.contiguous(memory_format=torch.channels_last),
        x.transpose(2, 3).contiguous().transpose(2, 3),
    ):
        for one in (grid, rows):
            made = torch.nn.functional.grid_sample(variant, one, align_corners=False)
            close(made, wanted, rtol=1e-4, atol=1e-5)
            assert made.is_contiguous()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_far_and_not_finite_places(mode, padding, device):
    """What no index reaches; with zeros, PyTorch's CPU code gives NaN for what is not finite, its GPU code 0."""
    inf, nan = float("inf"), float("nan")
    values = [
        3.0,
        -1.0,
        1.0,
        1e4,
        1e10,
        -1e10,
        *([nan, inf, -inf] if (mode, padding) != ("bilinear", "zeros") else []),
    ]
    if mode == "bicubic":
        values = values[:5]  # far places differ between PyTorch's own kernels; see NaN below
    image = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    for align in (False, True):
        places = np.array([[[[v, 0.0] for v in values]]])
        x, grid = (torch.from_numpy(a).to(device) for a in (image, places))
        made = torch.nn.functional.grid_sample(x, grid, mode, padding, align)
        wanted = reference.nn.functional.grid_sample(
            *map(reference.from_numpy, (image, places)), mode, padding, align
        )
        close(made, wanted, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("align", [False, True])
@pytest.mark.filterwarnings("ignore:Since version 1.3.0")
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 1, 1, 3), (2, 1, 3, 1), (2, 1, 2, 3, 4), (2, 1, 1, 1, 2)])
def test_affine_grid(size, align, device):
    n = len(size) - 2
    rng = np.random.default_rng(n)
    theta, weight = rng.normal(size=(2, n, n + 1)), rng.normal(size=(2, *size[2:], n))
    results = []
    for library, place in ((torch, device), (reference, "cpu")):
        t = library.from_numpy(theta).to(place).requires_grad_()
        grid = library.nn.functional.affine_grid(t, size, align)
        (grid * library.from_numpy(weight).to(place)).sum().backward()
        results.append((grid, t.grad))
    for mine, theirs in zip(*results, strict=True):
        assert tuple(mine.stride()) == tuple(theirs.stride())
        close(mine, theirs, rtol=1e-12, atol=1e-12)


REFUSED = """
F.grid_sample(x, g[..., :1])
F.grid_sample(x, g[:1])
F.grid_sample(x[0], g)
F.grid_sample(x, g[0])
F.grid_sample(x, g, 'cubic')
F.grid_sample(x, g, padding_mode='none')
F.grid_sample(t.zeros(2, 3, 4, 5, 2), t.zeros(2, 6, 7, 3, 3), 'bicubic')
F.grid_sample(x, t.zeros(2, 6, 7, 3, 3))
F.grid_sample(x, g.double())
F.grid_sample(x.int(), g.int())
F.grid_sample(x.cfloat(), g.cfloat())
F.grid_sample(x[:, :, :0], g)
F.grid_sample(3, g)
F.grid_sample(x, None)
F.affine_grid(h, (2, 3, 4, 5, 6))
F.affine_grid(h[0], (2, 3, 4, 5))
F.affine_grid(h, (3, 3, 4, 5))
F.affine_grid(h, (2, 3, 0, 5))
F.affine_grid(h, (2, 3, -1, 5))
F.affine_grid(h.int(), (2, 3, 4, 5))
F.affine_grid(h, (2, 3, 4))
F.affine_grid(h, [2., 3, 4, 5])
"""


@pytest.mark.parametrize("call", REFUSED.strip().splitlines())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_refusals(call):
    raised = []
    for t in (torch, reference):
        names = {
            "t": t,
            "F": t.nn.functional,
            "x": t.zeros(2, 3, 4, 5),
            "g": t.zeros(2, 6, 7, 2),
            "h": t.zeros(2, 2, 3),
        }
        with pytest.raises(Exception) as error:
            eval(call, names)
        raised.append(error.type)
    assert issubclass(*raised), raised


def test_the_default_of_corners_warns():
    x, grid = torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 1, 2)
    for call in (
        lambda: torch.nn.functional.grid_sample(x, grid),
        lambda: torch.nn.functional.affine_grid(torch.zeros(1, 2, 3), (1, 1, 2, 2)),
    ):
        with pytest.warns(UserWarning, match="align_corners=False"):
            call()
    with pytest.warns(UserWarning, match="unit-size grids"):
        torch.nn.functional.affine_grid(torch.zeros(1, 2, 3), (1, 1, 1, 2), True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.nn.functional.grid_sample(x, grid, align_corners=False)


def test_spatial_transformer_trains():
    """The network of the paper's kind, from the same weights: the same losses."""
    rng = np.random.default_rng(7)
    image, target = rng.normal(size=(4, 1, 8, 8)), rng.normal(size=(4, 1, 8, 8))
    start = np.array([[1.0, 0.1, 0.0, -0.1, 1.0, 0.0]])

    def losses(library):
        F = library.nn.functional
        theta = library.from_numpy(start.copy()).requires_grad_()
        x, y = library.from_numpy(image), library.from_numpy(target)
        optimizer = library.optim.Adam([theta], lr=0.02)
        values = []
        for _ in range(20):
            grid = F.affine_grid(theta.view(1, 2, 3).expand(4, 2, 3), (4, 1, 8, 8), align_corners=False)
            loss = F.mse_loss(F.grid_sample(x, grid, "bicubic", "reflection", align_corners=False), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            values.append(loss.item())
        return values

    np.testing.assert_allclose(losses(torch), losses(reference), rtol=1e-9)
