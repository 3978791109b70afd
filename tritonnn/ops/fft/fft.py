"""torch.fft: discrete Fourier transforms along one, two or more dimensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._definitions import fourier as define
from tritonnn.ops._table import Bad, Sample, composite, made
from tritonnn.ops.fft.transforms import fft_c2c, fft_c2r, fft_r2c, resized
from tritonnn.shape import wrap_dim
from tritonnn.table import Make


class Form(NamedTuple):
    """What a name of torch.fft says: the kind of transform, its direction, and a sentence about it."""

    kind: str
    inverse: bool
    doc: str


_REAL_TYPES = (dtypes.bool_, *dtypes.INTEGRAL, dtypes.float32, dtypes.float64)
_COMPLEX, _HALF, _REAL = "complex", "half", "real"
FORMS = {
    "fft": Form(_COMPLEX, False, "The discrete Fourier transform"),
    "ifft": Form(_COMPLEX, True, "The inverse of `{0}`, the sum with the other sign of the angle over the length,"),
    "rfft": Form(_HALF, False, "The transform of real numbers without its negative frequencies,"),
    "irfft": Form(_REAL, True, "The inverse of `{0}`: real numbers, of which an odd length has to be said,"),
    "hfft": Form(_REAL, False, "The transform, which is real, of half of a signal that is Hermitian,"),
    "ihfft": Form(_HALF, True, "The inverse of `{0}`: half of a signal that is Hermitian,"),
}  # fmt: skip
_ALONG = {
    "": "along one dimension.\n\nArgs:\n    input: any shape with a dimension.\n    n: the length;",
    "2": "along two dimensions.\n\nArgs:\n    input: at least two dimensions.\n    s: the lengths, -1 as it is;",
    "n": "along several dimensions.\n\nArgs:\n    input: any shape.\n    s: the lengths, -1 as it is;",
}
_REST = """ the input is cut, or continued with zeros.
    dim: where; by default {0}.
    norm: 'backward' (only the inverse is divided by the length), 'ortho' (both by its root) or 'forward'.

Raises:
    RuntimeError: a length below 1, a dimension twice, or another norm.
    IndexError: no such dimension.

>>> import tritonnn as torch
>>> torch.fft.{1}(torch.ones({2})).shape
torch.Size([{3}])
"""
_DEFAULT_DIM = {"": "the last", "2": "the last two", "n": "the last ones that `s` is given for, or all"}


def _normalisation(op: str, norm: str | None) -> str:
    if norm not in (None, "backward", "ortho", "forward"):
        raise fail(op, f"Invalid normalization mode: \"{norm}\", expected 'backward', 'ortho' or 'forward'")
    return norm or "backward"


def _places(
    op: str, input: Tensor, s: Sequence[int] | None, dim: Sequence[int] | None
) -> tuple[list[int], list[int]]:
    """Along which dimensions, and their lengths (-1: as it is)."""
    rank = len(input.shape)
    if dim is None and s is not None:
        if len(s) > rank:
            text = f"Got shape with {len(s)} values but input tensor only has {rank} dimensions."
            raise fail(op, text, input=input)
        dim = range(rank - len(s), rank)
    if dim and not rank:
        text = f"Dimension specified as {dim[0]} but tensor has no dimensions"
        raise fail(op, text, kind=IndexError, input=input)
    dims = [*range(rank)] if dim is None else [wrap_dim(d, rank) for d in dim]
    if len({*dims}) < len(dims):
        raise fail(op, f"FFT dims must be unique, got dim={tuple(dim or ())}", input=input)
    if s is not None and len(s) != len(dims):
        text = (
            f"When given, dim and shape arguments must have the same length, got s={tuple(s)} and dim={dim}"
        )
        raise fail(op, text, input=input)
    return dims, [-1] * len(dims) if s is None else [*s]


def _positive(op: str, input: Tensor, size: int) -> None:
    if size < 1:
        text = f"Invalid number of data points ({size}) specified, expected at least 1"
        raise fail(op, text, input=input)


def _lengths(op: str, input: Tensor, dims: list[int], sizes: list[int], kind: str) -> tuple[list[int], int]:
    """The lengths to which the input is brought, and that of the result's last dimension."""
    result = [input.shape[d] if size == -1 else size for size, d in zip(sizes, dims)]
    if kind == _REAL and sizes[-1] == -1:
        result[-1] = 2 * (input.shape[dims[-1]] - 1)
    for size in result:
        _positive(op, input, size)
    last = result[-1] if result else 0
    if kind == _REAL:
        result[-1] = last // 2 + 1
    return result, last


