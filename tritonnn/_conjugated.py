"""ConjugatedTensor: a tensor whose elements are the conjugates, or the negatives, of what lies in its memory.

`z.conj()` shares z's memory and computes nothing; what writes into it writes into z. There is no buffer of its
elements: asked for one, as dispatch asks every operand, it raises `SparseOperand`. What publishes ops catches that and
lets `ops/elementwise/conjugation.py` answer. So other tensors pay nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import numpy as np

from tritonnn._tensor import Tensor, _new, _strided
from tritonnn.errors import SparseOperand

_SLOT = Tensor.__dict__["_buf"]


class ConjugatedTensor(Tensor):
    """What is conjugated (`is_conj()`), negated (`is_neg()`) or both when it is read."""

    __slots__ = ()

    _conjugated: bool
    _negated: bool

    def _refuse(self) -> NoReturn:
        raise SparseOperand(
            "this tensor's elements are conjugated or negated when they are read: .resolve_conj()"
        )

    def _replace(self, buffer: object) -> None:
        _SLOT.__set__(self, buffer)

    _buf = property(_refuse, _replace)

    def is_conj(self) -> bool:
        """Whether reading conjugates."""
        return self._conjugated

    def is_neg(self) -> bool:
        """Whether reading negates."""
        return self._negated

    def _resolved(self) -> Tensor:
        return resolved(self)

    # ---- autograd -------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether what lies in its memory requires grad."""
        return memory(self).requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start recording: of a tensor with memory of its own, which this one becomes."""
        if requires_grad:
            own_memory(self)
        return Tensor.requires_grad_(self, requires_grad)

    def detach(self) -> Tensor:
        """The same memory outside the graph."""
        return flagged(memory(self).detach(), self._conjugated, self._negated)

    @property
    def data(self) -> Tensor:
        """The same memory outside the graph; writes through it are not seen by the version check."""
        return flagged(memory(self).data, self._conjugated, self._negated)

    @data.setter
    def data(self, other: Tensor) -> None:
        own_memory(self)
        self.data = other

    # ---- to Python and NumPy --------------------------------------------------------------------------

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """Refused, but with `force`: there is no memory that could be shared."""
        if force:
            return resolved(self).numpy(force=True)
        bit, name = ("conjugate", "conj") if self._conjugated else ("negative", "neg")
        text = f"Can't call numpy() on Tensor that has {bit} bit set."
        raise RuntimeError(f"{text} Use tensor.resolve_{name}().numpy() instead.")

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number."""
        return resolved(self).item()

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return repr(resolved(self))

    def __deepcopy__(self, memo: dict) -> Tensor:
        memo[id(self)] = copy = resolved(self)
        return copy

    def __dlpack__(self, **options: Any) -> Any:
        if self._conjugated:
            raise BufferError("Can't export tensors with the conjugate bit set")
        return resolved(self).__dlpack__(**options)


def flagged(plain: Tensor, conjugated: bool, negated: bool) -> Tensor:
    """A tensor over another's memory that is conjugated or negated when it is read; itself where it is neither."""
    if not (conjugated or negated):
        return plain
    tensor = _new(ConjugatedTensor)
    tensor._conjugated, tensor._negated = conjugated, negated
    if plain._stride is not None or plain._offset:
        tensor._stride, tensor._offset = plain._stride, plain._offset
    tensor._buf = plain._buf
    tensor._shape, tensor._dtype, tensor._device = plain._shape, plain._dtype, plain._device
    tensor._rg, tensor._node, tensor._base = False, None, plain._base
    tensor._view_version = plain._view_version
    tensor._storage = plain._storage
    return tensor


def memory(tensor: ConjugatedTensor) -> Tensor:
    """What lies in the memory, as it is, as a view of it."""
    buffer = _SLOT.__get__(tensor, ConjugatedTensor)
    where = tensor._stride, tensor._offset
    plain = _strided(buffer, tensor._storage, tensor._shape, *where, tensor._dtype, tensor._device)
    plain._base = tensor._base
    plain._view_version = tensor._view_version
    return plain


# (tensor, conjugated, negated) -> its elements so, in memory of their own; ops put it here
_compute: list[Callable[[Tensor, bool, bool], Tensor]] = []


def register_compute(function: Callable[[Tensor, bool, bool], Tensor]) -> None:
    """Say what computes the elements."""
    _compute.append(function)


def resolved(tensor: ConjugatedTensor) -> Tensor:
    """The elements in memory of their own."""
    return _compute[0](memory(tensor), tensor._conjugated, tensor._negated)


def own_memory(tensor: ConjugatedTensor) -> None:
    """Make it a plain tensor with memory of its own."""
    own = resolved(tensor).detach()
    tensor.__class__ = Tensor  # type: ignore[assignment]
    tensor._base = None
    tensor._adopt(own)


def holds(values: Iterable[object]) -> bool:
    """Whether one of the values, or of the items of lists and tuples among them, is such a tensor."""
    return any(
        [
            value.__class__ is ConjugatedTensor or (value.__class__ in (tuple, list) and holds(value))
            for value in values
        ]
    )


def with_own(value: object) -> Any:
    """The value with elements in memory of their own in the place of such tensors."""
    if value.__class__ is ConjugatedTensor:
        return resolved(value)
    return type(value)([with_own(item) for item in value]) if value.__class__ in (tuple, list) else value


def bits(tensor: ConjugatedTensor) -> dict[str, bool]:
    """How it is read, as files say it."""
    known = {"conj": tensor._conjugated, "neg": tensor._negated}
    return {name: True for name, is_set in known.items() if is_set}


def with_bits(tensor: Tensor, bits: dict[str, Any]) -> Tensor:
    """A tensor that is read as a file says."""
    return flagged(tensor, bool(bits.get("conj")) and tensor._dtype.is_complex, bool(bits.get("neg")))
