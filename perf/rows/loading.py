"""Photographs from files to batches: JPEG decoded by Pillow, RandomResizedCrop, ToTensor, Normalize, DataLoader."""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

from _goals import Goal
from _rows import row

PHOTOGRAPHS, BATCH, SIZE, SIDE = 48, 16, (500, 375), 224


def _photographs(folder: Path, count: int) -> None:
    """Files that take as long to decode as photographs: smooth colours with fine noise."""
    import numpy as np
    from PIL import Image

    drawn = np.random.default_rng(0)
    (folder / "class").mkdir()
    for i in range(count):
        smooth = Image.fromarray(drawn.integers(0, 256, (24, 32, 3), np.uint8)).resize(
            SIZE, Image.Resampling.BICUBIC
        )
        pixels = np.array(smooth) + drawn.integers(-8, 9, (*SIZE[::-1], 3))
        picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        picture.save(folder / "class" / f"{i:03}.jpg", quality=90)


def _torchvision():
    """torchvision, also where its native operators do not load: nothing here calls one."""
    sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "parity"))
    return importlib.import_module("reference_vision").torchvision


def _loading(workers: int):
    def setup(lib, make):
        vision = lib.vision if lib.__name__ == "tritonnn" else _torchvision()
        transforms, data = vision.transforms, importlib.import_module(f"{lib.__name__}.utils.data")
        folder = tempfile.TemporaryDirectory()
        _photographs(Path(folder.name), min(PHOTOGRAPHS, make.cap or PHOTOGRAPHS))
        prepared = transforms.Compose([
            transforms.RandomResizedCrop(SIDE), transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ])  # fmt: skip
        dataset = vision.datasets.ImageFolder(folder.name, prepared)
        options = {"num_workers": workers, "persistent_workers": workers > 0}
        loader = data.DataLoader(dataset, BATCH, shuffle=True, **options)

        def epoch(folder=folder):  # the folder is there as long as the call
            return sum(len(images) for images, _ in loader)

        return epoch

    return setup


for _workers in (0, 1, 2):
    _name = f"{PHOTOGRAPHS} photographs, {_workers} worker{'s' * (_workers != 1)}"
    row("loading", _name, unit="host", devices=("cpu",), quick=_workers != 1, goal=Goal(ratio=1.0))(
        _loading(_workers)
    )
