"""PatchCamelyon: patches of lymph nodes, with and without tumour."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritonnn.vision._pillow import pillow
from tritonnn.vision.datasets._extras import extra
from tritonnn.vision.datasets._items import Separate
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.utils import download_file_from_google_drive, extract_archive, verify_str_arg

__all__ = ["PCAM"]


class PCAM(Separate):
    """Patches of 96 by 96 in HDF5 files in `root/pcam`, which h5py reads; targets are 1 where there is tumour.

    Args:
        root: the folder.
        split: "train", "test" or "val".
        transform: a function of the picture, which is one of Pillow's.
        target_transform: a function of the target.
        download: fetch the files from Google Drive and unpack them.
    """

    _FILES = {  # name, id at Google Drive, MD5 of the compressed file
        "train": {
            "images": (
                "camelyonpatch_level_2_split_train_x.h5",
                "1Ka0XfEMiwgCYPdTI-vv6eUElOBnKFKQ2",
                "1571f514728f59376b705fc836ff4b63",
            ),
            "targets": (
                "camelyonpatch_level_2_split_train_y.h5",
                "1269yhu3pZDP8UYFQs-NYs3FPwuK-nGSG",
                "35c2d7259d906cfc8143347bb8e05be7",
            ),
        },
        "test": {
            "images": (
                "camelyonpatch_level_2_split_test_x.h5",
                "1qV65ZqZvWzuIVthK8eVDhIwrbnsJdbg_",
                "d8c2d60d490dbd479f8199bdfa0cf6ec",
            ),
            "targets": (
                "camelyonpatch_level_2_split_test_y.h5",
                "17BHrSrwWKjYsOgTMmoqrIjDy6Fa2o_gP",
                "60a7035772fbdb7f34eb86d4420cf66a",
            ),
        },
        "val": {
            "images": (
                "camelyonpatch_level_2_split_valid_x.h5",
                "1hgshYGWK8V-eGRy8LToWJJgDU_rXWVJ3",
                "d5b63470df7cfa627aeec8b9dc0c066e",
            ),
            "targets": (
                "camelyonpatch_level_2_split_valid_y.h5",
                "1bH8ZRbhSVAhScTS0p9-ZzGnX91cHT3uO",
                "2b85f58b927af9964a4c15b8f7e8f179",
            ),
        },
    }

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
    ) -> None:
        self.h5py = extra("h5py", "torchvision.datasets.PCAM", RuntimeError)
        self._split = verify_str_arg(split, "split", ("train", "test", "val"))
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._base_folder = Path(self.root) / "pcam"
        if download:
            self._download()
        if not self._check_exists():
            missing = " or ".join(str(path) for path in self._paths() if not path.exists())
            raise RuntimeError(
                f"Dataset not found: there is no {missing}. You can use download=True to download it"
            )

    def _paths(self) -> list[Path]:
        """The files of the pictures and of the targets."""
        return [self._base_folder / name for name, _, _ in self._FILES[self._split].values()]

    def _read(self, path: Path, name: str, take: Callable[[Any], Any]) -> Any:
        """Something of an array in a file, which is opened anew each time, as several processes may read it."""
        with naming(path), self.h5py.File(path, "r") as file:
            return take(file[name])

    def __len__(self) -> int:
        return self._read(self._paths()[0], "x", len)

    def _item(self, index: int) -> tuple[Any, Any]:
        images, targets = self._paths()
        pixels = self._read(images, "x", lambda array: array[index])
        target = self._read(targets, "y", lambda array: int(array[index, 0, 0, 0]))
        return pillow("torchvision.datasets").fromarray(pixels).convert("RGB"), target

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "h5py": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, h5py=extra("h5py", "torchvision.datasets.PCAM", RuntimeError))

    def _check_exists(self) -> bool:
        return all(path.exists() for path in self._paths())

    def _download(self) -> None:
        if self._check_exists():
            return
        for name, file_id, md5 in self._FILES[self._split].values():
            download_file_from_google_drive(file_id, self._base_folder, f"{name}.gz", md5)
            extract_archive(self._base_folder / f"{name}.gz")
