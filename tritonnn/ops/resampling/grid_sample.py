"""Sampling of images and volumes at the places of a grid, and the grid of an affine transform."""

from __future__ import annotations

from math import prod
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, explained, warn
from tritonnn.ops._definitions import sampling as define
from tritonnn.ops._fused import only_floating
from tritonnn.ops._table import FLOATING, Bad, Out, Sample, composite, expose, named, primitive
from tritonnn.ops.creation.ranges import linspace
from tritonnn.ops.joining.joining import stack
from tritonnn.ops.resampling import _sampling_formula as formula
from tritonnn.recording.grad_mode import state
from tritonnn.shape import numel
from tritonnn.table import Make
from tritonnn.table.types import Ints

_TAPS = (2, 1, 4)  # per dimension, of bilinear, nearest and bicubic
LARGEST = 1 << 47  # what a process can address
_CORNERS = (
    "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify "
    "align_corners=True if the old behavior is desired. See the documentation of grid_sample for details."
)
_UNIT = (
    "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True: the only "
    "element of a dimension is at 0. This is not an intended use case of affine_grid."
)


# ---- what dispatch runs -----------------------------------------------------------------------------------


def _places(make: Make, *shape: int) -> Tensor:
    """A grid, some of it outside."""
    return make(*shape, low=-1.4, high=1.4)


def _sampler_samples(make: Make) -> list[Sample]:
    image, volume = make(2, 3, 4, 5), make(1, 2, 3, 2, 4)
    places, more = _places(make, 2, 3, 2, 2), _places(make, 1, 2, 3, 2, 3)
    return [
        *[Sample(image, places, mode, pad, align) for mode in range(3) for pad in range(3) for align in (False, True)],
        *[Sample(volume, more, mode, pad, pad == 1) for mode in range(2) for pad in range(3)],
        Sample(make(1, 1, 1, 1), _places(make, 1, 2, 2, 2), 0, 2, True),
        Sample(make(2, 0, 4, 5), places, 0, 0, False),
        Sample(make(0, 3, 4, 5), make(0, 3, 2, 2), 0, 0, False),
        Sample(image, make(2, 0, 2, 2), 2, 0, False),
    ]  # fmt: skip


def _sampler_errors(make: Make) -> list[Bad]:
    image, places = make(2, 3, 4, 5), make(2, 3, 2, 2)
    other = dtypes.float32 if make.dtype is dtypes.float64 else dtypes.float64
    return [
        Bad(image, make(2, 3, 2, 1), 0, 0, False, match="expected grid to have size 2 in last dimension"),
        Bad(image, make(1, 3, 2, 2), 0, 0, False, match="same batch size"),
        Bad(make(2, 3, 4), places, 0, 0, False, match="expected 4D or 5D input and grid"),
        Bad(
            make(1, 2, 3, 2, 4),
            make(1, 2, 3, 2, 3),
            2,
            0,
            False,
            match="bicubic interpolation only supports 4D",
        ),
        Bad(make(2, 3, 0, 5), places, 0, 0, False, match="non-empty spatial dimensions"),
        Bad(image, make(2, 3, 2, 2, dtype=other), 0, 0, False, match="same dtype"),
        Bad(
            image,
            make.int(2, 3, 2, 2),
            0,
            0,
            False,
            error=NotImplementedError,
            match="grid must be a floating",
        ),
        Bad(image, places, 3, 0, False, match="interpolation_mode must be 0, 1 or 2, but got 3"),
        Bad(image, places, 0, -1, False, match="padding_mode must be 0, 1 or 2, but got -1"),
    ]


