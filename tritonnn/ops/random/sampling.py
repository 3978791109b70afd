"""Drawing from given distributions: normal, bernoulli, poisson, multinomial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import dispatch, dtypes
from tritonnn import shape as shapes
from tritonnn._levels import HOOKS, batching, ever, readable, refuse_shared
from tritonnn._levels import state as transforms
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.memory_format import layout as Layout
from tritonnn.ops._table import FLOATING, Bad, Out, Sample, composite, primitive
from tritonnn.ops.creation._outputs import agreed
from tritonnn.ops.creation.creation import _finish, allocate, zeros
from tritonnn.ops.random.random import (
    _new,
    draw,
    philox_bernoulli,
    philox_exponential,
    philox_normal,
    philox_poisson,
    philox_uniform,
    rand,
)  # fmt: skip
from tritonnn.ops.sorting.searching import searchsorted
from tritonnn.random import Generator, generator_for
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import record_refusal
from tritonnn.table import Make
from tritonnn.table.types import Count


@composite(
    api="torch", dtypes=FLOATING,
    samples=lambda make: [
        Sample(make(3, 4), make(4, positive=True)), Sample(make(3)), Sample(0.0, make(3, positive=True)),
        Sample(1.0, 2.0, (3, 2), dtype=make.dtype, device=make.device),
    ],
    errors=lambda make: [
        Bad(0.0, -1.0, (2,), match="normal expects std >= 0.0"),
        Bad(0.0, -make(2, positive=True), match="elements of std"),
        Bad(make(3), make(2, positive=True), match="must match the size"),
        Bad(0.0, 1.0, error=TypeError, match="needs size"),
        Bad(make(2), 1.0, (2,), error=TypeError, match="size is given by the tensors"),
        Bad(make.int(2), 1.0, error=NotImplementedError, match="not implemented for int64"),
    ],
)  # fmt: skip
def normal(
    mean: Tensor | float, std: Tensor | float = 1.0, size: Sequence[int] | None = None, *,
    generator: Generator | None = None, out: Tensor | None = None, dtype: DType | None = None,
    layout: Layout | None = None, device: DeviceLike | None = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Normal numbers with the given means and standard deviations, each a number or a tensor.

    Args:
        size: where both are numbers; tensors without dimensions count as such beside it.

    >>> import tritonnn as torch
    >>> torch.normal(0.0, 1.0, (2, 2)).shape
    torch.Size([2, 2])
    """
    if size is not None:
        mean, std = (_one_of_many(name, value) for name, value in (("mean", mean), ("std", std)))
    if isinstance(std, Tensor):
        if readable(std) and ever(std < 0):
            raise RuntimeError("normal expects all elements of std >= 0.0")
    elif std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    tensors = [t for t in (mean, std) if isinstance(t, Tensor)]
    if not tensors and size is None:
        raise TypeError("normal(): needs size where mean and std are numbers")
    if tensors and tensors[0].dtype.kind < 2:
        message = f"not implemented for {tensors[0].dtype.name}"
        raise fail("normal", message, kind=NotImplementedError, tensor=tensors[0])
    if not tensors:
        assert size is not None
        agreed("normal", out, dtype)
        target = _new((tuple(size),), dtype, device, out, op="normal")
        if target.dtype.kind < 2:
            raise fail("normal", f"not implemented for {target.dtype.name}", kind=NotImplementedError)
        return _finish(
            draw(philox_normal, target, float(mean), float(std), generator=generator),
            requires_grad,
            pin_memory,
            layout,
        )
    shape = shapes.broadcast_shapes(*[t.shape for t in tensors])
    if out is not None:
        recorded = state.enabled and any(t.requires_grad for t in tensors)
        dispatch.check_out("normal", out, recorded, tensors[0].dtype, tensors[0].device)
    numbers = _new((shape,), tensors[0].dtype, tensors[0].device, out)
    numbers = draw(philox_normal, numbers, 0.0, 1.0, generator=generator, fresh=out is None)
    plain_std, plain_mean = (value.detach() if isinstance(value, Tensor) else value for value in (std, mean))
    result = numbers * plain_std + plain_mean
    return _recorded(normal_drawn, result, mean, std) if out is None else out.copy_(result)


