"""Intel's MKL, which NumPy may have been built with but tritonnn does not call itself."""

from __future__ import annotations


def is_available() -> bool:
    """False: matrix products on the CPU go through the BLAS that NumPy was built with."""
    return False


VERBOSE_OFF, VERBOSE_ON = 0, 1


class verbose:
    """Context manager that would print what MKL does: nothing, for it is not called.

    Args:
        enable: VERBOSE_OFF or VERBOSE_ON.
    """

    def __init__(self, enable: int) -> None:
        if enable not in (VERBOSE_OFF, VERBOSE_ON):
            raise AssertionError(f"verbose: enable must be one of VERBOSE_OFF and VERBOSE_ON, got {enable}")
        self.enable = enable

    def __enter__(self) -> verbose:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass
