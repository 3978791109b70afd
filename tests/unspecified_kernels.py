"""What a kernel and its NumPy twin may do differently with special numbers: data, each with its reason."""

from __future__ import annotations

EITHER = "the larger and the smaller of +0 and -0 is either"
SIGN_OF_ZERO = {
    **dict.fromkeys(("maximum", "minimum", "fmax", "fmin", "clamp", "relu", "relu6", "hardtanh"), EITHER),
    "softshrink": "the kernel writes input * 0, as PyTorch's scalar code, the twin +0, as its vector code",
}
# op -> (kinds of special numbers, why they are not compared)
NOT_COMPARED: dict[str, tuple[tuple[str, ...], str]] = {
    "bce_reduced": (("nan", "infinite"), "a kernel cannot refuse: it gives NaN where the CPU raises"),
}