def _no_gradient(argument: str) -> Any:
    """The formula of what was drawn from: zeros of its shape."""
    if argument == "std":
        return lambda g, std_shape: zeros(std_shape, dtype=g.dtype, device=g.device)
    return lambda g, input_shape: zeros(input_shape, dtype=g.dtype, device=g.device)


@primitive(
    public="normal", recorded=True, dtypes=FLOATING,
    grad={"input": _no_gradient("input"), "std": _no_gradient("std")},
)  # fmt: skip
def normal_drawn(input: Tensor | None, std: Tensor | None) -> Out:
    """History of numbers drawn with a mean and a standard deviation; recorded, never run."""
    given = [t for t in (input, std) if t is not None]
    return Out(shapes.broadcast_shapes(*[t.shape for t in given]), given[0].dtype)


@primitive(public="bernoulli", recorded=True, dtypes=FLOATING, grad={"input": _no_gradient("input")})
def bernoulli_drawn(input: Tensor) -> Out:
    """History of what was drawn with probabilities; recorded, never run."""
    return Out(input.shape, input.dtype)


@primitive(public="poisson", recorded=True, dtypes=FLOATING, grad={"input": _no_gradient("input")})
def poisson_drawn(input: Tensor) -> Out:
    """History of what was drawn with rates; recorded, never run."""
    return Out(input.shape, input.dtype)


def _recorded(history: Any, result: Tensor, *sources: Any) -> Tensor:
    """`result`, in the graph if what it was drawn from is; the gradients of that are zeros."""
    record_refusal(history.op, tuple(s if isinstance(s, Tensor) else None for s in sources), (result,))
    return result


def _one_of_many(name: str, value: Tensor | float) -> float:
    """A mean or a standard deviation beside a size."""
    if isinstance(value, Tensor):
        if value.shape:
            text = f"size is given by the tensors mean and std, but it was given as well; {name} has {len(value.shape)}"
            raise fail("normal", f"{text} dimensions", kind=TypeError, **dict[str, Any]({name: value}))
        return float(value)
    return value


@composite(
    api="torch tensor", dtypes=FLOATING, inplace=False,
    samples=lambda make: [Sample(make(3, 4, low=0, high=1)), Sample(make(5), 0.25)],
    errors=lambda make: [
        Bad(make(2, low=2, high=3), match="Expected p_in >= 0 && p_in <= 1"),
        Bad(make(2), 2.0, match="p to be in .0, 1."),
        Bad(3, error=TypeError, match="must be Tensor, not int"),
        Bad(make.int(2), error=NotImplementedError, match="probabilities of a floating dtype"),
    ],
)  # fmt: skip
def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None, out: Tensor | None = None
) -> Tensor:
    """1 with the probability that `input` holds (or with `p`), else 0.

    >>> import tritonnn as torch
    >>> torch.bernoulli(torch.ones(2))
    tensor([1., 1.])
    """
    if out is not None:
        if p is not None:
            raise fail("bernoulli", "takes either p or out, got both", kind=TypeError, input=input)
        recorded = state.enabled and input.requires_grad
        dispatch.check_out("bernoulli", out, recorded, getattr(out, "dtype", input.dtype), input.device)
        if out.dtype.is_complex:
            raise fail("bernoulli", f"not implemented for {out.dtype.name}", kind=NotImplementedError)
    target = _new((input.shape,), input.dtype, input.device, out)
    drawn = draw_bernoulli(target, input if p is None else p, generator, out is not None)
    return _recorded(bernoulli_drawn, drawn, input) if p is None and out is None else drawn


