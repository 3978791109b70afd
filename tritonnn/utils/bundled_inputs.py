"""torch.utils.bundled_inputs, refused: it stores inputs in programs in TorchScript."""

from __future__ import annotations

from tritonnn._refusals import SCRIPT, refused

_REFUSED = refused(
    "torch.utils.bundled_inputs",
    SCRIPT,
    "augment_many_model_functions_with_bundled_inputs augment_model_with_bundled_inputs bundle_inputs "
    "bundle_large_tensor bundle_randn",
    "InflatableArg",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
