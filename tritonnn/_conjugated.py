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

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start recording: of a tensor with memory of its own, which this one becomes."""
        if requires_grad and not self.requires_grad:
            own_memory(self)
        return Tensor.requires_grad_(self, requires_grad)

    def detach(self) -> Tensor:
        """The same memory outside the graph."""
        return flagged(Tensor.detach(memory(self)), self._conjugated, self._negated)

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
        if not self.is_leaf:
            return Tensor.__deepcopy__(self, memo)  # refuses
        memo[id(self)] = copy = resolved(self)
        return copy

    def __dlpack__(self, **options: Any) -> Any:
        if self._conjugated:
            raise BufferError("Can't export tensors with the conjugate bit set")
        return resolved(self).__dlpack__(**options)


def flagged(plain: Tensor, conjugated: bool, negated: bool) -> Tensor:
    """A tensor over another's memory that is conjugated or negated when it is read; itself where it is neither.

    It looks into the same base, and has no place in the graph yet.
    """
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
    if plain._creation is not None:
        tensor._creation = plain._creation
    return tensor


def memory(tensor: ConjugatedTensor) -> Tensor:
    """What lies in the memory, as it is, as a view of the base, whose history it gets when it is asked for."""
    plain = bare(tensor)
    base = plain._base = tensor._base
    plain._view_version = tensor._view_version
    if base is not None and base._rg:
        plain._view_version = -1
    if tensor._creation is not None:
        plain._creation = tensor._creation
    return plain


def bare(tensor: ConjugatedTensor) -> Tensor:
    """What lies in the memory, as it is, outside the graph."""
    buffer = _SLOT.__get__(tensor, ConjugatedTensor)
    where = tensor._stride, tensor._offset
    return _strided(buffer, tensor._storage, tensor._shape, *where, tensor._dtype, tensor._device)


# tensor -> its elements in memory of their own; ops put it here
_resolve: list[Callable[[ConjugatedTensor], Tensor]] = []


def register_resolve(function: Callable[[ConjugatedTensor], Tensor]) -> None:
    """Say what computes the elements."""
    _resolve.append(function)


def resolved(tensor: ConjugatedTensor) -> Tensor:
    """The elements in memory of their own, at the tensor's place in the graph."""
    return _resolve[0](tensor)


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
