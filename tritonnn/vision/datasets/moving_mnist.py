"""Two digits that move and bounce off the edges."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.utils import download_url, verify_str_arg
from tritonnn.vision.datasets.vision import VisionDataset

__all__ = ["MovingMNIST"]


class MovingMNIST(VisionDataset[Any]):
    """10,000 videos of 20 frames of 64 by 64, in `root/MovingMNIST/mnist_test_seq.npy`; items are uint8 tensors
    of frames, channels, height and width.

    Args:
        root: the folder.
        split: "train", the first `split_ratio` frames of each; "test", the others; None: all.
        split_ratio: from 1 to 19.
        download: fetch the file where it is missing.
        transform: a function of the tensor.
    """

    _URL = "http://www.cs.toronto.edu/~nitish/unsupervised_video/mnist_test_seq.npy"
    _MD5 = "be083ec986bfe91a449d63653c411eb2"

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str | None = None,
        split_ratio: int = 10,
        download: bool = False,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(root, transform=transform)
        self.split = None if split is None else verify_str_arg(split, "split", ("train", "test"))
        if not isinstance(split_ratio, int):
            raise TypeError(f"`split_ratio` should be an integer, but got {type(split_ratio)}")
        if not 1 <= split_ratio <= 19:
            raise ValueError(
                f"`split_ratio` should be `1 <= split_ratio <= 19`, but got {split_ratio} instead."
            )
        self.split_ratio = split_ratio
        self._base_folder = os.path.join(self.root, type(self).__name__)
        self._filename = "mnist_test_seq.npy"
        path = os.path.join(self._base_folder, self._filename)
        if download:
            self.download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found: there is no {path}. You can use download=True to download it."
            )
        part = {"train": slice(split_ratio), "test": slice(split_ratio, None), None: slice(None)}[self.split]
        with naming(path):
            frames = np.load(path, allow_pickle=False)[part]  # frames first
        self.data = torch.from_numpy(np.ascontiguousarray(frames.swapaxes(0, 1)[:, :, None]))

    def __getitem__(self, idx: int) -> Tensor:
        data = self.data[idx]
        return data if self.transform is None else self.transform(data)

    def __len__(self) -> int:
        return len(self.data)

    def _check_exists(self) -> bool:
        return os.path.exists(os.path.join(self._base_folder, self._filename))

    def download(self) -> None:
        """Fetch the file, unless it is there."""
        if not self._check_exists():
            download_url(self._URL, self._base_folder, self._filename, self._MD5)
