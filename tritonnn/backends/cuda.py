"""The switches of the GPU's matrix products and attention.

>>> import tritonnn as torch
>>> torch.backends.cuda.matmul.allow_tf32
False
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tritonnn import precision
from tritonnn._tensor import Tensor
from tritonnn.backends._plan_cache import PlanCaches
from tritonnn.backends._switches import boolean, switch

__all__ = [
    "SDPAParams", "allow_fp16_bf16_reduction_math_sdp", "can_use_cudnn_attention", "can_use_efficient_attention",
    "cufft_plan_cache",
    "can_use_flash_attention", "cudnn_sdp_enabled", "enable_cudnn_sdp", "enable_flash_sdp", "enable_math_sdp",
    "enable_mem_efficient_sdp", "flash_sdp_enabled", "fp16_bf16_reduction_math_sdp_allowed",
    "is_built", "is_flash_attention_available", "preferred_blas_library", "preferred_linalg_library",
    "math_sdp_enabled", "matmul", "mem_efficient_sdp_enabled", "sdp_kernel",
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
cufft_plan_cache = PlanCaches()
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


class SDPAParams(NamedTuple):
    """The arguments of a call of `scaled_dot_product_attention`, to ask which way of computing it can take."""

    query: Tensor
    key: Tensor
    value: Tensor
    attn_mask: Tensor | None
    dropout: float
    is_causal: bool
    enable_gqa: bool


def is_flash_attention_available() -> bool:
    """Whether there is a fused kernel: with a GPU there is."""
    from tritonnn import cuda

    return cuda.is_available()


def can_use_flash_attention(params: SDPAParams, debug: bool = False) -> bool:
    """Whether the fused kernel would compute a call: of tensors on a GPU, unless it is switched off."""
    return _attention["flash"] and params.query.is_cuda


def can_use_efficient_attention(params: SDPAParams, debug: bool = False) -> bool:
    """As `can_use_flash_attention`: tritonnn has one fused kernel for both."""
    return _attention["mem_efficient"] and params.query.is_cuda


def can_use_cudnn_attention(params: SDPAParams, debug: bool = False) -> bool:
    """False: there is no cuDNN."""
    return False


def fp16_bf16_reduction_math_sdp_allowed() -> bool:
    """What `allow_fp16_bf16_reduction_math_sdp` was given."""
    return _reduction["half"]


def allow_fp16_bf16_reduction_math_sdp(enabled: bool) -> None:
    """A permission to add up in half precision; sums are kept in float32 all the same."""
    _reduction["half"] = boolean(enabled)


_reduction = {"half": False}


def _preferred(kind: str, backend: str | None, known: tuple[str, ...]) -> str:
    if backend is not None and str(backend).lower() not in known:
        raise RuntimeError(f"preferred_{kind}_library: unknown backend {backend!r}: expected one of {known}")
    return "default"


def preferred_linalg_library(backend: str | None = None) -> str:
    """Choose what decompositions of GPU tensors run through, or ask for it.

    Args:
        backend: 'default', kernels for small real matrices and cuSOLVER for others where it is installed; 'cusolver',
            for small ones as well. None only asks.

    Raises:
        RuntimeError: there is no cuSOLVER to prefer, or another library is asked for.
    """
    from tritonnn.kernels import libraries

    if backend is None:
        return libraries.preferred
    name = str(backend).lower()
    if name == "magma":
        raise RuntimeError(
            "preferred_linalg_library: there is no MAGMA: 'default' and 'cusolver' are what can be chosen"
        )
    if name not in ("default", "cusolver"):
        raise RuntimeError(
            f"preferred_linalg_library: unknown backend {backend!r}: expected 'default' or 'cusolver'"
        )
    libraries.prefer(name)
    return name


def preferred_blas_library(backend: str | None = None) -> str:
    """'default': products have one implementation, whatever library is preferred."""
    return _preferred("blas", backend, ("default", "cublas", "cublaslt", "hipblaslt", "ck"))