def draw_bernoulli(target: Tensor, p: Any, generator: Generator | None, written: bool = True) -> Tensor:
    if isinstance(p, Tensor):
        if not p.dtype.is_floating_point:
            message = f"expected probabilities of a floating dtype, got {p.dtype.name}"
            raise fail("bernoulli", message, kind=NotImplementedError, p=p)
        if readable(p) and p.numel() and ever(((p >= 0) & (p <= 1)).logical_not()):
            raise RuntimeError("bernoulli: Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
        values: Any = p.detach().expand(target.shape)
    else:
        if not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        values = float(p)
    generator = generator_for(target.device) if generator is None else generator
    if transforms.stack and batching():
        numbers = allocate(target.shape, dtypes.float32, target.device)
        drawn = draw(philox_uniform, numbers, 0.0, 1.0, generator=generator) < values
        if written:
            refuse_shared(target, drawn)
        return target.copy_(drawn) if written else drawn.to(target.dtype)
    if target.numel() and target.device.type != "meta":
        dispatch.run_into(philox_bernoulli.op, target, (values, *generator.reserve(target.numel())))
    return target


@composite(
    api="torch", dtypes=FLOATING,
    samples=lambda make: [Sample(make(3, 4, low=0, high=9)), Sample(make((), positive=True))],
    errors=lambda make: [
        Bad(3, error=TypeError, match="must be Tensor, not int"),
        Bad(make(2, low=-2, high=-1), match="invalid Poisson rate"),
        Bad(make.int(2), error=NotImplementedError, match="rates of a floating dtype"),
    ],
)  # fmt: skip
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Poisson numbers with the rates that `input` holds.

    >>> import tritonnn as torch
    >>> torch.poisson(torch.zeros(2))
    tensor([0., 0.])
    """
    if not input.dtype.is_floating_point:
        message = f"expected rates of a floating dtype, got {input.dtype.name}"
        raise fail("poisson", message, kind=NotImplementedError, input=input)
    if readable(input) and input.numel() and ever((input >= 0).logical_not()):  # NaN is no rate
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    generator = generator_for(input.device) if generator is None else generator
    rates, times = HOOKS["unsure"](input, True) if transforms.stack and batching() else (input, 1)
    drawn = philox_poisson(rates.detach(), *generator.reserve(4 * input.numel() * times))
    return _recorded(poisson_drawn, drawn, input)


def _multinomial_errors(make: Make) -> list[Bad]:
    p = make(2, 3, positive=True)
    return [
        Bad(make(2, 2, 2), 1, match="must be 1 or 2 dim"),
        Bad(make.int(3), 1, match="only supports floating-point"),
        Bad(p, 0, match="n_sample <= 0"), Bad(p, 4, match="without replacement"),
        Bad(-p, 1, match="`inf`, `nan` or element < 0"), Bad(p * 0, 1, match="sum of probabilities <= 0"),
        Bad(3, 1, error=TypeError, match="must be Tensor, not int"),
    ]  # fmt: skip


@composite(
    api="torch tensor", dtypes=FLOATING, errors=_multinomial_errors,
    samples=lambda make: [Sample(make(2, 4, positive=True), 3), Sample(make(4, positive=True), 6, True)],
)  # fmt: skip
def multinomial(
    input: Tensor, num_samples: Count, replacement: bool = False, *, generator: Generator | None = None,
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
    if out is not None:
        dispatch.check_out(
            "multinomial", out, state.enabled and input.requires_grad, dtypes.int64, input.device
        )
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
    if readable(weights):
        if ever(~(weights >= 0)) or ever(weights == float("inf")):
            raise fail(
                "multinomial", "probability tensor contains either `inf`, `nan` or element < 0", input=input
            )
        if ever(weights.sum(-1) <= 0):
            text = "invalid multinomial distribution (sum of probabilities <= 0)"
            raise fail("multinomial", text, input=input)
    if replacement:
        total = (weights if weights.dtype.itemsize > 2 else weights.to(dtypes.float32)).cumsum(-1)
        place = rand(
            *input.shape[:-1], num_samples, generator=generator, dtype=total.dtype, device=input.device
        )
        drawn = searchsorted(total, place * total[..., -1:], right=True)
        drawn = drawn.clamp(max=categories - 1)
    else:  # the largest of p / exponential are a sample without replacement (Efraimidis and Spirakis 2006)
        clock = draw(
            philox_exponential, allocate(input.shape, input.dtype, input.device), 1.0, generator=generator
        )
        drawn = (weights / clock).topk(num_samples, -1)[1]  # of ties, all of weight 0, the first ones
    return drawn if out is None else _new((drawn.shape,), None, None, out).copy_(drawn)
