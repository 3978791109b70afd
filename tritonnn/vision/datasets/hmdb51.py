"""HMDB51: clips of films and of the web, of 51 actions."""

from __future__ import annotations

import os
from glob import escape, glob

from tritonnn.vision.datasets._folds import Folds
from tritonnn.vision.datasets._items import lines

__all__ = ["HMDB51"]


class HMDB51(Folds):
    """Videos of 51 actions; `annotation_path` is the folder of `ACTION_test_split1.txt` and so on."""

    data_url = "https://serre-lab.clps.brown.edu/wp-content/uploads/2013/10/hmdb51_org.rar"
    splits = {
        "url": "https://serre-lab.clps.brown.edu/wp-content/uploads/2013/10/test_train_splits.rar",
        "md5": "15e67781e70dcfbdce2d7dbb9b3344b5",
    }
    TRAIN_TAG = 1
    TEST_TAG = 2

    def _select_fold(self, video_list: list[str], annotation_path: str, fold: int, train: bool) -> list[int]:
        wanted = str(self.TRAIN_TAG if train else self.TEST_TAG)
        files = glob(os.path.join(escape(annotation_path), f"*test_split{fold}.txt"))
        rows = [line.split() for file in files for line in lines(file)]
        names = {name for name, tag in rows if tag == wanted}
        return [i for i, path in enumerate(video_list) if os.path.basename(path) in names]
