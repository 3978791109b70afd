"""Photographs that scikit-image brings; it is not imported."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from PIL import Image


def photograph(name: str) -> Image.Image:
    """One of scikit-image's pictures, in colour."""
    folder = Path(importlib.util.find_spec("skimage").origin).parent / "data"
    with Image.open(folder / name) as file:
        return file.convert("RGB")
