"""The version of torchvision whose interface `tritonnn.vision` has."""

from __future__ import annotations

from tritonnn.version import served_vision as __version__

__all__ = ["__version__", "cuda", "git_version"]

git_version: str | None = None
#: The CUDA version that native operators are compiled with; there are none such here.
cuda: str | None = None
