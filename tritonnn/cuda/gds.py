"""Files that a GPU reads by itself, refused."""

from __future__ import annotations

from tritonnn._refusals import refused

_REFUSED = refused(
    "torch.cuda.gds",
    "tritonnn reads files through the host",
    functions="gds_deregister_buffer gds_register_buffer",
    classes="GdsFile",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
