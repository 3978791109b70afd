"""torch.jit.mobile, refused: programs in TorchScript for phones."""

from __future__ import annotations

from tritonnn._refusals import SCRIPT, refused

_REFUSED = refused(
    "torch.jit.mobile", SCRIPT, "_load_for_lite_interpreter _get_model_bytecode_version", "LiteScriptModule"
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
