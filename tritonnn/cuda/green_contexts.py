"""Parts of a GPU, refused."""

from __future__ import annotations

from tritonnn._refusals import refused

_REFUSED = refused(
    "torch.cuda.green_contexts",
    "tritonnn does not divide a GPU's multiprocessors between contexts",
    classes="GreenContext",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
