"""The library's version, the one place it is written."""

from __future__ import annotations

__version__ = "0.1.0"
#: the project's version, whatever the library is served as
project = __version__
#: what `torch.__version__` says while it is served: the version of PyTorch whose interface this is
served = "2.13.0+tritonnn"
#: likewise of torchvision, whose interface `tritonnn.vision` has
served_vision = "0.28.0+tritonnn"

#: the CUDA version of the GPU's driver, such as '12.8', where there is a GPU: no toolkit is built in; else None
cuda: str | None
hip: str | None = None
rocm: str | None = None
xpu: str | None = None
debug = False
#: not known: what is installed is a version, and no checkout
git_version: str | None = None


def __getattr__(name: str) -> str | None:
    if name != "cuda":
        raise AttributeError(f"tritonnn has no torch.version.{name}")
    from tritonnn.device import runtime

    try:
        return runtime().cuda_version()
    except RuntimeError:  # no driver
        return None
