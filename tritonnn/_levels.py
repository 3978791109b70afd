"""Batched: a tensor inside `vmap`, and which function transforms a thread is within.

What a batched tensor *is* stands here. How ops compute with it is in `batching/`, and the transforms are in `func/`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from tritonnn import shape as shapes
from tritonnn._overriding import TENSORS, _disabled_torch_function_impl
from tritonnn._tensor import Tensor
from tritonnn.device import runtime
from tritonnn.errors import BatchedOperand, ValueDependent
from tritonnn.memory import enter_transform, leave_transform
from tritonnn.shape import Size

DATA_DEPENDENT = (
    "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We don't support that "
    "yet: rewrite it with operations that compute both ways, such as torch.where."
)
ITEM = (
    "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a Tensor, "
    "please try to rewrite what you're doing with other operations. If error is occurring somewhere inside PyTorch "
    "internals, please file a bug report."
)
UNBATCHED_STATISTICS = (
    "Batch norm got a batched tensor as input while the running_mean or running_var, which will be updated in place, "
    "were not batched."
)
SHARED_RANDOMNESS = (
    "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will appear like same randomness. "
    "If this is necessary for your usage, please file an issue with functorch."
)
_INSIDE = "inside of a function being transformed by a functorch transform. This is unsupported"


class Level:
    """One transform that is running.

    Attributes:
        number: 1 for the outermost, one more for each within.
        size: the samples of a `vmap`; None of the other transforms.
        randomness: what a `vmap` allows: 'error', 'different' or 'same'.
    """

    __slots__ = ("number", "randomness", "size")

    def __init__(self, number: int, size: int | None = None, randomness: str = "error") -> None:
        self.number, self.size, self.randomness = number, size, randomness


class _State(threading.local):
    """What a thread is within, outermost first; while a rule computes for a level, only those below it."""

    stack: tuple[Level, ...] = ()
    whole: tuple[Level, ...] = ()  # the stack with those that a rule computes below of


state = _State()


class within:
    """A block inside one more transform; gives its level."""

    def __init__(self, size: int | None = None, randomness: str = "error") -> None:
        self.size, self.randomness = size, randomness

    def __enter__(self) -> Level:
        self.before = state.stack, state.whole
        self.memory = enter_transform() if self.size is None else None
        outer = state.stack
        level = Level(outer[-1].number + 1 if outer else 1, self.size, self.randomness)
        state.stack = state.whole = (*outer, level)
        return level

    def __exit__(self, *exc_info: object) -> None:
        state.stack, state.whole = self.before
        if self.memory is not None:
            leave_transform(self.memory)


class below:
    """A block outside of a level, and of those inside it."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __enter__(self) -> None:
        self.before = state.stack
        state.stack = tuple([level for level in self.before if level.number < self.number])

    def __exit__(self, *exc_info: object) -> None:
        state.stack = self.before


def batching() -> tuple[Level, ...]:
    """The running `vmap`s, outermost first."""
    return tuple([level for level in state.stack if level.size is not None])


def every(tensor: Tensor) -> Tensor:
    """The samples of all levels."""
    while tensor.__class__ is Batched:
        tensor = tensor.value
    return tensor


def readable(tensor: Tensor) -> bool:
    """Whether values can be looked at: not on the device meta, nor while a CUDA graph is captured."""
    kind = tensor.device.type
    return kind == "cpu" or (kind == "cuda" and not runtime().is_capturing())


def ever(condition: Tensor) -> bool:
    """Whether a condition holds anywhere, in any sample."""
    return bool(every(condition).any())


def levels_in(tensor: Any) -> set[int]:
    """The numbers of the levels that a tensor has samples of."""
    found = set()
    while tensor.__class__ is Batched:
        found.add(tensor.level)
        tensor = tensor.value
    return found


def lacks(target: Any, *others: Any) -> bool:
    """Whether some of the others have samples, of a level, of which the target is the same for all."""
    known = levels_in(target)
    return any([not levels_in(other) <= known for other in others])


def refuse_shared(target: Tensor, drawn: Tensor) -> None:
    """Refuse to write other random numbers for each sample into a tensor that is the same for all."""
    if lacks(target, drawn):
        raise RuntimeError(SHARED_RANDOMNESS)


def copied_for(target: Tensor, *others: Any) -> Tensor:
    """A copy of a tensor that the others may be written into: of each sample's own where they are."""
    return HOOKS["spread"](target, others).clone() if lacks(target, *others) else target.clone()


