"""Matrix decompositions through LAPACK."""

from __future__ import annotations

from typing import Literal

import numpy as np


def qr(q: np.ndarray, r: np.ndarray, input: np.ndarray, mode: Literal["reduced", "complete", "r"]) -> None:
    """input = q r with orthonormal columns of q and upper triangular r; 'reduced', 'complete' or 'r' (r alone)."""
    if mode == "r":
        np.copyto(r, np.linalg.qr(input, "r"))
    else:
        orthonormal, triangular = np.linalg.qr(input, mode)
        np.copyto(q, orthonormal)
        np.copyto(r, triangular)
