"""What PyTorch leaves open, gets wrong, or computes no better than is said here: data, each with its reason."""

from __future__ import annotations

# Families and ops whose zeros may have either sign.
SIGN_OF_ZERO = {}
# Families whose indices say only which of several equal elements was found.
WHICH_OF_EQUALS = {"sorting": "a selection need not be stable"}
# op -> (how many times the dtype's own error is allowed, why it needs more than two)
LARGER_ERROR: dict[str, tuple[float, str]] = {}
# Moving an input by one rounding moves their results by a step, which excuses nothing.
DISCONTINUOUS = {"floor_divide", "trunc_divide", "remainder", "fmod", "heaviside", "copysign", "nextafter", "where"}