def _operand(op: str, input: Tensor, kind: str) -> Tensor:
    """In a type that is transformed."""
    dtype = input.dtype
    if kind == _HALF and dtype.is_complex:
        raise fail(op, f"expects a real input tensor, but got {dtype.name}", input=input)
    if not dtype.is_complex and not dtype.is_floating_point:
        dtype = dtypes.get_default_dtype()
    if dtype not in (dtypes.float32, dtypes.float64, *dtypes.COMPLEX):
        raise fail(
            op, f"Unsupported dtype {dtype.name}, expected float32, float64 or complex numbers", input=input
        )
    return input.to(dtype.to_complex() if kind == _REAL else dtype)


def transform(
    op: str, form: Form, input: Tensor, s: Sequence[int] | None, dim: Sequence[int] | None, norm: str | None
) -> Tensor:
    """The transform of a form, of `input` brought to the lengths `s` along `dim`."""
    x = _operand(op, input, form.kind)
    norm = _normalisation(op, norm)
    dims, sizes = _places(op, input, s, dim)
    if not dims:
        if form.kind != _COMPLEX:
            raise fail(op, "must transform at least one axis", input=input)
        return x.to(x.dtype.to_complex(), copy=True)
    lengths, last = _lengths(op, input, dims, sizes, form.kind)
    x = resized(x, lengths, dims)
    if form.kind == _COMPLEX:
        return fft_c2c(x, tuple(dims), norm, form.inverse)
    if form.kind == _HALF:
        return fft_r2c(x, tuple(dims), norm, form.inverse)
    return fft_c2r(x, tuple(dims), norm, form.inverse, last)


def _text(name: str, form: Form, along: str) -> str:
    other = {"ifft": "fft", "irfft": "rfft", "ihfft": "hfft"}.get(name, "")
    shape, dims = ("4", 1) if not along else ("4, 4", 2)
    length = {_COMPLEX: 4, _HALF: 3, _REAL: 6}[form.kind]
    shown = f"{length}" if dims == 1 else f"4, {length}"
    rest = _REST.format(_DEFAULT_DIM[along], name + along, shape, shown)
    return f"{form.doc.format(other + along)} {_ALONG[along]}{rest}"


def _samples(form: Form, along: str) -> Callable[[Make], list[Sample]]:
    """Calls of a form; the definitions take them as they are."""

    def samples(make: Make) -> list[Sample]:
        if not along:
            arguments: list[tuple] = [
                ((5,),),
                ((3, 4), 6, 0, "ortho"),
                ((4, 3), 2, 0, "forward"),
                ((2, 4), 7),
            ]
        elif along == "2":
            arguments = [
                ((3, 4),),
                ((2, 3, 4), (4, 5), (0, 2), "ortho"),
                ((3, 4), (-1, 2), (1, 0), "forward"),
            ]
        else:
            arguments = [((3, 4),), ((2, 3, 4), (4, 5), None, "ortho"), ((2, 3, 4), None, (2, 0), "forward")]
        return [Sample(make(*shape), *rest) for shape, *rest in arguments]

    return samples


