"""Custom functions inside of function transforms: their own rule for batches, or one made from their parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tritonnn._levels import Batched, batched, below, highest, within
from tritonnn._tensor import Tensor, set_requires_grad
from tritonnn.batching.chance import allowed
from tritonnn.batching.values import front, materialized, moved
from tritonnn.recording.grad_mode import enable_grad
from tritonnn.utils._pytree import tree_flatten, tree_map, tree_unflatten
from tritonnn.utils._pytree._walk import _broadcast_to_and_flatten

NO_JVP = "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
NO_VMAP = (
    "To use autograd.Function with vmap, you must either override the vmap staticmethod or set "
    "generate_vmap_rule=True."
)
_SEE = "For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"


class VmapInfo(NamedTuple):
    """What the `vmap` of a custom function is told."""

    batch_size: int
    randomness: str


def check_transformable(cls: Any) -> None:
    """Refuse a function whose forward takes `ctx`."""
    if not hasattr(cls, "setup_context") and not cls._generated:
        raise RuntimeError(
            "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must "
            f"override the setup_context staticmethod. {_SEE}"
        )


def batched_apply(cls: Any, args: tuple, has_rule: bool) -> Any:
    """A call with batched arguments.

    Args:
        has_rule: whether the function has a `vmap` of its own.
    """
    name = f"You tried to vmap over {cls.__name__}, but it"
    if has_rule and cls.generate_vmap_rule:
        raise RuntimeError(
            f"{name} has both generate_vmap_rule=True and an overridden vmap staticmethod. Please set "
            f"generate_vmap_rule=False or delete the overridden vmap staticmethod to avoid ambiguity. {_SEE}"
        )
    if not has_rule and not cls.generate_vmap_rule:
        raise RuntimeError(
            f"{name} does not have vmap support. Please override and implement the vmap staticmethod or set "
            f"generate_vmap_rule=True. {_SEE}"
        )
    level = highest(tree_flatten(args)[0])
    if has_rule:
        return by_rule(cls.vmap, level, args)
    values, dims, size = taken_apart(args, level)
    with below(level):
        output = generate(cls, dims, VmapInfo(size, allowed(level))).apply(*values)
    return _as_samples(output, 0, level)


def taken_apart(args: tuple, level: int) -> tuple[tuple, Any, int]:
    """The batches of a level in place of their samples, where these are in them, and how many."""
    mine = lambda value: value.__class__ is Batched and value.level == level
    size = next(leaf.value._shape[0] for leaf in tree_flatten(args)[0] if mine(leaf))
    values = tree_map(lambda value: value.value if mine(value) else value, args)
    return values, tree_map(lambda value: 0 if mine(value) else None, args), size


def by_rule(rule: Callable, level: int, args: tuple, kwargs: dict[str, Any] | None = None) -> Any:
    """What a user's rule for batches, `(info, in_dims, *args) -> (output, out_dims)`, makes of a call."""
    values, dims, size = taken_apart(args, level)
    with below(level):
        returned = rule(VmapInfo(size, allowed(level)), dims, *values, **(kwargs or {}))
    if not (isinstance(returned, tuple) and len(returned) == 2):
        raise RuntimeError(
            "Expected the vmap staticmethod to have two returns, an output and out_dims with pytree structure "
            f"compatible with the output. Got a {type(returned)} instead"
        )
    return _as_samples(*returned, level)


def _as_samples(output: Any, out_dims: Any, level: int) -> Any:
    results, spec = tree_flatten(output)
    places = _broadcast_to_and_flatten(out_dims, spec)
    if places is None:
        raise RuntimeError(
            "The autograd.Function's vmap staticmethod returned an incompatible (output, out_dims) tuple. Expected "
            f"out_dims={out_dims} to be compatible with the structure of `output`. out_dims has structure "
            f"{tree_flatten(out_dims)[1]} but output has structure {spec}. {_SEE}"
        )
    wrapped = [
        value if place is None else batched(moved(value, place % value.dim(), 0), level)
        for value, place in zip(results, places, strict=True)
    ]
    return tree_unflatten(wrapped, spec)


