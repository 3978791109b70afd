"""The library's version, the one place it is written."""

from __future__ import annotations

__version__ = "0.1.0"

#: no toolkit is built in: kernels are compiled by Triton for the GPU at hand
cuda: str | None = None
hip: str | None = None
rocm: str | None = None
xpu: str | None = None
debug = False
#: not known: what is installed is a version, and no checkout
git_version: str | None = None
