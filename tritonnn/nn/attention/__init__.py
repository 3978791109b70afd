"""Which ways `scaled_dot_product_attention` may take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

__all__ = ["WARN_FOR_UNFUSED_KERNELS", "SDPBackend", "sdpa_kernel"]

#: Whether PyTorch warns where its fused kernels refuse a call. The one here refuses none, so there is nothing to say.
WARN_FOR_UNFUSED_KERNELS = False


class SDPBackend(IntEnum):
    """The ways by PyTorch's names. tritonnn has one fused way (FLASH and EFFICIENT) and the composed one (MATH)."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[None]:
    """Allow only the given ways inside the block; the same switches as `torch.backends.cuda.sdp_kernel`.

    Args:
        backends: one or several of `SDPBackend`.
        set_priority: whether their order is one of preference; with one fused way there is nothing to prefer, and
            the value changes nothing.

    Raises:
        AssertionError: something that is neither an SDPBackend nor a list of them.

    >>> import tritonnn as torch
    >>> from tritonnn.nn.attention import SDPBackend, sdpa_kernel
    >>> with sdpa_kernel(SDPBackend.MATH):
    ...     torch.backends.cuda.flash_sdp_enabled(), torch.backends.cuda.math_sdp_enabled()
    (False, True)
    """
    from tritonnn.backends.cuda import sdp_kernel

    given = [backends] if isinstance(backends, SDPBackend) else backends
    if not isinstance(given, list) or not all(isinstance(backend, SDPBackend) for backend in given):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
            f"{type(backends).__name__}"
        )
    with sdp_kernel(
        enable_flash=SDPBackend.FLASH_ATTENTION in given,
        enable_math=SDPBackend.MATH in given,
        enable_mem_efficient=SDPBackend.EFFICIENT_ATTENTION in given,
        enable_cudnn=SDPBackend.CUDNN_ATTENTION in given,
    ):
        yield
