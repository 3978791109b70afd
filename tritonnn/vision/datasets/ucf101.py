"""UCF101: clips of the web, of 101 actions."""

from __future__ import annotations

import os

from tritonnn.vision.datasets._folds import Folds
from tritonnn.vision.datasets._items import lines

__all__ = ["UCF101"]


class UCF101(Folds):
    """Videos of 101 actions; `annotation_path` is the folder of `trainlist01.txt` and so on."""

    def _select_fold(self, video_list: list[str], annotation_path: str, fold: int, train: bool) -> list[int]:
        file = os.path.join(annotation_path, f"{'train' if train else 'test'}list{fold:02d}.txt")
        names = {os.path.join(self.root, *line.split(" ")[0].split("/")) for line in lines(file)}
        return [i for i, path in enumerate(video_list) if path in names]
