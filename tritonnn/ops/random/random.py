"""Random tensors. Every number comes from Philox: a pure function of the generator's seed and its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import dispatch, dtypes
from tritonnn import shape as shapes
from tritonnn._levels import HOOKS, batching, refuse_shared
from tritonnn._levels import state as transforms
from tritonnn._tensor import Tensor, make_view
from tritonnn.device import DeviceLike, resolve
from tritonnn.dispatch import allocate
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import memory_format as MemoryFormat
from tritonnn.ops._arguments import not_a_tensor, whole_number
from tritonnn.ops._table import FLOATING, NUMERIC, REAL, Bad, Out, Sample, composite, primitive
from tritonnn.ops.conversion.overwriting import overwritten
from tritonnn.ops.creation._outputs import agreed
from tritonnn.ops.creation.creation import _finish, _like
from tritonnn.random import Generator, generator_for
from tritonnn.shape import Size
from tritonnn.table.types import Count

# ---- fills: primitives without tensor arguments, run on an existing tensor ----------------------------------


def _fill_only(*args: Any) -> Any:
    raise AssertionError("a fill runs on an existing tensor")


@primitive(dtypes=FLOATING)
def philox_uniform(low: float, high: float, seed: int, offset: int) -> Any:
    """Uniform on [low, high)."""
    return _fill_only()


@primitive(dtypes=FLOATING)
def philox_normal(mean: float, std: float, seed: int, offset: int) -> Any:
    """Normal."""
    return _fill_only()


@primitive(dtypes=FLOATING)
def philox_log_normal(mean: float, std: float, seed: int, offset: int) -> Any:
    """exp of a normal."""
    return _fill_only()


@primitive(dtypes=FLOATING)
def philox_exponential(rate: float, seed: int, offset: int) -> Any:
    """Exponential."""
    return _fill_only()


@primitive(dtypes=FLOATING)
def philox_cauchy(median: float, sigma: float, seed: int, offset: int) -> Any:
    """Cauchy."""
    return _fill_only()


@primitive(dtypes=REAL)
def philox_geometric(p: float, seed: int, offset: int) -> Any:
    """Number of trials up to the first success."""
    return _fill_only()


@primitive(dtypes=REAL)
def philox_randint(low: int, high: int, seed: int, offset: int) -> Any:
    """Integers uniform on [low, high)."""
    return _fill_only()


@primitive(dtypes=REAL)
def philox_bernoulli(p: Any, seed: int, offset: int) -> Any:
    """One with probability p, a number or a buffer."""
    return _fill_only()


@primitive(dtypes=FLOATING)
def philox_poisson(rate: Tensor, seed: int, offset: int) -> Any:
    """Poisson with the rates of a tensor."""
    return Out(rate.shape, rate.dtype)


def draw(
    fill: Any,
    target: Tensor,
    *params: Any,
    generator: Generator | None,
    wide: bool = False,
    fresh: bool = True,
) -> Tensor:
    """Fill `target` from the generator's stream; `wide` values take two words whatever the dtype.

    Inside `vmap` what is `fresh` may become another tensor.
    """
    dispatch.check_float8(fill.op, target.dtype)
    generator = generator_for(target.device) if generator is None else generator
    if not isinstance(generator, Generator):
        raise TypeError(f"argument 'generator' must be torch.Generator, not {type(generator).__name__}")
    if transforms.stack and batching():
        return HOOKS["draw"](lambda one: _draw(fill, one, params, generator, wide), target, fresh)
    return _draw(fill, target, params, generator, wide)


def _draw(fill: Any, target: Tensor, params: tuple, generator: Generator, wide: bool) -> Tensor:
    words = target.numel() * (2 if wide or target.dtype is dtypes.float64 else 1)
    if words and target.device.type != "meta":
        dispatch.run_into(fill.op, target, (*params, *generator.reserve(words)))
    return target


# ---- new tensors ------------------------------------------------------------------------------------------


def _new(
    size: Any,
    dtype: DType | None,
    device: DeviceLike | None,
    out: Tensor | None,
    default: DType | None = None,
    op: str = "",
) -> Tensor:
    shape = Size(shapes.as_size(size, op))
    if op:
        agreed(op, out, dtype)
    if out is not None:
        dispatch.check_out("", out, False, out.dtype, None)
        if out.shape != shape:
            dispatch.resize_out(out, shape)
        dispatch.refuse_expanded(out)
        return out
    return allocate(shape, dtype or default or dtypes.get_default_dtype(), resolve(device))


def _standard(
    name: str, fill: Any, target: Tensor, generator: Generator | None, out: Tensor | None = None
) -> Tensor:
    """Standard uniform or normal numbers; a complex normal has variance 1/2 in each part."""
    if target.dtype.kind < 2:
        raise NotImplementedError(
            f"{name}: not implemented for {target.dtype.name}; the dtype must be floating or complex"
        )
    scale = 0.5**0.5 if target.dtype.is_complex and fill is philox_normal else 1.0
    if target.dtype.is_complex:
        draw(fill, _real_parts(target), 0.0, scale, generator=generator, fresh=False)
    else:
        target = draw(fill, target, 0.0, scale, generator=generator, fresh=out is None)
    return target if out is None else overwritten(target, name)


def _real_parts(tensor: Tensor) -> Tensor:
    """A complex tensor's real and imaginary parts along a new last dimension, in the same memory."""
    if not tensor.dtype.is_complex:
        return tensor
    strides = (*[2 * stride for stride in tensor.stride()], 1)
    return make_view(tensor, Size((*tensor.shape, 2)), strides, 2 * tensor._offset, tensor.dtype.to_real())