def _errors(name: str, form: Form, along: str) -> Callable[[Make], list[Bad]]:
    def errors(make: Make) -> list[Bad]:
        cases = [
            Bad("a", error=TypeError, match="must be Tensor, not str"),
            Bad(make(3, 3), norm="best", match="Invalid normalization mode"),
            Bad(make(3, 3, dtype=dtypes.float16), match="Unsupported dtype float16"),
        ]
        if form.kind == _HALF:
            cases.append(Bad(make(3, 3, dtype=dtypes.complex64), match="expects a real input tensor"))
        if not along:
            return [
                *cases, Bad(make(3), 0, match="Invalid number of data points"),
                Bad(make(3), -1, match="Invalid number of data points"),
                Bad(make(()), error=IndexError, match="tensor has no dimensions"),
                Bad(make(3), None, 1, error=IndexError, match="Dimension out of range"),
            ]  # fmt: skip
        if along == "n":
            cases.append(Bad(make(3), (2, 2), match="input tensor only has 1 dim"))
        return [
            *cases, Bad(make(3, 3), (0, 2), match="Invalid number of data points"),
            Bad(make(3, 3), (2,), (0, 1), match="must have the same length"),
            Bad(make(3, 3), None, (0, 0), match="must be unique"),
        ]  # fmt: skip

    return errors


def _delivered(op: str, form: Form, result: Tensor, out: Tensor | None) -> Tensor:
    if out is None:
        return result
    if out.dtype.is_complex != result.dtype.is_complex:
        kind = "floating point" if form.kind == _REAL else "complex"
        raise fail(op, f"expects a {kind} output tensor, but got {out.dtype.name}", out=out)
    return dispatch.deliver(op, out, result)


def _entry(name: str, along: str) -> Any:
    """The entry of a form along one (""), two ("2") or more dimensions ("n")."""
    form, op = FORMS[name], name + along

    def one(
        input: Tensor,
        n: int | None = None,
        dim: int = -1,
        norm: str | None = None,
        *,
        out: Tensor | None = None,
    ) -> Tensor:
        if n is not None:
            _positive(op, input, n)
        return _delivered(
            op, form, transform(op, form, input, None if n is None else (n,), (dim,), norm), out
        )

    def two(
        input: Tensor,
        s: int | Sequence[int] | None = None,
        dim: int | Sequence[int] = (-2, -1),
        norm: str | None = None,
        *,
        out: Tensor | None = None,
    ) -> Tensor:
        s = (s,) if isinstance(s, int) else s
        dim = (dim,) if isinstance(dim, int) else dim
        return _delivered(op, form, transform(op, form, input, s, dim, norm), out)

    def several(
        input: Tensor,
        s: int | Sequence[int] | None = None,
        dim: int | Sequence[int] | None = None,
        norm: str | None = None,
        *,
        out: Tensor | None = None,
    ) -> Tensor:
        s, dim = ((x,) if isinstance(x, int) else x for x in (s, dim))
        return _delivered(op, form, transform(op, form, input, s, dim, norm), out)

    body = {"": one, "2": two, "n": several}[along]
    body.__doc__ = _text(name, form, along)
    types = _REAL_TYPES if form.kind == _HALF else (*_REAL_TYPES, *dtypes.COMPLEX)
    decorate = composite(
        api="fft", name=op, dtypes=types, samples=_samples(form, along),
        errors=_errors(name, form, along), reference=made(define.transform, name, along),
    )  # fmt: skip
    return decorate(body)


fft = _entry("fft", "")
fft2 = _entry("fft", "2")
fftn = _entry("fft", "n")
ifft = _entry("ifft", "")
ifft2 = _entry("ifft", "2")
ifftn = _entry("ifft", "n")
rfft = _entry("rfft", "")
rfft2 = _entry("rfft", "2")
rfftn = _entry("rfft", "n")
irfft = _entry("irfft", "")
irfft2 = _entry("irfft", "2")
irfftn = _entry("irfft", "n")
hfft = _entry("hfft", "")
hfft2 = _entry("hfft", "2")
hfftn = _entry("hfft", "n")
ihfft = _entry("ihfft", "")
ihfft2 = _entry("ihfft", "2")
ihfftn = _entry("ihfft", "n")