class _Context:
    """What the parts of a function are given in place of `ctx`: the same, of samples."""

    def __init__(self) -> None:
        self.saved_tensors: tuple = ()
        self.needs_input_grad: tuple = ()
        self._materialize: bool = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors."""
        self.saved_tensors = tensors

    save_for_forward = save_for_backward

    def mark_dirty(self, *args: Tensor) -> None:
        """Refused."""
        raise RuntimeError(
            "generate_vmap_rule=True: a function that writes into its inputs needs a vmap staticmethod"
        )

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Declare results that have no gradient."""
        self.constants = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward is given zeros instead of None."""
        self._materialize = value

    constants: tuple = ()


def _samples(values: Any, level: int, flags: Any) -> list[Any]:
    """The values, those tensors whose flag is set as samples of a batch."""
    return [
        batched(value, level) if flag and isinstance(value, Tensor) else value
        for value, flag in zip(values, flags, strict=True)
    ]


def _batch(value: Any, level: int, size: int) -> Any:
    return materialized(value, level, size) if isinstance(value, Tensor) else value


def _restored(ctx: Any, level: int) -> _Context:
    """The context that `cls` saved into, with samples again."""
    inner = ctx.inner
    inner.needs_input_grad = ctx.needs_input_grad
    inner.saved_tensors = tuple(_samples(ctx.saved_tensors, level, ctx.kept))
    return inner


def _forward(cls: Any, flags: list[bool], info: VmapInfo) -> Callable:
    def forward(ctx: Any, *values: Any) -> Any:
        inner = ctx.inner = _Context()
        with within(*info) as level:
            inputs = tuple(_samples(values, level.number, flags))
            if cls._generated:  # of an outer vmap
                output = cls.forward(inner, *inputs)
            else:
                output = cls.forward(*inputs)
                cls.setup_context(inner, inputs, output)
            outputs = output if isinstance(output, tuple) else (output,)
            results = tuple([_batch(value, level.number, info.batch_size) for value in outputs])
            saved = inner.saved_tensors
            ctx.kept = [value.__class__ is Batched and value.level == level.number for value in saved]
            kept = [value.value if flag else value for value, flag in zip(saved, ctx.kept, strict=True)]
            constant = [any([value is other for other in inner.constants]) for value in outputs]
        inner.saved_tensors, inner.constants = (), ()
        ctx.set_materialize_grads(inner._materialize)
        ctx.mark_non_differentiable(*[r for r, flag in zip(results, constant, strict=True) if flag])
        ctx.save_for_backward(*kept)
        return results if isinstance(output, tuple) else results[0]

    return forward


def _backward(cls: Any, flags: list[bool], info: VmapInfo) -> Callable:
    def backward(ctx: Any, *grads: Any) -> Any:
        with within(*info) as level:
            inner = _restored(ctx, level.number)
            slopes = cls._run_backward(inner, _samples(grads, level.number, [True] * len(grads)))
            slopes = slopes if isinstance(slopes, tuple) else (slopes,)
            found = [_batch(value, level.number, info.batch_size) for value in slopes]
        summed = [  # over the batch, of what all samples share
            value if flag or not isinstance(value, Tensor) else value.sum(0)
            for value, flag in zip(found, flags, strict=True)
        ]
        return tuple(summed)

    return backward


def _jvp(cls: Any, flags: list[bool], info: VmapInfo) -> Callable:
    def jvp(ctx: Any, *tangents: Any) -> Any:
        with within(*info) as level:
            inner = _restored(ctx, level.number)
            given = [
                None if t is None else batched(t if flag else front(t, flag, info.batch_size), level.number)
                for t, flag in zip(tangents, flags, strict=True)
            ]
            output = cls.jvp(inner, *given)
            outputs = output if isinstance(output, tuple) else (output,)
            results = tuple([_batch(value, level.number, info.batch_size) for value in outputs])
        return results if isinstance(output, tuple) else results[0]

    return jvp


def generate(cls: Any, dims: Any, info: VmapInfo) -> Any:
    """A function of batches that runs the parts of `cls` with samples of them."""
    from tritonnn.autograd.function import Function

    flags = [dim is not None for dim in dims]
    parts: dict[str, Any] = {
        "generate_vmap_rule": True, "_generated": True, "forward": staticmethod(_forward(cls, flags, info)),
        "backward": staticmethod(_backward(cls, flags, info)),
    }  # fmt: skip
    if cls.jvp is not Function.jvp:
        parts["jvp"] = staticmethod(_jvp(cls, flags, info))
    return type(f"Vmapped{cls.__name__}", (Function,), parts)


def transposed(node: Any, grads: list[Tensor | None]) -> list[Tensor | None]:
    """What a node of a custom function gives backward, by the transpose of its `jvp`, linear in the tangents."""
    from tritonnn.autograd.api import grad as gradients
    from tritonnn.ops.creation.creation import zeros

    tangents: list[Any] = [None] * node.input_count
    for place, meta in zip(node.tensor_places, node.ctx._shapes, strict=True):
        if meta is not None:
            shape, dtype, device = meta
            tangents[place] = set_requires_grad(zeros(shape, dtype=dtype, device=device), True)
    with enable_grad():
        found = node.function.jvp(node.ctx, *tangents)
    outputs = found if isinstance(found, (tuple, list)) else (found,)
    pairs = [
        (out, g)
        for out, g in zip(outputs, grads, strict=True)
        if g is not None and isinstance(out, Tensor) and out.requires_grad
    ]
    wanted = [t for t in tangents if t is not None]
    if not pairs or not wanted:
        return [None] * len(node.tensor_places)
    slopes = gradients(
        [out for out, _ in pairs], wanted, [g for _, g in pairs], create_graph=True, allow_unused=True
    )
    by_id = {id(t): slope for t, slope in zip(wanted, slopes, strict=True)}
    return [by_id.get(id(tangents[place])) for place in node.tensor_places]
