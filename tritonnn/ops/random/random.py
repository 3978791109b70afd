"""Random tensors. Every number comes from Philox: a pure function of the generator's seed and its place."""

from __future__ import annotations

from typing import Any

from tritonnn import dispatch, dtypes
from tritonnn import shape as shapes
from tritonnn._tensor import Tensor, make_view
from tritonnn.device import resolve
from tritonnn.dispatch import allocate
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.ops._table import FLOATING, NAMESPACES, REAL, Out, primitive
from tritonnn.ops.conversion.overwriting import overwritten
from tritonnn.ops.creation.creation import _finish, _like
from tritonnn.random import Generator, generator_for
from tritonnn.shape import Size

torch_names = NAMESPACES["torch"]


def _public(function: Any) -> Any:
    torch_names[function.__name__] = function
    return function


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


def draw(fill: Any, target: Tensor, *params: Any, generator: Generator | None, wide: bool = False) -> Tensor:
    """Fill `target` from the generator's stream; `wide` values take two words whatever the dtype."""
    dispatch.check_float8(fill.op, target.dtype)
    generator = generator_for(target.device) if generator is None else generator
    if not isinstance(generator, Generator):
        raise TypeError(f"argument 'generator' must be torch.Generator, not {type(generator).__name__}")
    words = target.numel() * (2 if wide or target.dtype is dtypes.float64 else 1)
    if words and target.device.type != "meta":
        dispatch.run_backend(fill.op, (target,), (*params, *generator.reserve(words)))
    return target


# ---- new tensors ------------------------------------------------------------------------------------------


def _new(
    size: Any, dtype: DType | None, device: Any, out: Tensor | None, default: DType | None = None
) -> Tensor:
    shape = Size(shapes.as_size(size))
    if out is not None:
        return out.resize_(shape) if out.shape != shape else out
    return allocate(shape, dtype or default or dtypes.get_default_dtype(), resolve(device))


def _standard(name: str, fill: Any, made: Tensor, generator: Any, out: Tensor | None = None) -> Tensor:
    """Standard uniform or normal numbers; a complex normal has variance 1/2 in each part."""
    if made.dtype.kind < 2:
        raise NotImplementedError(
            f"{name}: not implemented for {made.dtype.name}; the dtype must be floating or complex"
        )
    scale = 0.5**0.5 if made.dtype.is_complex and fill is philox_normal else 1.0
    draw(fill, _real_parts(made), 0.0, scale, generator=generator)
    return made if out is None else overwritten(made, name)


def _real_parts(made: Tensor) -> Tensor:
    """A complex tensor's real and imaginary parts along a new last dimension, in the same memory."""
    if not made.dtype.is_complex:
        return made
    strides = (*[2 * stride for stride in made.stride()], 1)
    return make_view(made, Size((*made.shape, 2)), strides, 2 * made._offset, made.dtype.to_real())


