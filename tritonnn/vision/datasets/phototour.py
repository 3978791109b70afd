"""Patches of photographs of the same sights, for descriptors of points."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.datasets._named import open_image
from tritonnn.vision.datasets.utils import download_url, extract_archive
from tritonnn.vision.datasets.vision import VisionDataset

__all__ = ["PhotoTour", "read_image_file", "read_info_file", "read_matches_files"]

_SIZE = 64
_BROWN, _BALNT = "http://matthewalunbrown.com/patchdata/", "http://icvl.ee.ic.ac.uk/vbalnt/"
_SIGHTS = {  # site, MD5, mean, standard deviation, patches
    "notredame_harris": (_BROWN, "69f8c90f78e171349abdf0307afefe4d", 0.4854, 0.1864, 325295),
    "yosemite_harris": (_BROWN, "a73253d1c6fbd3ba2613c45065c00d46", 0.4844, 0.1818, 450912),
    "liberty_harris": (_BROWN, "c731fcfb3abb4091110d0ae8c7ba182c", 0.4437, 0.2019, 379587),
    "notredame": (_BALNT, "509eda8535847b8c0a90bbb210c83484", 0.4854, 0.1864, 468159),
    "yosemite": (_BALNT, "533b2e8eb7ede31be40abc317b2fd4f0", 0.4844, 0.1818, 633587),
    "liberty": (_BALNT, "fdd9152f138ea5ef2091746689176414", 0.4437, 0.2019, 450092),
}


class PhotoTour(VisionDataset[Any]):
    """Patches of 64 by 64 of one sight, in `root/NAME`; made into tensors in `root/NAME.pt` when first used.

    Args:
        root: the folder.
        name: "notredame", "yosemite" or "liberty", or one of these with "_harris" behind it.
        train: items are patches; False: two patches, and whether they show the same point.
        transform: a function of a patch, which is a uint8 tensor.
        download: fetch the archive and unpack it, where neither the folder nor the tensors are there.
    """

    urls = {name: [f"{site}{name}.zip", f"{name}.zip", md5] for name, (site, md5, *_) in _SIGHTS.items()}
    means = {name: row[2] for name, row in _SIGHTS.items()}
    stds = {name: row[3] for name, row in _SIGHTS.items()}
    lens = {name: row[4] for name, row in _SIGHTS.items()}
    image_ext = "bmp"
    info_file = "info.txt"
    matches_files = "m50_100000_100000_0.txt"

    def __init__(
        self,
        root: str | os.PathLike[str],
        name: str,
        train: bool = True,
        transform: Callable[..., Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform)
        self.name = name
        self.train = train
        self.mean = self.means[name]
        self.std = self.stds[name]
        self.data_dir = os.path.join(self.root, name)
        self.data_down = os.path.join(self.root, f"{name}.zip")
        self.data_file = os.path.join(self.root, f"{name}.pt")
        if download:
            self.download()
        if not self._check_datafile_exists():
            self.cache()
        self.data, self.labels, self.matches = torch.load(self.data_file, weights_only=True)

    def __getitem__(self, index: int) -> Any:
        change = self.transform or (lambda patch: patch)
        if self.train:
            return change(self.data[index])
        first, second, same = self.matches[index]
        return change(self.data[first]), change(self.data[second]), same

    def __len__(self) -> int:
        return len(self.data if self.train else self.matches)

    def _check_datafile_exists(self) -> bool:
        return os.path.exists(self.data_file)

    def download(self) -> None:
        """Fetch the archive and unpack it, unless it was."""
        if self._check_datafile_exists() or os.path.exists(self.data_dir):
            return
        url, filename, md5 = self.urls[self.name]
        download_url(url, self.root, filename, md5)
        extract_archive(os.path.join(self.root, filename), self.data_dir, remove_finished=True)

    def cache(self) -> None:
        """Make the tensors, and save them."""
        images = read_image_file(self.data_dir, self.image_ext, self.lens[self.name])
        labels = read_info_file(self.data_dir, self.info_file)
        matches = read_matches_files(self.data_dir, self.matches_files)
        part = f"{self.data_file}.{os.getpid()}.part"
        torch.save((images, labels, matches), part)
        os.replace(part, self.data_file)

    def extra_repr(self) -> str:
        """What items are."""
        return f"Split: {'Train' if self.train is True else 'Test'}"


def read_image_file(data_dir: str, image_ext: str, n: int) -> Tensor:
    """The first `n` patches in the pictures of a folder, row by row."""
    patches: list[Any] = []
    for name in sorted(name for name in os.listdir(data_dir) if name.endswith(image_ext)):
        sheet = np.asarray(open_image(os.path.join(data_dir, name), "L"))
        rows, columns = (-(-length // _SIZE) for length in sheet.shape)
        sheet = np.pad(sheet, [(0, -length % _SIZE) for length in sheet.shape])
        patches.append(sheet.reshape(rows, _SIZE, columns, _SIZE).swapaxes(1, 2).reshape(-1, _SIZE, _SIZE))
    if not patches:
        raise FileNotFoundError(f"{data_dir} has no pictures of type {image_ext}")
    return torch.from_numpy(np.concatenate(patches)[:n])


def read_info_file(data_dir: str, info_file: str) -> Tensor:
    """The number of the point that each patch shows."""
    with open(os.path.join(data_dir, info_file)) as file:
        return torch.tensor([int(line.split()[0]) for line in file], dtype=torch.int64)


def read_matches_files(data_dir: str, matches_file: str) -> Tensor:
    """Pairs of patches, and whether they show the same point."""
    with open(os.path.join(data_dir, matches_file)) as file:
        rows = [line.split() for line in file]
    pairs = [[int(row[0]), int(row[3]), int(row[1] == row[4])] for row in rows]
    return torch.tensor(pairs, dtype=torch.int64).reshape(-1, 3)
