"""Images, as torchvision has them: transforms, datasets, models, operators on boxes, reading and drawing.

`import torchvision` gives this package while tritonnn is served. It needs Pillow where pictures are read, changed or
written (`pip install 'tritonnn[vision]'`); tensors, models and operators do without.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tritonnn.vision.version import __version__

__all__ = [
    "disable_beta_transforms_warning", "get_image_backend", "get_video_backend", "set_image_backend",
    "set_video_backend",
]  # fmt: skip

_SUBMODULES = frozenset((
    "datasets", "extension", "io", "models", "ops", "transforms", "tv_tensors", "utils", "version",
))  # fmt: skip


def set_image_backend(backend: str) -> None:
    """Say what loads pictures: Pillow; accimage, which torchvision also names, is not used.

    >>> import tritonnn as torch
    >>> torch.vision.set_image_backend("PIL")

    Raises ValueError for another name, and ImportError for accimage.
    """
    if backend not in ("PIL", "accimage"):
        raise ValueError(f"Invalid backend '{backend}'. Options are 'PIL' and 'accimage'")
    if backend == "accimage":
        raise ImportError("tritonnn.vision reads pictures with Pillow and does not use accimage: pass 'PIL'")


def get_image_backend() -> str:
    """What loads pictures.

    >>> import tritonnn as torch
    >>> torch.vision.get_image_backend()
    'PIL'
    """
    return "PIL"


def set_video_backend(backend: str) -> None:
    """Say what decodes videos: only 'pyav' is there.

    >>> import tritonnn as torch
    >>> torch.vision.set_video_backend("pyav")

    Raises ValueError for another name.
    """
    if backend != "pyav":
        raise ValueError(f"Invalid video backend '{backend}'. The only option is 'pyav'")


def get_video_backend() -> str:
    """What decodes videos.

    >>> import tritonnn as torch
    >>> torch.vision.get_video_backend()
    'pyav'
    """
    return "pyav"


def disable_beta_transforms_warning() -> None:
    """Nothing to do: transforms.v2 gives no such warning any more; older programs call this.

    >>> import tritonnn as torch
    >>> torch.vision.disable_beta_transforms_warning()
    """


if TYPE_CHECKING:  # where `__getattr__` would let any name pass
    from tritonnn.vision import datasets as datasets
    from tritonnn.vision import extension as extension
    from tritonnn.vision import io as io
    from tritonnn.vision import models as models
    from tritonnn.vision import ops as ops
    from tritonnn.vision import transforms as transforms
    from tritonnn.vision import tv_tensors as tv_tensors
    from tritonnn.vision import utils as utils
    from tritonnn.vision import version as version
else:

    def __getattr__(name: str) -> Any:
        if name in _SUBMODULES:
            return importlib.import_module(f"tritonnn.vision.{name}")
        raise AttributeError(f"tritonnn has no torchvision.{name}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBMODULES, "__version__"})