def refuse_inside(call: str) -> None:
    """Refuse what changes how a tensor is differentiated, inside of transforms."""
    if state.stack:
        raise RuntimeError(
            f"You are attempting to call {call} (or perhaps using torch.autograd.functional.* APIs) {_INSIDE}, please "
            "attempt to use the functorch transforms (e.g. grad, vjp, jacrev, jacfwd, hessian) or call "
            f"{call.removeprefix('Tensor.')} outside of a function being transformed instead."
        )


class Batched(Tensor):
    """One sample of a batch, which is `value` with the batch in front; `value` may be batched by an outer `vmap`.

    There is no memory of a sample alone: dispatch, which asks every operand for its buffer, is refused by `_buf`, and
    `batching/` computes with `value` instead. So plain tensors pay nothing for there being batched ones. What is
    recorded is what is computed with the values; a batched tensor itself is no part of a graph.
    """

    __slots__ = ("level", "value")

    level: int
    value: Tensor
    __torch_function__ = _disabled_torch_function_impl

    @property
    def _buf(self) -> NoReturn:
        raise BatchedOperand(
            "this needs the memory of a tensor, and a sample inside vmap has none of its own"
        )

    @property
    def _storage(self) -> Any:  # type: ignore[override]
        return self.value._storage

    @property
    def _stride(self) -> tuple[int, ...] | None:  # type: ignore[override]
        strides = self.value.stride()[1:]
        return None if strides == shapes.contiguous_strides(self._shape) else strides

    @property
    def _offset(self) -> int:  # type: ignore[override]
        return self.value._offset

    # ---- autograd -------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether operations on it are recorded."""
        return self.value.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Refused, but for what it is already."""
        if requires_grad:
            refuse_inside("Tensor.requires_grad_()")
        return self

    @property
    def grad_fn(self) -> Any:
        """The node that computed the batch."""
        return self.value.grad_fn

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation computed it."""
        return self.value.is_leaf

    def detach(self) -> Tensor:
        """The same memory outside the graph."""
        return batched(self.value.detach(), self.level)

    @property  # type: ignore[misc]
    def data(self) -> Tensor:
        """The same memory outside the graph; writes through it are not seen by the version check."""
        return batched(self.value.data, self.level)

    # ---- what depends on the values -------------------------------------------------------------------

    def item(self) -> NoReturn:
        """Refused: there are as many values as samples."""
        raise ValueDependent(ITEM)

    def tolist(self) -> NoReturn:
        """Refused: there are as many values as samples."""
        raise ValueDependent(ITEM)

    def __bool__(self) -> NoReturn:
        raise ValueDependent(DATA_DEPENDENT)

    def numpy(self, *, force: bool = False) -> NoReturn:
        """Refused: there are as many values as samples."""
        raise ValueDependent("Cannot access data pointer of Tensor that doesn't have storage")

    def data_ptr(self) -> NoReturn:
        """Refused: a sample has no memory of its own."""
        raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")

    def untyped_storage(self) -> NoReturn:
        """Refused: the same."""
        raise NotImplementedError("Cannot access storage of BatchedTensorImpl")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise NotImplementedError("Cannot access storage of BatchedTensorImpl")

    def set_(self, *args: object, **kwargs: object) -> NoReturn:
        """Refused: the same."""
        raise RuntimeError("vmap: set_() on a sample, which has no memory of its own, is not supported")

    def __repr__(self, **options: object) -> str:
        return f"BatchedTensor(lvl={self.level}, bdim=0, value=\n    {self.value!r}\n)"


TENSORS.add(Batched)


def batched(value: Tensor, level: int) -> Batched:
    """The samples of a batch, which is the first dimension, as one tensor inside the `vmap` of a level."""
    tensor = object.__new__(Batched)
    tensor._shape = Size(value._shape[1:])
    tensor._dtype = value._dtype
    tensor._device = value._device
    tensor._rg = False
    tensor._node = None
    tensor._base = None
    tensor.value = value
    tensor.level = level
    return tensor


def highest(values: Iterable[Any]) -> int:
    """The innermost level of batched tensors among values, and in lists and tuples among them; 0: there is none."""
    level = 0
    for value in values:
        if value.__class__ is Batched:
            level = max(level, value.level)
        elif value.__class__ in (list, tuple):
            level = max(level, highest(value))
    return level


#: what computes with batched operands, and what draws random numbers inside of `vmap`; put here by `batching/`
HOOKS: dict[str, Callable] = {}
