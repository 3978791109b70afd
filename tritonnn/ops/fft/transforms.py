"""The three transforms behind those of torch.fft: complex, real to half, half to real.

Each is the other's adjoint, but for a factor: a normalisation "forward" of one direction is "backward" of the other.
They run through NumPy on the host, GPU tensors too where cuFFT is not installed: copied there and back, with a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.memory_format import strides_in_order
from tritonnn.ops._table import Out, Sample, primitive
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.elementwise.derived import view_as_complex, view_as_real
from tritonnn.ops.elementwise.elementwise import choose
from tritonnn.ops.padding import pad

OPPOSITE = {"backward": "forward", "forward": "backward", "ortho": "ortho"}
_PRECISIONS = (dtypes.float32, dtypes.float64)
_LIBRARY = "NumPy's FFT"


def resized(x: Tensor, sizes: Sequence[int], dims: Sequence[int]) -> Tensor:
    """`x` cut, or continued with zeros, to these sizes along these dimensions."""
    missing = [0] * len(x.shape)
    for size, dim in zip(sizes, dims):
        if size < x.shape[dim]:
            x = x.narrow(dim, 0, size)
        missing[dim] = size - x.shape[dim]
    if not any(missing):
        return x
    amounts = [amount for count in reversed(missing) for amount in (0, count)]
    if x.dtype.is_complex:  # by its parts, which every device can pad
        return view_as_complex(pad(view_as_real(x.resolve_conj()), [0, 0, *amounts]).contiguous())
    return pad(x, amounts)


def _laid_out(input: Tensor, shape: Sequence[int], dims: Sequence[int], dtype: dtypes.dtype) -> Out:
    """The result, along the transformed dimensions in one piece of memory."""
    strides = input.stride()
    others = sorted([d for d in range(len(shape)) if d not in dims], key=lambda d: -strides[d])
    return Out(tuple(shape), dtype, strides=strides_in_order(shape, [*others, *dims]))


def _complex_grad(g: Tensor, dims: tuple[int, ...], norm: str, inverse: bool, input_dtype: Any) -> Tensor:
    back = fft_c2c(g, dims, OPPOSITE[norm], not inverse)
    return back if input_dtype.is_complex else back.real


@primitive(
    api="",
    host=_LIBRARY,
    dtypes=(*_PRECISIONS, *dtypes.COMPLEX),
    grad={"input": _complex_grad},
    samples=lambda make: [
        Sample(make(3, 4), (1,), "backward", False),
        Sample(make(3, 4), (0, 1), "ortho", True),
    ],
)
def fft_c2c(input: Tensor, dims: tuple[int, ...], norm: str, inverse: bool) -> Any:
    """The transform along `dims`, of real numbers too."""
    return _laid_out(input, input.shape, dims, input.dtype.to_complex())


def _half_grad(g: Tensor, dims: tuple[int, ...], norm: str, inverse: bool, input_shape: Any) -> Tensor:
    # what is left out is the conjugate of what is there, a function of the same numbers: it has no gradient
    full = resized(g, [input_shape[dims[-1]]], dims[-1:])
    return fft_c2c(full, dims, OPPOSITE[norm], not inverse).real


@primitive(
    api="",
    host=_LIBRARY,
    dtypes=_PRECISIONS,
    grad={"input": _half_grad},
    samples=lambda make: [
        Sample(make(3, 4), (1,), "backward", False),
        Sample(make(3, 5), (0, 1), "ortho", True),
    ],
)
def fft_r2c(input: Tensor, dims: tuple[int, ...], norm: str, inverse: bool) -> Any:
    """The transform of real numbers; along the last of `dims` only the frequencies that are not negative."""
    shape = [*input.shape]
    shape[dims[-1]] = shape[dims[-1]] // 2 + 1
    return _laid_out(input, shape, dims, input.dtype.to_complex())


def _real_grad(g: Tensor, dims: tuple[int, ...], norm: str, inverse: bool, length: int) -> Tensor:
    half = fft_r2c(g, dims, OPPOSITE[norm], not inverse)
    # all frequencies but 0 and the middle one stand for their mirror image too
    count = half.shape[dims[-1]]
    places = arange(count, device=g.device)
    twice = (places > 0) & (places < length - count + 1)
    factors = choose(twice, g.new_full((), 2.0), 1.0)
    ones = [1] * (len(half.shape) - dims[-1])
    return view_as_complex(view_as_real(half) * factors.reshape(count, *ones))


@primitive(
    api="",
    host=_LIBRARY,
    dtypes=dtypes.COMPLEX,
    grad={"input": _real_grad},
    samples=lambda make: [
        Sample(make(3, 3), (1,), "backward", True, 4),
        Sample(make(3, 3), (0, 1), "ortho", False, 5),
    ],
)
def fft_c2r(input: Tensor, dims: tuple[int, ...], norm: str, inverse: bool, length: int) -> Any:
    """The real numbers whose frequencies that are not negative are given; `length` along the last of `dims`."""
    shape = [*input.shape]
    shape[dims[-1]] = length
    return _laid_out(input, shape, dims, input.dtype.to_real())
