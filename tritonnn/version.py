"""The library's version, the one place it is written."""

from __future__ import annotations

__version__ = "0.1.0"
#: the project's version, whatever the library is served as
project = __version__
#: what `torch.__version__` says while it is served: the version of PyTorch whose interface this is
served = "2.13.0+tritonnn"

#: no toolkit is built in: kernels are compiled by Triton for the GPU at hand
cuda: str | None = None
hip: str | None = None
rocm: str | None = None
xpu: str | None = None
debug = False
#: not known: what is installed is a version, and no checkout
git_version: str | None = None
