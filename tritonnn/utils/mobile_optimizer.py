"""torch.utils.mobile_optimizer, refused: it rewrites programs in TorchScript."""

from __future__ import annotations

from tritonnn._refusals import SCRIPT, refused

_REFUSED = refused(
    "torch.utils.mobile_optimizer", SCRIPT, "generate_mobile_module_lints optimize_for_mobile", "LintCode"
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