# The whole numbers that a floating dtype counts, and PyTorch's randperm allows of it.
_COUNTED = {dtypes.float16: (1 << 11) + 1, dtypes.float32: (1 << 24) + 1, dtypes.float64: (1 << 53) + 1}
_NEW = dict(
    api="torch", dtypes=FLOATING,
    samples=lambda make: [Sample(3, 4, dtype=make.dtype, device=make.device), Sample((), device=make.device)],
    errors=lambda make: [
        Bad(-1, match="negative dimension"), Bad(2.5, error=TypeError, match="tuple of ints"),
        Bad(2, dtype=dtypes.int64, error=NotImplementedError, match="must be floating or complex"),
        Bad(2, generator=3, error=TypeError, match="must be torch.Generator, not int"),
    ],
)  # fmt: skip


@composite(**_NEW)
def rand(
    *sizes: int | Sequence[int], size: Sequence[int] | None = None, generator: Generator | None = None,
    out: Tensor | None = None, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Uniform numbers on [0, 1).

    >>> import tritonnn as torch
    >>> torch.rand(2, 3).shape
    torch.Size([2, 3])
    """
    new = _new(sizes or shapes.by_name("rand", "size", size), dtype, device, out, op="rand")
    numbers = _standard("rand", philox_uniform, new, generator, out)
    return _finish(numbers, requires_grad, pin_memory, layout)


@composite(**_NEW)
def randn(
    *sizes: int | Sequence[int], size: Sequence[int] | None = None, generator: Generator | None = None,
    out: Tensor | None = None, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Numbers from the normal distribution of mean 0 and variance 1.

    >>> import tritonnn as torch
    >>> torch.randn(4).dtype
    torch.float32
    """
    new = _new(sizes or shapes.by_name("randn", "size", size), dtype, device, out, op="randn")
    numbers = _standard("randn", philox_normal, new, generator, out)
    return _finish(numbers, requires_grad, pin_memory, layout)


def draw_integers(
    target: Tensor, low: int, high: int, generator: Generator | None, fresh: bool = False
) -> Tensor:
    if not (isinstance(low, int) and isinstance(high, int)):
        whole_number("random", "from", low)
        whole_number("random", "to", high)
    if target.dtype.is_complex:
        raise fail(
            "random", "random bounds are of integral, floating-point and boolean types only", self=target
        )
    low, high = int(low), int(high)
    for name, bound in (("from", low), ("to", high)):
        if not -(1 << 63) <= bound < 1 << 63:
            text = f"Overflow when unpacking long long: argument '{name}' is {bound}"
            raise fail("random", text, kind=ValueError, self=target)
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if target.dtype.kind < 2:
        least, most = 0, 1  # of truth values
        if target.dtype.kind:
            info = dtypes.iinfo(target.dtype)
            least, most = info.min, info.max
        for name, bound in (("from", low), ("to - 1", high - 1)):
            if not least <= bound <= most:
                raise RuntimeError(
                    f"{name} is out of bounds for {target.dtype.name}: {bound} is not in [{least}, {most}]"
                )
    wide = high - low > 1 << 32
    if target.dtype.kind == 1:
        return draw(philox_randint, target, low, high, generator=generator, wide=wide, fresh=fresh)
    numbers = allocate(target.shape, dtypes.int64, target.device)
    numbers = draw(philox_randint, numbers, low, high, generator=generator, wide=wide)
    if not fresh:
        refuse_shared(target, numbers)
    return numbers.to(target.dtype) if fresh else target.copy_(numbers)


@composite(
    api="torch", dtypes=REAL,
    samples=lambda make: [
        Sample(2, (3, 4), dtype=make.dtype, device=make.device),
        Sample(1, 2, (5,), dtype=make.dtype, device=make.device),
    ],
    errors=lambda make: [
        Bad(5, 5, (2,), match="'from' to be less than 'to'"),
        Bad(5, error=TypeError, match="takes .high, size."),
        Bad(300, (2,), dtype=dtypes.uint8, match="out of bounds for uint8"),
        Bad(5, (-1,), match="negative dimension"),
        Bad(2.5, (2,), error=TypeError, match="must be int, not float"),
        Bad(5, (2,), dtype=dtypes.complex64, match="boolean types only"),
    ],
)  # fmt: skip
def randint(
    *bounds: Any, low: int = 0, high: int | None = None, size: Any = None,
    generator: Generator | None = None, out: Tensor | None = None, dtype: DType | None = None,
    layout: Layout | None = None, device: DeviceLike | None = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Integers uniform on [low, high): `randint(high, size)` or `randint(low, high, size)`.

    >>> import tritonnn as torch
    >>> bool((torch.randint(3, 5, (10,)) >= 3).all())
    True
    """
    values = list(bounds)
    if values and not isinstance(values[-1], (int, Tensor)) and size is None:
        size = values.pop()
    if len(values) == 2:
        low, high = values
    elif len(values) == 1 and high is None:
        high = values[0]
    elif values:
        low = values[0]
    if high is None or size is None:
        raise TypeError("randint() takes (high, size) or (low, high, size)")
    given = shapes.by_name("randint", "size", size)
    target = _new(given, dtype, device, out, dtypes.int64, "randint")
    numbers = draw_integers(target, low, high, generator, out is None)
    return _finish(numbers, requires_grad, pin_memory, layout)


@composite(
    api="torch", dtypes=NUMERIC,
    samples=lambda make: [Sample(n, dtype=make.dtype, device=make.device) for n in (0, 1, 7)],
    errors=lambda make: [
        Bad(-1, match="n must be non-negative"),
        Bad(2.5, error=TypeError, match="'n' .*must be int, not float"),
        Bad(300, dtype=dtypes.uint8, match="n is too large for result tensor type"),
        Bad(3, dtype=dtypes.bool_, error=NotImplementedError, match="not implemented for bool"),
    ],
)  # fmt: skip
def randperm(
    n: Count, *, generator: Generator | None = None, out: Tensor | None = None, dtype: DType | None = None,
    layout: Layout | None = None, device: DeviceLike | None = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A random permutation of 0 ... n-1: the order that sorts n random 63-bit keys.

    >>> import tritonnn as torch
    >>> torch.randperm(4).sort()[0]
    tensor([0, 1, 2, 3])
    """
    whole_number("randperm", "n", n)
    n = int(n)
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    agreed("randperm", out, dtype)
    kind = dtype or (dtypes.int64 if out is None else out.dtype)
    if kind not in NUMERIC:
        raise fail("randperm", f"not implemented for {kind.name}", kind=NotImplementedError)
    if kind.kind == 1 and n - 1 > dtypes.iinfo(kind).max:
        raise RuntimeError(f"n is too large for result tensor type: {n - 1} does not fit {kind.name}")
    if kind in _COUNTED and n > _COUNTED[kind]:
        raise RuntimeError(f"n cannot be greater than {_COUNTED[kind]} for {kind.name} type.")
    keys = allocate(Size((n,)), dtypes.int64, resolve(device) if out is None else out.device)
    keys = draw(philox_randint, keys, 0, (1 << 63) - 1, generator=generator, wide=True)
    order = keys.sort(stable=True)[1].to(kind)
    if out is not None:
        return _new((n,), None, None, out).copy_(order)
    return _finish(order, requires_grad, pin_memory, layout)


def _random_like(name: str, fill: Any) -> Any:
    def like(
        input: Tensor, *, dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
        requires_grad: bool = False, pin_memory: bool = False, memory_format: MemoryFormat | None = None,
        generator: Generator | None = None,
    ) -> Tensor:  # fmt: skip
        if not isinstance(input, Tensor):
            raise not_a_tensor(name, "input", input)
        target = _like(input, dtype, layout, device, memory_format, pin_memory)
        return _finish(_standard(name, fill, target, generator), requires_grad)

    like.__name__ = name
    kind = "Uniform numbers on [0, 1)" if name == "rand_like" else "Standard normal numbers"
    like.__doc__ = (
        f"{kind} in the shape, dtype and device of `input`.\n\n"
        f">>> import tritonnn as torch\n>>> torch.{name}(torch.zeros(2, 3)).shape\ntorch.Size([2, 3])"
    )
    return composite(
        api="torch", dtypes=FLOATING, samples=lambda make: [Sample(make(3, 4)), Sample(make(()))],
        errors=lambda make: [
            Bad(3, error=TypeError, match="must be Tensor, not int"),
            Bad(make.int(3), error=NotImplementedError, match="must be floating or complex"),
        ],
    )(like)  # fmt: skip


rand_like = _random_like("rand_like", philox_uniform)
randn_like = _random_like("randn_like", philox_normal)


@composite(
    api="torch", dtypes=REAL, samples=lambda make: [Sample(make(3, 4), 2), Sample(make(()), 1, 2)],
    errors=lambda make: [
        Bad(3, 5, error=TypeError, match="must be Tensor, not int"),
        Bad(make(2), 5, 5, match="'from' to be less than 'to'"),
        Bad(make(2), 2.5, error=TypeError, match="must be int, not float"),
    ],
)  # fmt: skip
def randint_like(
    input: Tensor, low: Count | None = None, high: Count | None = None, *, generator: Generator | None = None,
    dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False, pin_memory: bool = False, memory_format: MemoryFormat | None = None,
) -> Tensor:  # fmt: skip
    """Integers uniform on [low, high) in the shape, dtype and device of `input`; `randint_like(x, high)` from 0 on.

    >>> import tritonnn as torch
    >>> torch.randint_like(torch.zeros(2), 5, 6)
    tensor([5., 5.])
    """
    if low is None and high is None:
        raise TypeError("randint_like() missing required argument 'high'")
    first, last = (0, low) if high is None else (low or 0, high)
    assert last is not None
    target = _like(input, dtype, layout, device, memory_format, pin_memory)
    return _finish(draw_integers(target, first, last, generator, True), requires_grad)
