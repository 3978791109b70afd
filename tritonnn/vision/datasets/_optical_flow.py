"""Pairs of pictures with the way that each pixel goes from one to the other."""

from __future__ import annotations

import itertools
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from glob import escape, glob
from pathlib import Path
from typing import Any

import numpy as np

from tritonnn.utils.data import ConcatDataset
from tritonnn.vision.datasets._flow_files import read_flo, read_flow_png, read_pfm
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.folder import default_loader
from tritonnn.vision.datasets.utils import verify_str_arg
from tritonnn.vision.datasets.vision import VisionDataset

__all__ = ["HD1K", "FlowDataset", "FlyingChairs", "FlyingThings3D", "KittiFlow", "Sintel"]

AnyPath = str | os.PathLike[str]
Function = Callable[..., Any]
Loader = Callable[[str], Any]


def _below(folder: Path, pattern: str) -> list[str]:
    """The paths below a folder that a pattern fits, sorted."""
    return sorted(glob(os.path.join(escape(str(folder)), pattern)))


def _home(root: AnyPath, name: str) -> Path:
    return Path(os.path.expanduser(root)) / name


class FlowDataset(ABC, VisionDataset[Any]):
    """Items are two pictures and a flow, which is None where none is known, and for some sets a mask of valid pixels.

    Args:
        root: the folder.
        transforms: a function of both pictures, flow and mask, which gives the four.
        loader: reads a picture, given its path.
    """

    _has_builtin_flow_mask = False

    def __init__(
        self, root: AnyPath, transforms: Function | None = None, loader: Loader = default_loader
    ) -> None:
        super().__init__(root=root, transforms=transforms)
        self._flow_list: list[str] = []
        self._image_list: list[list[str]] = []
        self._loader = loader

    @abstractmethod
    def _read_flow(self, file_name: str) -> Any:
        """The flow of a file; with its mask where the set has one."""

    def _require(self, found: bool, name: str, folder: Path) -> None:
        if not found:
            raise FileNotFoundError(
                f"Could not find the {name} images in {folder}. Please make sure the directory structure is correct."
            )

    def __getitem__(self, index: int) -> Any:
        first, second = (self._loader(path) for path in self._image_list[index])
        flow = mask = None
        if self._flow_list:
            flow = self._read_flow(self._flow_list[index])
            if self._has_builtin_flow_mask:
                flow, mask = flow
        if self.transforms is not None:
            first, second, flow, mask = self.transforms(first, second, flow, mask)
        if self._has_builtin_flow_mask or mask is not None:
            return first, second, flow, mask
        return first, second, flow

    def __len__(self) -> int:
        return len(self._image_list)

    def __rmul__(self, v: int) -> ConcatDataset[Any]:
        return ConcatDataset([self] * v)


class Sintel(FlowDataset):
    """Scenes of an animated film, in `root/Sintel`; those to test with have no flow. In the order of their names.

    Args:
        root: the folder.
        split: "train" or "test".
        pass_name: rendered "clean", or "final" with blur and mist, or "both".
        transforms: a function of both pictures, flow and mask.
        loader: reads a picture, given its path.
    """

    def __init__(
        self,
        root: AnyPath,
        split: str = "train",
        pass_name: str = "clean",
        transforms: Function | None = None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transforms, loader)
        verify_str_arg(split, "split", ("train", "test"))
        verify_str_arg(pass_name, "pass_name", ("clean", "final", "both"))
        home = _home(root, "Sintel")
        for name in ("clean", "final") if pass_name == "both" else (pass_name,):
            folder = home / ("training" if split == "train" else "test") / name
            for scene in sorted(os.listdir(folder)):
                images = _below(folder / scene, "*.png")
                self._image_list += [list(pair) for pair in itertools.pairwise(images)]
                if split == "train":
                    self._flow_list += _below(home / "training" / "flow" / scene, "*.flo")

    def _read_flow(self, file_name: str) -> Any:
        return read_flo(file_name)


class KittiFlow(FlowDataset):
    """What a car's camera saw, in `root/KittiFlow`; flow is known where a laser measured it.

    Args:
        root: the folder.
        split: "train" or "test", which has no flow.
        transforms: a function of both pictures, flow and mask.
        loader: reads a picture, given its path.
    """

    _has_builtin_flow_mask = True

    def __init__(
        self,
        root: AnyPath,
        split: str = "train",
        transforms: Function | None = None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transforms, loader)
        verify_str_arg(split, "split", ("train", "test"))
        folder = _home(root, "KittiFlow") / f"{split}ing"
        before, after = (_below(folder / "image_2", f"*_{frame}.png") for frame in (10, 11))
        self._require(bool(before and after), "Kitti flow", folder)
        self._image_list = [list(pair) for pair in zip(before, after)]
        if split == "train":
            self._flow_list = _below(folder / "flow_occ", "*_10.png")

    def _read_flow(self, file_name: str) -> tuple[Any, Any]:
        return read_flow_png(file_name)


