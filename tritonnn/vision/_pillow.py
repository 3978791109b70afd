"""Pillow, which is asked for when a picture is: the rest of `tritonnn.vision` works without."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["is_image", "pillow"]


def pillow(wanted_by: str, module: str = "Image") -> Any:
    """The module of Pillow: `pillow("torchvision.io.read_image").open(path)`.

    Args:
        wanted_by: what needs it, for the message.
        module: of Pillow, such as "ImageDraw".

    Raises ImportError, which names the extra, where Pillow is not installed.
    """
    import importlib

    try:
        return importlib.import_module(f"PIL.{module}")
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] != "PIL":
            raise
        raise ImportError(f"{wanted_by} needs Pillow: pip install 'tritonnn[vision]'") from None


def is_image(value: object) -> bool:
    """Whether it is a picture of Pillow's; without importing Pillow, as there is none before somebody else did."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)
