"""Pairs of pictures that two eyes see, with the disparity of each pixel."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tritonnn.vision.datasets._middlebury import Middlebury2014Stereo
from tritonnn.vision.datasets._named import naming, open_image
from tritonnn.vision.datasets._stereo_files import StereoMatchingDataset, chosen, positive_pfm, scaled
from tritonnn.vision.datasets.utils import verify_str_arg

__all__ = [
    "CREStereo", "CarlaStereo", "ETH3DStereo", "FallingThingsStereo", "InStereo2k", "Kitti2012Stereo",
    "Kitti2015Stereo", "Middlebury2014Stereo", "SceneFlowStereo", "SintelStereo", "StereoMatchingDataset",
]  # fmt: skip

AnyPath = str | os.PathLike[str]
Function = Callable[..., Any]


class CarlaStereo(StereoMatchingDataset):
    """Streets of a simulator, in `root/carla-highres/trainingF`.

    Args:
        root: the folder.
        transforms: a function of the pictures, the disparities and the masks.
    """

    def __init__(self, root: AnyPath, transforms: Function | None = None) -> None:
        super().__init__(root, transforms)
        scenes = self._home("carla-highres", "trainingF", "*")
        self._images = self._scan_pairs(scenes / "im0.png", scenes / "im1.png")
        self._disparities = self._scan_pairs(scenes / "disp0GT.pfm", scenes / "disp1GT.pfm")

    def _read_disparity(self, file_path: str) -> tuple[Any, None]:
        return positive_pfm(file_path), None


class _Kitti(StereoMatchingDataset):
    """What a car's cameras saw; without disparity for "test". The mask is None."""

    _has_built_in_disparity_mask = True

    def _read_disparity(self, file_path: str) -> tuple[Any, None]:
        return (None if file_path is None else scaled(file_path, 256.0, None)), None