class FlyingChairs(FlowDataset):
    """Chairs that fly over photographs, in `root/FlyingChairs`, where `FlyingChairs_train_val.txt` splits them.

    Args:
        root: the folder.
        split: "train" or "val".
        transforms: a function of both pictures, flow and mask.
    """

    def __init__(self, root: AnyPath, split: str = "train", transforms: Function | None = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(split, "split", ("train", "val"))
        folder = _home(root, "FlyingChairs")
        images, flows = _below(folder / "data", "*.ppm"), _below(folder / "data", "*.flo")
        table = folder / "FlyingChairs_train_val.txt"
        if not table.exists():
            raise FileNotFoundError(
                f"The FlyingChairs_train_val.txt file was not found in {folder} - please download it from the dataset "
                "page, https://lmb.informatik.uni-freiburg.de/resources/datasets/FlyingChairs.en.html"
            )
        with naming(table):
            parts = np.loadtxt(table, dtype=np.int32, ndmin=1).tolist()
            chosen = [i for i in range(len(flows)) if parts[i] == (1 if split == "train" else 2)]
        self._flow_list = [flows[i] for i in chosen]
        self._image_list = [[images[2 * i], images[2 * i + 1]] for i in chosen]

    def _read_flow(self, file_name: str) -> Any:
        return read_flo(file_name)


class FlyingThings3D(FlowDataset):
    """Things that fly through rendered scenes, in `root/FlyingThings3D`, forwards and backwards in time.

    Args:
        root: the folder.
        split: "train" or "test".
        pass_name: rendered "clean", or "final" with blur, or "both".
        camera: "left", "right" or "both".
        transforms: a function of both pictures, flow and mask.
        loader: reads a picture, given its path.
    """

    def __init__(
        self,
        root: AnyPath,
        split: str = "train",
        pass_name: str = "clean",
        camera: str = "left",
        transforms: Function | None = None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transforms, loader)
        verify_str_arg(split, "split", ("train", "test"))
        verify_str_arg(pass_name, "pass_name", ("clean", "final", "both"))
        verify_str_arg(camera, "camera", ("left", "right", "both"))
        home = _home(root, "FlyingThings3D")
        passes = [
            f"frames_{name}pass" for name in (("clean", "final") if pass_name == "both" else (pass_name,))
        ]
        cameras = ("left", "right") if camera == "both" else (camera,)
        for name, side, direction in itertools.product(passes, cameras, ("into_future", "into_past")):
            pictures = _below(home / name / split.upper(), "*/*")
            flows = _below(home / "optical_flow" / split.upper(), "*/*")
            self._require(bool(pictures and flows), "FlyingThings3D flow", home)
            for folder, flow_folder in zip(pictures, flows):
                self._add(Path(folder) / side, Path(flow_folder) / direction / side, direction)

    def _add(self, pictures: Path, flows: Path, direction: str) -> None:
        """Take a scene: the last picture has no flow into the future, the first none into the past."""
        images, files = _below(pictures, "*.png"), _below(flows, "*.pfm")
        ahead = direction == "into_future"
        for i in range(len(files) - 1):
            self._image_list.append([images[i], images[i + 1]] if ahead else [images[i + 1], images[i]])
            self._flow_list.append(files[i if ahead else i + 1])

    def _read_flow(self, file_name: str) -> Any:
        return read_pfm(file_name)


class HD1K(FlowDataset):
    """What a car's camera saw in high resolution, in `root/hd1k`; those to test with have no flow.

    Args:
        root: the folder.
        split: "train" or "test".
        transforms: a function of both pictures, flow and mask.
        loader: reads a picture, given its path.
    """

    _has_builtin_flow_mask = True

    def __init__(
        self,
        root: AnyPath,
        split: str = "train",
        transforms: Function | None = None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transforms, loader)
        verify_str_arg(split, "split", ("train", "test"))
        home = _home(root, "hd1k")
        if split == "train":
            for scene in range(36):
                flows = _below(home / "hd1k_flow_gt" / "flow_occ", f"{scene:06d}_*.png")
                images = _below(home / "hd1k_input" / "image_2", f"{scene:06d}_*.png")
                self._flow_list += flows[:-1]
                self._image_list += [[images[i], images[i + 1]] for i in range(len(flows) - 1)]
        else:
            folder = home / "hd1k_challenge" / "image_2"
            self._image_list = [
                list(pair) for pair in zip(_below(folder, "*10.png"), _below(folder, "*11.png"))
            ]
        self._require(bool(self._image_list), "HD1K", home)

    def _read_flow(self, file_name: str) -> tuple[Any, Any]:
        return read_flow_png(file_name)
