"""Views in place: `x.squeeze_()`, `x.t_()` and their like change the tensor's own geometry."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.ops.shape.shape import squeeze, t, transpose, unsqueeze
from tritonnn.recording.grad_mode import state
from tritonnn.table import Entry, OpSignature


def _geometry_inplace(name: str, entry: Entry) -> Any:
    def method(self: Tensor, *args: Any) -> Tensor:
        seen = getattr(self, name)(*args)
        if self._node is not None or (state.enabled and self._rg):
            if self._node is None:
                raise RuntimeError(
                    "a leaf Variable that requires grad is being used in an in-place operation."
                )
            self._node, self._out_nr = seen._node, seen._out_nr
        self._adopt(seen)
        return self

    method.__name__ = name + "_"
    method.__doc__ = f"`{name}`, changing this tensor's own geometry."
    method.__signature__ = OpSignature(entry.op, out=False)  # type: ignore[attr-defined]
    return method


_METHODS: dict[str, Entry] = {
    "squeeze": squeeze, "unsqueeze": unsqueeze, "transpose": transpose, "t": t, "swapaxes": transpose,
    "swapdims": transpose,
}  # fmt: skip
for _name, _entry in _METHODS.items():
    setattr(Tensor, _name + "_", _geometry_inplace(_name, _entry))