class Kitti2012Stereo(_Kitti):
    """What a car's cameras saw, in `root/Kitti2012`.

    Args:
        root: the folder.
        split: "train", or "test", which has no disparity.
        transforms: a function of the pictures, the disparities and the masks.
    """

    def __init__(self, root: AnyPath, split: str = "train", transforms: Function | None = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(split, "split", ("train", "test"))
        home = self._home("Kitti2012", f"{split}ing")
        self._images = self._scan_pairs(home / "colored_0" / "*_10.png", home / "colored_1" / "*_10.png")
        known = split == "train"
        self._disparities = (
            self._scan_pairs(home / "disp_noc" / "*.png") if known else [(None, None)] * len(self._images)
        )


class Kitti2015Stereo(_Kitti):
    """What a car's cameras saw, in `root/Kitti2015`.

    Args:
        root: the folder.
        split: "train", or "test", which has no disparity.
        transforms: a function of the pictures, the disparities and the masks.
    """

    def __init__(self, root: AnyPath, split: str = "train", transforms: Function | None = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(split, "split", ("train", "test"))
        home = self._home("Kitti2015", f"{split}ing")
        self._images = self._scan_pairs(home / "image_2" / "*.png", home / "image_3" / "*.png")
        self._disparities = (
            self._scan_pairs(home / "disp_occ_0" / "*.png", home / "disp_occ_1" / "*.png")
            if split == "train"
            else [(None, None)] * len(self._images)
        )


class CREStereo(StereoMatchingDataset):
    """Rendered scenes, in `root/CREStereo`. The mask is None.

    Args:
        root: the folder.
        transforms: a function of the pictures, the disparities and the masks.
    """

    _has_built_in_disparity_mask = True

    def __init__(self, root: AnyPath, transforms: Function | None = None) -> None:
        super().__init__(root, transforms)
        for name in ("shapenet", "reflective", "tree", "hole"):
            home = self._home("CREStereo", name)
            self._images += self._scan_pairs(home / "*_left.jpg", home / "*_right.jpg")
            self._disparities += self._scan_pairs(home / "*_left.disp.png", home / "*_right.disp.png")

    def _read_disparity(self, file_path: str) -> tuple[Any, None]:
        return scaled(file_path, 32.0), None


class FallingThingsStereo(StereoMatchingDataset):
    """Things of a household that fall, in `root/FallingThings`; disparity is made of depth.

    Args:
        root: the folder.
        variant: "single" things, or "mixed", or "both".
        transforms: a function of the pictures, the disparities and the masks.
    """

    def __init__(self, root: AnyPath, variant: str = "single", transforms: Function | None = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(variant, "variant", ("single", "mixed", "both"))
        for name in chosen(variant, ("single", "mixed")):
            scenes = self._home("FallingThings", name, "*", *(["*"] if name == "single" else []))
            self._images += self._scan_pairs(scenes / "*.left.jpg", scenes / "*.right.jpg")
            self._disparities += self._scan_pairs(scenes / "*.left.depth.png", scenes / "*.right.depth.png")

    def _read_disparity(self, file_path: str) -> tuple[Any, None]:
        depth = np.asarray(open_image(file_path)).astype(np.float32)
        camera = Path(file_path).parent / "_camera_settings.json"
        with naming(camera):
            focal = json.loads(camera.read_text())["camera_settings"][0]["intrinsic_settings"]["fx"]
        baseline, unit = 6, 100  # in centimetres, and parts of one
        return (baseline * focal * unit / depth)[None], None


class SceneFlowStereo(StereoMatchingDataset):
    """Rendered scenes, in `root/SceneFlow`.

    Args:
        root: the folder.
        variant: "FlyingThings3D", "Driving" or "Monkaa".
        pass_name: rendered "clean", or "final" with blur, or "both".
        transforms: a function of the pictures, the disparities and the masks.
    """

    def __init__(
        self,
        root: AnyPath,
        variant: str = "FlyingThings3D",
        pass_name: str = "clean",
        transforms: Function | None = None,
    ) -> None:
        super().__init__(root, transforms)
        verify_str_arg(variant, "variant", ("FlyingThings3D", "Driving", "Monkaa"))
        verify_str_arg(pass_name, "pass_name", ("clean", "final", "both"))
        home = self._home("SceneFlow", variant)
        scene = Path("*") if variant == "Monkaa" else Path("*", "*", "*")
        for name in chosen(pass_name, ("clean", "final")):
            frames = home / f"frames_{name}pass" / scene
            self._images += self._scan_pairs(frames / "left" / "*.png", frames / "right" / "*.png")
            disparity = home / "disparity" / scene
            self._disparities += self._scan_pairs(disparity / "left" / "*.pfm", disparity / "right" / "*.pfm")

    def _read_disparity(self, file_path: str) -> tuple[Any, None]:
        return positive_pfm(file_path), None


class SintelStereo(StereoMatchingDataset):
    """Scenes of an animated film, in `root/Sintel/training`; pixels that one eye does not see are not valid.

    Args:
        root: the folder.
        pass_name: rendered "clean", or "final" with blur and mist, or "both".
        transforms: a function of the pictures, the disparities and the masks.
    """

    _has_built_in_disparity_mask = True

    def __init__(self, root: AnyPath, pass_name: str = "final", transforms: Function | None = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(pass_name, "pass_name", ("final", "clean", "both"))
        home = self._home("Sintel", "training")
        for name in chosen(pass_name, ("final", "clean")):
            self._images += self._scan_pairs(
                home / f"{name}_left" / "*" / "*.png", home / f"{name}_right" / "*" / "*.png"
            )
            self._disparities += self._scan_pairs(home / "disparities" / "*" / "*.png")

    def _get_occlussion_mask_paths(self, file_path: str) -> list[str]:
        """The files of the pixels that are covered, and that are out of the picture, for the other eye."""
        path = Path(file_path)
        home = path.parent.parent.parent
        files = []
        for folder, what in (("occlusions", "Occlusion mask"), ("outofframe", "Out of frame mask")):
            files.append(str(home / folder / path.parent.name / path.name))
            if not os.path.exists(files[-1]):
                raise FileNotFoundError(f"{what} {files[-1]} does not exist")
        return files

    def _read_disparity(self, file_path: str) -> tuple[Any, Any]:
        if file_path is None:
            return None, None
        red, green, blue = np.asarray(open_image(file_path), np.float32).transpose(2, 0, 1)
        disparity = red * 4 + green / 2**6 + blue / 2**14
        hidden = [np.asarray(open_image(path)) for path in self._get_occlussion_mask_paths(file_path)]
        return disparity[None], (hidden[0] == 0) & (hidden[1] == 0)


class InStereo2k(StereoMatchingDataset):
    """Rooms, in `root/InStereo2k`.

    Args:
        root: the folder.
        split: "train" or "test".
        transforms: a function of the pictures, the disparities and the masks.
    """

    def __init__(self, root: AnyPath, split: str = "train", transforms: Function | None = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(split, "split", ("train", "test"))
        scenes = self._home("InStereo2k", split, "*")
        self._images = self._scan_pairs(scenes / "left.png", scenes / "right.png")
        self._disparities = self._scan_pairs(scenes / "left_disp.png", scenes / "right_disp.png")

    def _read_disparity(self, file_path: str) -> tuple[Any, None]:
        return scaled(file_path, 1024.0), None


class ETH3DStereo(StereoMatchingDataset):
    """Rooms and gardens, in `root/ETH3D`.

    Args:
        root: the folder.
        split: "train", or "test", which has no disparity.
        transforms: a function of the pictures, the disparities and the masks.
    """

    _has_built_in_disparity_mask = True

    def __init__(self, root: AnyPath, split: str = "train", transforms: Function | None = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(split, "split", ("train", "test"))
        scenes = self._home("ETH3D", "two_view_training" if split == "train" else "two_view_test", "*")
        self._images = self._scan_pairs(scenes / "im0.png", scenes / "im1.png")
        self._disparities = (
            self._scan_pairs(self._home("ETH3D", "two_view_training_gt", "*", "disp0GT.pfm"))
            if split == "train"
            else [(None, None)] * len(self._images)
        )

    def _read_disparity(self, file_path: str) -> tuple[Any, Any]:
        if file_path is None:
            return None, None
        mask = open_image(Path(file_path).parent / "mask0nocc.png")
        return positive_pfm(file_path), np.asarray(mask).astype(bool)