def _toward_input(g: Tensor, input_shape: Any, grid: Tensor, *options: Any) -> Tensor:
    """Each sample's gradient, added in a fixed order to the elements that it was made of."""
    if state.enabled:
        return formula.input_gradient(g, input_shape, grid, options)
    batch, channels, *sizes = input_shape
    elements, weights = sampling_taps(grid, tuple(sizes), *options)
    kind = dtypes.float32 if g.dtype.itemsize < 4 else g.dtype
    rows: Any = g.to(kind).movedim(1, -1).reshape(1, weights.shape[1], channels)
    values = (weights.to(kind).unsqueeze(-1) * rows).reshape(weights.numel(), channels)
    total = g.new_zeros((batch * prod(sizes), channels), dtype=kind)
    total = total.index_add(0, elements.reshape(-1), values)
    return total.to(g.dtype).reshape(batch, *sizes, channels).movedim(-1, 1).contiguous()


def _toward_grid(g: Tensor, input: Tensor, grid: Tensor, *options: Any) -> Tensor:
    if state.enabled:
        return formula.grid_gradient(g, input, grid, options)
    return grid_gradient(g, input, grid, *options)


@primitive(
    api="torch",
    dtypes=FLOATING,
    samples=_sampler_samples,
    errors=_sampler_errors,
    reference=define.grid_sampler,
    grad={
        "input": lambda g, input_shape, grid, interpolation_mode, padding_mode, align_corners: _toward_input(
            g, input_shape, grid, interpolation_mode, padding_mode, align_corners
        ),
        "grid": lambda g, input, grid, interpolation_mode, padding_mode, align_corners: _toward_grid(
            g, input, grid, interpolation_mode, padding_mode, align_corners
        ),
    },
)
def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Any:
    """`nn.functional.grid_sample` with its modes as numbers: 0 bilinear, 1 nearest, 2 bicubic; 0 zeros, 1 border,
    2 reflection.

    >>> import tritonnn as torch
    >>> torch.grid_sampler(torch.tensor([[[[1.0, 3.0]]]]), torch.zeros(1, 1, 1, 2), 0, 0, False)
    tensor([[[[2.]]]])
    """
    for name, tensor in (("input", input), ("grid", grid)):
        only_floating(tensor, name)
    shapes = f"got input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
    if input.dtype is not grid.dtype:
        raise Invalid(
            f"expected input and grid to have the same dtype, but {input.dtype} and {grid.dtype} were given"
        )
    if not input.shape or not grid.shape or input.shape[0] != grid.shape[0]:
        raise Invalid(f"expected grid and input to have same batch size, but {shapes}")
    ndim = len(input.shape) - 2
    if ndim not in (2, 3):
        raise Invalid(f"expected 4D or 5D input and grid, but {shapes}")
    if grid.shape[-1] != ndim:
        raise Invalid(
            f"expected grid to have size {ndim} in last dimension, but got grid with sizes {list(grid.shape)}"
        )
    if len(grid.shape) != ndim + 2:
        raise Invalid(f"expected 4D or 5D input and grid with same number of dimensions, but {shapes}")
    for d, size in enumerate(input.shape[2:], 2):
        if size < 1:
            raise Invalid(
                f"expected input to have non-empty spatial dimensions, but input has sizes {list(input.shape)} with "
                f"dimension {d} being empty"
            )
    for name, value in (("interpolation_mode", interpolation_mode), ("padding_mode", padding_mode)):
        if value not in (0, 1, 2):
            raise Invalid(f"{name} must be 0, 1 or 2, but got {value}")
    if interpolation_mode == 2 and ndim == 3:
        raise Invalid("bicubic interpolation only supports 4D input")
    return Out((*input.shape[:2], *grid.shape[1:-1]), input.dtype)


for _n in (2, 3):

    def _sampler(
        input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
    ) -> Tensor:
        return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)

    _sizes = ", 2" * _n
    _sampler.__doc__ = f"""`grid_sampler` of {_n}-d images.

    >>> import tritonnn as torch
    >>> torch.grid_sampler_{_n}d(torch.ones(1, 1{_sizes}), torch.zeros(1{_sizes}, {_n}), 0, 0, False).sum()
    tensor({2**_n}.)
    """
    expose("torch", of=grid_sampler)(named(f"grid_sampler_{_n}d", _sampler))


