"""Middlebury's stereo pictures of 2014."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tritonnn.vision.datasets._stereo_files import StereoMatchingDataset, chosen, positive_pfm
from tritonnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg

__all__ = ["Middlebury2014Stereo"]

_SCENES = {
    "train": "Adirondack Jadeplant Motorcycle Piano Pipes Playroom Playtable Recycle Shelves Vintage",
    "additional": (
        "Backpack Bicycle1 Cable Classroom1 Couch Flowers Mask Shopvac Sticks Storage Sword1 Sword2 Umbrella"
    ),
    "test": (
        "Plants Classroom2E Classroom2 Australia DjembeL CrusadeP Crusade Hoops Bicycle2 Staircase Newkuba "
        "AustraliaP Djembe Livingroom Computer"
    ),
}
_SITE = "https://vision.middlebury.edu/stereo"


class Middlebury2014Stereo(StereoMatchingDataset):
    """Still lifes, in `root/Middlebury2014`, by split and scene.

    Args:
        root: the folder.
        split: "train", "additional" or "test".
        calibration: "perfect", "imperfect" or "both"; None for "test", and only there.
        use_ambient_views: the right picture is one of those with other light, by chance.
        transforms: a function of the pictures, the disparities and the masks.
        download: fetch the scenes that are missing.
    """

    splits = {name: scenes.split() for name, scenes in _SCENES.items()}
    _has_built_in_disparity_mask = True

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        calibration: str | None = "perfect",
        use_ambient_views: bool = False,
        transforms: Callable[..., Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transforms)
        self.split = verify_str_arg(split, "split", ("train", "test", "additional"))
        if calibration:
            verify_str_arg(calibration, "calibration", ("perfect", "imperfect", "both"))
        if calibration and split == "test":
            raise ValueError("Split 'test' has only no calibration settings, please set `calibration=None`.")
        if not calibration and split != "test":
            raise ValueError(
                f"Split '{split}' has calibration settings, however None was provided as an argument. "
                "Available calibration settings are: 'perfect', 'imperfect', 'both'."
            )
        self.use_ambient_views = use_ambient_views
        home = self._home("Middlebury2014")
        if download:
            self._download(home)
        if not (home / split).exists():
            raise FileNotFoundError(
                f"The {split} directory was not found in the provided root directory: {home}"
            )
        if not any(name.startswith(tuple(self.splits[split])) for name in os.listdir(home / split)):
            raise FileNotFoundError(f"{home / split} does not contain any scenes from the {split} split.")
        for kind in chosen(calibration, ("perfect", "imperfect")) if calibration else [None]:
            scenes = home / split / (f"*-{kind}" if kind else "*")
            self._images += self._scan_pairs(scenes / "im0.png", scenes / "im1.png")
            if kind:
                self._disparities += self._scan_pairs(scenes / "disp0.pfm", scenes / "disp1.pfm")
        if split == "test":
            self._disparities = [(None, None)] * len(self._images)

    def _read_img(self, file_path: str | os.PathLike[str]) -> Any:
        path = Path(file_path)
        if path.name == "im1.png" and self.use_ambient_views:
            others = [path.with_name(name) for name in ("im1E.png", "im1L.png")]
            path = random.choice([*(other for other in others if other.exists()), path])
        return super()._read_img(path)

    def _read_disparity(self, file_path: str) -> tuple[Any, Any]:
        if file_path is None:
            return None, None
        disparity = positive_pfm(file_path)
        disparity[disparity == np.inf] = 0  # what the left eye alone sees
        return disparity, disparity[0] > 0

    def _download(self, home: Path) -> None:
        """Fetch the scenes of the split that are not there."""
        folder = home / self.split
        if self.split != "test":
            for scene in (
                f"{name}-{kind}" for name in self.splits[self.split] for kind in ("perfect", "imperfect")
            ):
                if not (folder / scene).exists():
                    url = f"{_SITE}/data/scenes2014/zip/{scene}.zip"
                    download_and_extract_archive(url, folder, filename=f"{scene}.zip", remove_finished=True)
            return
        missing = [name for name in self.splits["test"] if not (folder / name).exists()]
        if not missing:
            return
        download_and_extract_archive(f"{_SITE}/submit3/zip/MiddEval3-data-F.zip", home, remove_finished=True)
        folder.mkdir(exist_ok=True)
        for name in missing:
            shutil.move(str(home / "MiddEval3" / "testF" / name), str(folder / name))
        shutil.rmtree(home / "MiddEval3")
