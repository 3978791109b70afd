"""The switches of the GPU's matrix products and attention.

>>> import tritonnn as torch
>>> torch.backends.cuda.matmul.allow_tf32
False
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tritonnn import precision
from tritonnn.backends._switches import boolean, switch

__all__ = [
    "cudnn_sdp_enabled", "enable_cudnn_sdp", "enable_flash_sdp", "enable_math_sdp",
    "enable_mem_efficient_sdp", "flash_sdp_enabled", "is_built", "math_sdp_enabled", "matmul",
    "mem_efficient_sdp_enabled", "sdp_kernel",
]  # fmt: skip


class Matmul:
    """Switches of matrix products.

    Attributes:
        allow_tf32: float32 products may use tf32; the same setting as `set_float32_matmul_precision`.
        fp32_precision: the same as a word: 'ieee' or 'tf32'.
        allow_fp16_reduced_precision_reduction: a permission; sums are kept in float32 all the same.
        allow_bf16_reduced_precision_reduction: likewise.
        allow_fp16_accumulation: likewise.
    """

    allow_fp16_reduced_precision_reduction = switch("fp16_reduction", True, boolean)
    allow_bf16_reduced_precision_reduction = switch("bf16_reduction", True, boolean)
    allow_fp16_accumulation = switch("fp16_accumulation", False, boolean)

    @property
    def allow_tf32(self) -> bool:
        return precision.float32_matmul != "highest"

    @allow_tf32.setter
    def allow_tf32(self, value: bool) -> None:
        precision.float32_matmul = "high" if boolean(value) else "highest"

    @property
    def fp32_precision(self) -> str:
        return "tf32" if self.allow_tf32 else "ieee"

    @fp32_precision.setter
    def fp32_precision(self, value: str) -> None:
        if value not in ("ieee", "tf32"):
            raise RuntimeError(f"fp32_precision must be 'ieee' or 'tf32', got {value!r}")
        self.allow_tf32 = value == "tf32"

    def __setattr__(self, name: str, value: Any) -> None:
        if not hasattr(type(self), name):
            raise AttributeError(f"Unknown attribute {name}")
        super().__setattr__(name, value)


matmul = Matmul()
_attention = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def is_built() -> bool:
    """True: kernels are compiled for the GPU at hand when they are first used."""
    return True


def flash_sdp_enabled() -> bool:
    """Whether attention may use the fused kernel."""
    return _attention["flash"]


def mem_efficient_sdp_enabled() -> bool:
    """A permission like `flash_sdp_enabled`; tritonnn has one fused kernel for both."""
    return _attention["mem_efficient"]


def math_sdp_enabled() -> bool:
    """Whether attention may be computed from matrix products and a softmax."""
    return _attention["math"]


def cudnn_sdp_enabled() -> bool:
    """A permission for cuDNN's attention, which tritonnn does not have."""
    return _attention["cudnn"]


def enable_flash_sdp(enabled: bool) -> None:
    """Set what `flash_sdp_enabled` says."""
    _attention["flash"] = boolean(enabled)


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Set what `mem_efficient_sdp_enabled` says."""
    _attention["mem_efficient"] = boolean(enabled)


def enable_math_sdp(enabled: bool) -> None:
    """Set what `math_sdp_enabled` says."""
    _attention["math"] = boolean(enabled)


def enable_cudnn_sdp(enabled: bool) -> None:
    """Set what `cudnn_sdp_enabled` says."""
    _attention["cudnn"] = boolean(enabled)


@contextmanager
def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> Iterator[None]:
    """Context manager that sets which ways of computing attention are allowed."""
    before = dict(_attention)
    _attention.update(
        flash=boolean(enable_flash), math=boolean(enable_math), mem_efficient=boolean(enable_mem_efficient),
        cudnn=boolean(enable_cudnn),
    )  # fmt: skip
    try:
        yield
    finally:
        _attention.update(before)