@primitive()
def grid_gradient(
    grad: Tensor, input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Out:
    """The gradient of `grid_sampler` for the grid."""
    return Out(grid.shape, grid.dtype)


@primitive(results=("elements", "weights"), non_differentiable=("elements", "weights"))
def sampling_taps(
    grid: Tensor, sizes: Ints, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Any:
    """Of every element that a sample is made of: its number among the elements (N, *sizes), and its weight.

    The results are (taps, places), the tap of the first dimension changing slowest; one outside weighs 0.
    """
    shape = (_TAPS[interpolation_mode] ** len(sizes), prod(grid.shape[:-1]))
    return Out(shape, dtypes.int64), Out(shape, grid.dtype)


# ---- what users call --------------------------------------------------------------------------------------


def _number(name: str, value: Any, names: tuple[str, ...], listed: str) -> int:
    if value not in names:
        raise explained(ValueError)(
            f"nn.functional.grid_sample(): expected {name} to be {listed}, but got: '{value}'"
        )
    return names.index(value)


def _samples(make: Make) -> list[Sample]:
    image, places = make(2, 3, 4, 5), _places(make, 2, 3, 2, 2)
    return [
        Sample(image, places, align_corners=False), Sample(image, places, "bicubic", "border", True),
        Sample(make(1, 2, 3, 2, 4), _places(make, 1, 2, 3, 2, 3), "nearest", "reflection", False),
    ]  # fmt: skip


@composite(
    api="functional", dtypes=FLOATING, samples=_samples, reference=define.grid_sample,
    errors=lambda make: [
        Bad(make(2, 3, 4, 5), make(2, 3, 2, 2), "cubic", error=ValueError, match="expected mode to be"),
        Bad(make(2, 3, 4, 5), make(2, 3, 2, 2), "nearest", "none", error=ValueError, match="expected padding_mode"),
        Bad(make(2, 3, 4, 5), make(1, 3, 2, 2), align_corners=False, match="same batch size"),
    ],
)  # fmt: skip
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """The input at the places that the grid names, interpolated: images (N, C, H, W) with a grid (N, Ho, Wo, 2) of
    (x, y), or volumes (N, C, D, H, W) with a grid (N, Do, Ho, Wo, 3) of (x, y, z).

    Args:
        input: images or volumes.
        grid: places from -1, the first element of a dimension, to 1, the last; of the input's dtype.
        mode: 'bilinear' (of volumes in all three dimensions), 'nearest' or, for images, 'bicubic'.
        padding_mode: what lies outside: 'zeros', 'border' (the nearest element) or 'reflection' at the edges.
        align_corners: whether -1 and 1 are the centres of the outer elements, else their outer edges. None is False,
            with a warning.

    Returns:
        (N, C, Ho, Wo) or (N, C, Do, Ho, Wo). A place that is not finite lies outside; by bicubic it gives NaN.

    Raises:
        ValueError: unknown modes. RuntimeError: shapes or dtypes that do not fit together, or bicubic of a volume.

    Source: Jaderberg et al., "Spatial Transformer Networks", arXiv:1506.02025.

    >>> import tritonnn as torch
    >>> image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> torch.nn.functional.grid_sample(image, torch.tensor([[[[0.0, 0.0], [1.0, -1.0]]]]), align_corners=True)
    tensor([[[[2.5000, 2.0000]]]])
    """
    interpolation = _number(
        "mode", mode, ("bilinear", "nearest", "bicubic"), "'bilinear', 'nearest' or 'bicubic'"
    )
    padding = _number(
        "padding_mode", padding_mode, ("zeros", "border", "reflection"), "'zeros', 'border', or 'reflection'"
    )
    if align_corners is None:
        warn(_CORNERS)
    return grid_sampler(input, grid, interpolation, padding, bool(align_corners))


@composite(
    api="functional", dtypes=FLOATING, reference=define.affine_grid,
    samples=lambda make: [
        Sample(make(2, 2, 3), (2, 3, 4, 5), align_corners=False), Sample(make(2, 2, 3), [2, 1, 3, 1], True),
        Sample(make(1, 3, 4), (1, 2, 2, 3, 4), False), Sample(make(1, 3, 4), (1, 2, 1, 3, 2), True),
    ],
    errors=lambda make: [
        Bad(make(2, 2, 3), (2, 3, 4), error=NotImplementedError, match="only supports 4D and 5D sizes"),
        Bad(make(2, 2, 3), (2, 3, 4, 5, 6), False, error=ValueError, match="3D affine matrices of shape Nx3x4"),
        Bad(make(2, 3), (2, 3, 4, 5), False, error=ValueError, match="2D affine matrices of shape Nx2x3"),
        Bad(make(2, 2, 3), (3, 3, 4, 5), False, match=r"batch size .* 3, but theta has shape \(2, 2, 3\)"),
        Bad(make(1, 2, 3), (1, 1, 2**31, 2**31), False, match="more than any memory"),
        Bad(make(2, 2, 3), (2, 3, 0, 5), False, error=ValueError, match="non-zero, positive output size"),
        Bad(make.int(2, 2, 3), (2, 3, 4, 5), False, error=ValueError, match="floating point type"),
    ],
)  # fmt: skip
def affine_grid(theta: Tensor, size: Ints, align_corners: bool | None = None) -> Tensor:
    """The grid that makes `grid_sample` apply an affine transform: theta times (x, y, 1) or (x, y, z, 1) at each place.

    Args:
        theta: (N, 2, 3) for images, (N, 3, 4) for volumes.
        size: that of the output, (N, C, H, W) or (N, C, D, H, W).
        align_corners: as of `grid_sample`.

    Returns:
        (N, H, W, 2) or (N, D, H, W, 3).

    Raises:
        ValueError: theta is of another shape or not of floating point, or a size is not positive.
        NotImplementedError: size has not four or five numbers.

    >>> import tritonnn as torch
    >>> torch.nn.functional.affine_grid(torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]), (1, 1, 1, 2), align_corners=False)
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])
    """
    if not theta.dtype.is_floating_point:
        raise explained(ValueError)(f"Expected theta to have floating point type, but got {theta.dtype}")
    ndim = len(size) - 2
    if ndim not in (2, 3):
        raise explained(NotImplementedError)(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. "
            f"Got size {tuple(size)}."
        )
    if len(theta.shape) != 3 or tuple(theta.shape[1:]) != (ndim, ndim + 1):
        raise explained(ValueError)(
            f"Expected a batch of {ndim}D affine matrices of shape Nx{ndim}x{ndim + 1} for size {tuple(size)}. "
            f"Got {theta.shape}."
        )
    if min(size) <= 0:
        raise explained(ValueError)(f"Expected non-zero, positive output size. Got {tuple(size)}")
    if theta.shape[0] != size[0]:
        raise Invalid(f"size asks for a batch size of {size[0]}, but theta has shape {tuple(theta.shape)}")
    if align_corners is None:
        warn(_CORNERS)
    spatial = tuple(size[2:])
    nbytes = numel((*size, ndim)) // max(size[1], 1) * theta.dtype.itemsize
    if nbytes > LARGEST:  # before the columns are made, whose sizes may still fit
        raise Invalid(f"a grid for size {tuple(size)} has {nbytes} bytes, more than any memory")
    if align_corners and min(spatial) == 1:
        warn(_UNIT)
    columns = []
    for d in reversed(range(ndim)):
        shape = [1] * ndim
        shape[d] = spatial[d]
        columns.append(_centres(theta, spatial[d], bool(align_corners)).reshape(shape).expand(spatial))
    columns.append(theta.detach().new_ones(()).expand(spatial))
    places: Any = stack(columns, -1).reshape(prod(spatial), ndim + 1)
    return (places @ theta.transpose(1, 2)).reshape(size[0], *spatial, ndim)


def _centres(like: Tensor, size: int, align_corners: bool) -> Any:
    """The grid values of the elements' centres."""
    if size == 1:
        return like.detach().new_zeros((1,))
    places: Any = linspace(-1, 1, size, dtype=like.dtype, device=like.device)
    return places if align_corners else places * ((size - 1) / size)
