"""Kinetics: ten seconds each of the web's videos, of 400, 600 or 700 actions."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from functools import partial
from multiprocessing import Pool
from typing import Any
from urllib.parse import quote

from tritonnn.vision.datasets._items import lines
from tritonnn.vision.datasets.folder import find_classes, make_dataset
from tritonnn.vision.datasets.utils import download_and_extract_archive, download_url, verify_str_arg
from tritonnn.vision.datasets.video_utils import VideoClips
from tritonnn.vision.datasets.vision import VisionDataset

__all__ = ["Kinetics"]

_SITE = "https://s3.amazonaws.com/kinetics/"


def _fetch(tars: str, videos: str, url: str) -> None:
    download_and_extract_archive(url, tars, videos)


class Kinetics(VisionDataset[Any]):
    """Videos in `root/SPLIT`, by class; items are a clip's pictures, its sound, and the number of its class.

    Args:
        root: the folder.
        frames_per_clip: frames of a clip.
        num_classes: "400", "600" or "700"; for what is downloaded.
        split: "train", "val" or "test".
        frame_rate: frames a second that videos are brought to; None: their own.
        step_between_clips: frames from the beginning of one clip to that of the next.
        transform: a function of the pictures.
        extensions: how names of videos end.
        download: fetch the videos, unless the split's folder is there.
        num_download_workers: processes that fetch.
        num_workers: processes that count the frames of all videos.
        _precomputed_metadata: what `metadata` was an earlier time; then nothing is counted.
        _legacy: classes are in `root` itself, and clips "THWC".
        output_format: of clips, "THWC" or "TCHW".

    The sizes `_video_width` and so on can only be 0: VideoClips says why.
    """

    _TAR_URLS = {
        "400": _SITE + "400/{split}/k400_{split}_path.txt",
        "600": _SITE + "600/{split}/k600_{split}_path.txt",
        "700": _SITE + "700_2020/{split}/k700_2020_{split}_path.txt",
    }
    _ANNOTATION_URLS = {
        "400": _SITE + "400/annotations/{split}.csv",
        "600": _SITE + "600/annotations/{split}.csv",
        "700": _SITE + "700_2020/annotations/{split}.csv",
    }

    def __init__(
        self,
        root: str | os.PathLike[str],
        frames_per_clip: int,
        num_classes: str = "400",
        split: str = "train",
        frame_rate: int | None = None,
        step_between_clips: int = 1,
        transform: Callable[..., Any] | None = None,
        extensions: tuple[str, ...] = ("avi", "mp4"),
        download: bool = False,
        num_download_workers: int = 1,
        num_workers: int = 1,
        _precomputed_metadata: dict[str, Any] | None = None,
        _video_width: int = 0,
        _video_height: int = 0,
        _video_min_dimension: int = 0,
        _audio_samples: int = 0,
        _audio_channels: int = 0,
        _legacy: bool = False,
        output_format: str = "TCHW",
    ) -> None:
        super().__init__(root)
        self.num_classes = verify_str_arg(num_classes, "num_classes", ["400", "600", "700"])
        self.extensions = extensions
        self.num_download_workers = num_download_workers
        self._legacy = _legacy
        if _legacy and download:
            raise ValueError("Cannot download the videos using legacy_structure.")
        self.split = "unknown" if _legacy else verify_str_arg(split, "split", ["train", "val", "test"])
        self.split_folder = os.fspath(self.root) if _legacy else os.path.join(self.root, split)
        if download:
            self.download_and_process_videos()
        self.classes, class_to_idx = find_classes(self.split_folder)
        self.samples = make_dataset(self.split_folder, class_to_idx, extensions)
        self.video_clips = VideoClips(
            [path for path, _ in self.samples],
            frames_per_clip,
            step_between_clips,
            frame_rate,
            _precomputed_metadata,
            num_workers=num_workers,
            _video_width=_video_width,
            _video_height=_video_height,
            _video_min_dimension=_video_min_dimension,
            _audio_samples=_audio_samples,
            _audio_channels=_audio_channels,
            output_format="THWC" if _legacy else output_format,
        )
        self.transform = transform

    def download_and_process_videos(self) -> None:
        """Fetch the videos of the split and put each into the folder of its class, unless the split's is there."""
        if os.path.exists(self.split_folder):
            return
        new = f"{self.split_folder}.part"
        self._download_videos(new)
        self._make_ds_structure(new)
        os.rename(new, self.split_folder)

    def _listed(self, urls: dict[str, str], folder: str) -> str:
        """The path of a list of this split, which is fetched where it is missing."""
        url = urls[self.num_classes].format(split=self.split)
        download_url(url, os.path.join(self.root, folder))
        return os.path.join(self.root, folder, os.path.basename(url))

    def _download_videos(self, folder: str) -> None:
        tars = os.path.join(self.root, "tars")
        urls = [quote(line, safe="/,:") for line in lines(self._listed(self._TAR_URLS, "files")) if line]
        if self.num_download_workers == 1:
            for url in urls:
                _fetch(tars, folder, url)
        else:
            with Pool(self.num_download_workers) as pool:
                pool.map(partial(_fetch, tars, folder), urls)

    def _make_ds_structure(self, folder: str) -> None:
        """Move `folder/clip.mp4` to `folder/class/clip.mp4`."""
        with open(self._listed(self._ANNOTATION_URLS, "annotations"), newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                start, end = int(row["time_start"]), int(row["time_end"])
                name = f"{row['youtube_id']}_{start:06}_{end:06}.mp4"
                label = row["label"].translate(str.maketrans(" ", "_", "'()"))
                os.makedirs(os.path.join(folder, label), exist_ok=True)
                if os.path.isfile(os.path.join(folder, name)):
                    os.replace(os.path.join(folder, name), os.path.join(folder, label, name))

    @property
    def metadata(self) -> dict[str, Any]:
        """What was counted of all videos."""
        return self.video_clips.metadata

    def __len__(self) -> int:
        return self.video_clips.num_clips()

    def __getitem__(self, idx: int) -> tuple[Any, Any, int]:
        video, audio, _, number = self.video_clips.get_clip(idx)
        return video if self.transform is None else self.transform(video), audio, self.samples[number][1]
