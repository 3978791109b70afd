"""Libraries that some file formats need, asked for when a file is read: the extra `datasets` has them."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["extra"]


def extra(module: str, wanted_by: str, error: type[Exception] = ImportError) -> Any:
    """A module of another library: `extra("scipy.io", "torchvision.datasets.SVHN").loadmat(path)`.

    Args:
        module: its whole name.
        wanted_by: what needs it, for the message.
        error: what is raised where it is not installed.
    """
    library = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != library:
            raise
        raise error(f"{wanted_by} needs {library}: pip install 'tritonnn[datasets]'") from None
