"""Elementwise kernels from C++ text, refused: Triton compiles kernels from Python."""

from __future__ import annotations

from tritonnn._refusals import refused

_REFUSED = refused(
    "torch.cuda.jiterator",
    "tritonnn compiles no C++ for the GPU; write the kernel in Triton, or with torch operations",
    functions="_create_jit_fn _create_multi_output_jit_fn",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
