"""Writing into tensors that backward still needs: copies are made of those that are written."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from tritonnn._tensor import Tensor
from tritonnn.recording.grad_mode import state
from tritonnn.recording.packing import Preserved, saved_tensors_hooks

_OUTSIDE = (
    "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context in which the graph was originally "
    "recorded."
)


class _Saved:
    """What the block saved: `cloned` are those whose memory was written since, `original` the others."""

    def __init__(self) -> None:
        self._all: WeakSet[Preserved] = WeakSet()
        self.open = True

    @property
    def cloned(self) -> dict[Preserved, Tensor]:
        return {saved: saved.value for saved in self._all if saved.copied}

    @property
    def original(self) -> dict[Preserved, Tensor]:
        return {saved: saved.value for saved in self._all if not saved.copied}

    def clear(self) -> None:
        """Free everything; the graphs recorded so far cannot run backward any more."""
        for saved in self._all:
            saved.value = None
        self._all.clear()

    def pack(self, tensor: Tensor) -> Preserved:
        saved = Preserved(tensor)
        self._all.add(saved)
        return saved

    def unpack(self, saved: Preserved) -> Any:
        if not self.open or saved.value is None:
            raise AssertionError(_OUTSIDE)
        return saved.value


@contextmanager
def allow_mutation_on_saved_tensors() -> Generator[_Saved, None, None]:
    """Within the block, what was saved for backward may be written in place: it is copied when that happens.

    Backward runs within the block as well.

    >>> import tritonnn as torch
    >>> with torch.autograd.graph.allow_mutation_on_saved_tensors():
    ...     x = torch.tensor([2., 3.], requires_grad=True)
    ...     y = x.clone()
    ...     z = (y ** 2).sum()
    ...     _ = y.sin_()
    ...     z.backward()
    >>> x.grad
    tensor([4., 6.])
    """
    if state.mutating:
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    context = _Saved()
    state.mutating = True
    try:
        with saved_tensors_hooks(context.pack, context.unpack):
            yield context
    finally:
        state.mutating = context.open = False
        context.clear()
