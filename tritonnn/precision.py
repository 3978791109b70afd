"""How float32 products run on a GPU; read by the kernels at launch."""

from __future__ import annotations

KERNEL_NAMES = {"highest": "ieee", "high": "tf32x3", "medium": "tf32"}
float32_matmul = "highest"
convolution_tf32 = True


def kernel_precision() -> str:
    """The setting in Triton's words: 'ieee', 'tf32x3' or 'tf32'."""
    return KERNEL_NAMES[float32_matmul]


def convolution_precision() -> str:
    """What convolutions of float32 use, in Triton's words: `backends.cudnn.allow_tf32` decides."""
    return "tf32" if convolution_tf32 else "ieee"


def set_float32_matmul_precision(precision: str) -> None:
    """How float32 products run on a GPU: 'highest' (ieee float32), 'high' (three tf32 products), 'medium' (tf32).

    The CPU always computes in float32.

    >>> import tritonnn as torch
    >>> torch.set_float32_matmul_precision('highest')
    >>> torch.get_float32_matmul_precision()
    'highest'
    """
    global float32_matmul
    if precision not in KERNEL_NAMES:
        raise RuntimeError(
            f"set_float32_matmul_precision: expected 'highest', 'high' or 'medium', got {precision!r}"
        )
    float32_matmul = precision


def get_float32_matmul_precision() -> str:
    """The setting of `set_float32_matmul_precision`.

    >>> import tritonnn as torch
    >>> torch.get_float32_matmul_precision()
    'highest'
    """
    return float32_matmul
