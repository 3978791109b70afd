"""Views in place: `x.squeeze_()`, `x.t_()` and their like change the tensor's own geometry."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.dispatch import before_write, wrote
from tritonnn.ops._table import expose
from tritonnn.ops.shape.rearrange import swapaxes, swapdims
from tritonnn.ops.shape.shape import squeeze, t, transpose, unsqueeze
from tritonnn.ops.shape.strided import as_strided
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import retain
from tritonnn.recording.refusals import check_recorded_write
from tritonnn.table import Entry, OpSignature


def _geometry_inplace(name: str, entry: Entry) -> Any:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        before_write(self)
        if state.enabled and self.requires_grad:
            check_recorded_write(self)
        seen = getattr(self, name)(*args, **kwargs)
        if seen._node is not None:
            self._node, self._out_nr = seen._node, seen._out_nr
            if self._retains_grad:
                retain(self)
        self._adopt(seen)
        wrote(self, name + "_")
        return self

    method.__name__ = method.__qualname__ = name + "_"
    method.op = entry.op  # type: ignore[attr-defined]
    method.__doc__ = f"`{name}`, changing this tensor's own geometry."
    method.__signature__ = OpSignature(entry.op, out=False)  # type: ignore[attr-defined]
    return method


_METHODS: dict[str, Entry] = {
    "squeeze": squeeze, "unsqueeze": unsqueeze, "transpose": transpose, "t": t, "swapaxes": swapaxes,
    "swapdims": swapdims, "as_strided": as_strided,
}  # fmt: skip
for _name, _entry in _METHODS.items():
    expose("tensor")(_geometry_inplace(_name, _entry))
as_strided_ = expose("torch")(vars(Tensor)["as_strided_"])
as_strided_.__doc__ += """

    >>> import tritonnn as torch
    >>> torch.as_strided_(torch.arange(4), (2, 2), (1, 1))
    tensor([[0, 1],
            [1, 2]])
    """