@_public
def rand(
    *size: Any, generator: Generator | None = None, out: Tensor | None = None, dtype: DType | None = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Uniform numbers on [0, 1).

    >>> import tritonnn as torch
    >>> torch.rand(2, 3).shape
    torch.Size([2, 3])
    """
    made = _standard("rand", philox_uniform, _new(size, dtype, device, out), generator, out)
    return _finish(made, requires_grad, pin_memory, layout)


@_public
def randn(
    *size: Any, generator: Generator | None = None, out: Tensor | None = None, dtype: DType | None = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Numbers from the normal distribution of mean 0 and variance 1.

    >>> import tritonnn as torch
    >>> torch.randn(4).dtype
    torch.float32
    """
    made = _standard("randn", philox_normal, _new(size, dtype, device, out), generator, out)
    return _finish(made, requires_grad, pin_memory, layout)


def draw_integers(made: Tensor, low: int, high: int, generator: Any) -> Tensor:
    low, high = int(low), int(high)
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if made.dtype.kind < 2:
        info = dtypes.iinfo(made.dtype)
        least, most = (0, 1) if made.dtype.kind == 0 else (info.min, info.max)
        for name, bound in (("from", low), ("to - 1", high - 1)):
            if not least <= bound <= most:
                raise RuntimeError(
                    f"{name} is out of bounds for {made.dtype.name}: {bound} is not in [{least}, {most}]"
                )
    wide = high - low > 1 << 32
    if made.dtype.kind == 1:
        return draw(philox_randint, made, low, high, generator=generator, wide=wide)
    numbers = allocate(made.shape, dtypes.int64, made.device)
    return made.copy_(draw(philox_randint, numbers, low, high, generator=generator, wide=wide))


@_public
def randint(
    *bounds: Any, low: int = 0, high: int | None = None, size: Any = None, generator: Generator | None = None,
    out: Tensor | None = None, dtype: DType | None = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
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
    made = _new((size,), dtype, device, out, dtypes.int64)
    return _finish(draw_integers(made, low, high, generator), requires_grad, pin_memory, layout)


@_public
def randperm(
    n: int, *, generator: Generator | None = None, out: Tensor | None = None, dtype: DType | None = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A random permutation of 0 ... n-1: the order that sorts n random 63-bit keys.

    >>> import tritonnn as torch
    >>> torch.randperm(4).sort()[0]
    tensor([0, 1, 2, 3])
    """
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    kind = dtype or (dtypes.int64 if out is None else out.dtype)
    if kind.kind == 1 and n - 1 > dtypes.iinfo(kind).max:
        raise RuntimeError(f"n is too large for result tensor type: {n - 1} does not fit {kind.name}")
    keys = allocate(Size((n,)), dtypes.int64, resolve(device) if out is None else out.device)
    draw(philox_randint, keys, 0, (1 << 63) - 1, generator=generator, wide=True)
    order = keys.sort(stable=True)[1].to(kind)
    if out is not None:
        return _new((n,), None, None, out).copy_(order)
    return _finish(order, requires_grad, pin_memory, layout)


def _random_like(name: str, fill: Any) -> Any:
    def like(
        input: Tensor, *, dtype: DType | None = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, pin_memory: bool = False, memory_format: Any = None,
        generator: Generator | None = None,
    ) -> Tensor:  # fmt: skip
        made = _like(input, dtype, layout, device, memory_format, pin_memory)
        return _finish(_standard(name, fill, made, generator), requires_grad)

    like.__name__ = name
    kind = "Uniform numbers on [0, 1)" if name == "rand_like" else "Standard normal numbers"
    like.__doc__ = (
        f"{kind} in the shape, dtype and device of `input`.\n\n"
        f">>> import tritonnn as torch\n>>> torch.{name}(torch.zeros(2, 3)).shape\ntorch.Size([2, 3])"
    )
    return _public(like)


rand_like = _random_like("rand_like", philox_uniform)
randn_like = _random_like("randn_like", philox_normal)


@_public
def randint_like(
    input: Tensor, low: int, high: int | None = None, *, dtype: DType | None = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Integers uniform on [low, high) in the shape, dtype and device of `input`; `randint_like(x, high)` from 0 on.

    >>> import tritonnn as torch
    >>> torch.randint_like(torch.zeros(2), 5, 6)
    tensor([5., 5.])
    """
    low, high = (0, low) if high is None else (low, high)
    made = _like(input, dtype, layout, device, memory_format, pin_memory)
    return _finish(draw_integers(made, low, high, None), requires_grad)


@_public
def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, out: Tensor | None = None,
    dtype: DType | None = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Normal numbers with the given means and standard deviations, each a number or a tensor.

    >>> import tritonnn as torch
    >>> torch.normal(0.0, 1.0, (2, 2)).shape
    torch.Size([2, 2])
    """
    if isinstance(std, Tensor):
        if bool((std < 0).any()):
            raise RuntimeError("normal expects all elements of std >= 0.0")
    elif std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    tensors = [t for t in (mean, std) if isinstance(t, Tensor)]
    if not tensors:
        made = _new((size if size is not None else (),), dtype, device, out)
        return _finish(
            draw(philox_normal, made, float(mean), float(std), generator=generator),
            requires_grad,
            layout=layout,
        )
    shape = shapes.broadcast_shapes(*[t.shape for t in tensors])
    made = _new((shape,), tensors[0].dtype, tensors[0].device, out)
    draw(philox_normal, made, 0.0, 1.0, generator=generator)
    std, mean = (value.detach() if isinstance(value, Tensor) else value for value in (std, mean))
    result = made * std + mean
    return result if out is None else out.copy_(result)


@_public
def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None, out: Tensor | None = None
) -> Tensor:
    """1 with the probability that `input` holds (or with `p`), else 0.

    >>> import tritonnn as torch
    >>> torch.bernoulli(torch.ones(2))
    tensor([1., 1.])
    """
    made = _new((input.shape,), input.dtype, input.device, out)
    return draw_bernoulli(made, input if p is None else p, generator)


def draw_bernoulli(target: Tensor, p: Any, generator: Any) -> Tensor:
    if isinstance(p, Tensor):
        if not p.dtype.is_floating_point:
            raise fail("bernoulli", f"expected probabilities of a floating dtype, got {p.dtype.name}", p=p)
        if p.device.type != "meta" and p.numel() and not bool(((p >= 0) & (p <= 1)).all()):
            raise RuntimeError("bernoulli: Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
        values = p.detach().expand(target.shape)._buf
    else:
        if not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        values = float(p)
    generator = generator_for(target.device) if generator is None else generator
    if target.numel() and target.device.type != "meta":
        dispatch.run_backend(philox_bernoulli.op, (target,), (values, *generator.reserve(target.numel())))
    return target


@_public
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Poisson numbers with the rates that `input` holds.

    >>> import tritonnn as torch
    >>> torch.poisson(torch.zeros(2))
    tensor([0., 0.])
    """
    if not input.dtype.is_floating_point:
        message = f"expected rates of a floating dtype, got {input.dtype.name}"
        raise fail("poisson", message, kind=NotImplementedError, input=input)
    if input.numel() and bool((input < 0).any()):
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    generator = generator_for(input.device) if generator is None else generator
    return philox_poisson(input.detach(), *generator.reserve(4 * input.numel()))


@_public
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Indices drawn from the (unnormalised) probabilities in each row of `input`.

    >>> import tritonnn as torch
    >>> torch.multinomial(torch.tensor([0., 1.]), 3, replacement=True)
    tensor([1, 1, 1])
    """
    if len(input.shape) not in (1, 2):
        raise fail("multinomial", f"prob_dist must be 1 or 2 dim, got {len(input.shape)}", input=input)
    if not input.dtype.is_floating_point:
        message = f"only supports floating-point dtypes for input, got: {input.dtype.name}"
        raise fail("multinomial", message, input=input)
    categories = input.shape[-1]
    if num_samples <= 0:
        raise fail("multinomial", f"cannot sample n_sample <= 0 samples, got {num_samples}")
    if not replacement and num_samples > categories:
        raise fail(
            "multinomial",
            f"cannot sample n_sample > prob_dist.size(-1) samples without replacement ({num_samples} > {categories})",
            input=input,
        )
    weights = input.detach()
    if bool((~(weights >= 0)).any()) or bool((weights == float("inf")).any()):
        raise fail(
            "multinomial", "probability tensor contains either `inf`, `nan` or element < 0", input=input
        )
    if bool((weights.sum(-1) <= 0).any()):
        raise fail("multinomial", "invalid multinomial distribution (sum of probabilities <= 0)", input=input)
    if replacement:
        total = (weights if weights.dtype.itemsize > 2 else weights.to(dtypes.float32)).cumsum(-1)
        place = rand(
            *input.shape[:-1], num_samples, generator=generator, dtype=total.dtype, device=input.device
        )
        drawn = torch_names["searchsorted"](total, place * total[..., -1:], right=True)
        drawn = drawn.clamp(max=categories - 1)
    else:  # the largest of p / exponential are a sample without replacement (Efraimidis and Spirakis 2006)
        clock = draw(
            philox_exponential, allocate(input.shape, input.dtype, input.device), 1.0, generator=generator
        )
        drawn = (weights / clock).topk(num_samples, -1)[1]  # of ties, all of weight 0, the first ones
    return drawn if out is None else _new((drawn.shape,), None, None, out).copy_(drawn)


Tensor.multinomial = multinomial  # type: ignore[attr-defined]
Tensor.bernoulli = bernoulli  # type: ignore[attr-defined]
