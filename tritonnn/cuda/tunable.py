"""Choosing between kernels of vendor libraries by measuring them, refused; it is off."""

from __future__ import annotations

from tritonnn._refusals import refused

WHY = "tritonnn has no kernels of vendor libraries to choose between; torch.autotune measures its own"
_REFUSED = refused(
    "torch.cuda.tunable",
    WHY,
    functions="get_results get_validators mgpu_tune_gemm_in_file read_file record_untuned_enable "
    "set_filename set_max_tuning_duration set_max_tuning_iterations set_numerical_check_tolerances "
    "set_rotating_buffer_size tune_gemm_in_file",
)
globals().update(_REFUSED)
__all__ = [
    "enable",
    "is_enabled",
    "record_untuned_is_enabled",
    "tuning_enable",
    "tuning_is_enabled",
    *_REFUSED,
]


def is_enabled() -> bool:
    """False."""
    return False


def tuning_is_enabled() -> bool:
    """False."""
    return False


def record_untuned_is_enabled() -> bool:
    """False."""
    return False


def enable(val: bool = True) -> None:
    """Off is what it is.

    Raises:
        NotImplementedError: True.
    """
    if val:
        raise NotImplementedError(f"torch.cuda.tunable.enable: {WHY}")


def tuning_enable(val: bool = True) -> None:
    """Off is what it is.

    Raises:
        NotImplementedError: True.
    """
    if val:
        raise NotImplementedError(f"torch.cuda.tunable.tuning_enable: {WHY}")
