"""Videos by class, of which a fold is taken: what HMDB51 and UCF101 have in common."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tritonnn.vision.datasets.folder import find_classes, make_dataset
from tritonnn.vision.datasets.video_utils import VideoClips
from tritonnn.vision.datasets.vision import VisionDataset

__all__ = ["Folds"]

Function = Callable[..., Any]


class Folds(VisionDataset[Any]):
    """Items are a clip's pictures, its sound, and the number of its class. A subclass defines `_select_fold`.

    Args:
        root: the folder, which has a folder of videos for each class.
        annotation_path: the folder of the lists that say which video belongs where.
        frames_per_clip: frames of a clip.
        step_between_clips: frames from the beginning of one clip to that of the next.
        frame_rate: frames a second that videos are brought to; None: their own.
        fold: 1, 2 or 3.
        train: videos to train with; False: to test with.
        transform: a function of the pictures.
        _precomputed_metadata: what `metadata` was an earlier time; else frames of all videos are counted.
        num_workers: processes that count.
        output_format: of clips, "THWC" or "TCHW".

    The sizes `_video_width` and so on can only be 0: VideoClips says why.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        annotation_path: str,
        frames_per_clip: int,
        step_between_clips: int = 1,
        frame_rate: int | None = None,
        fold: int = 1,
        train: bool = True,
        transform: Function | None = None,
        _precomputed_metadata: dict[str, Any] | None = None,
        num_workers: int = 1,
        _video_width: int = 0,
        _video_height: int = 0,
        _video_min_dimension: int = 0,
        _audio_samples: int = 0,
        output_format: str = "THWC",
    ) -> None:
        super().__init__(root)
        if fold not in (1, 2, 3):
            raise ValueError(f"fold should be between 1 and 3, got {fold}")
        self.fold = fold
        self.train = train
        self.classes, class_to_idx = find_classes(self.root)
        self.samples = make_dataset(self.root, class_to_idx, (".avi",))
        paths = [path for path, _ in self.samples]
        self.indices = self._select_fold(paths, annotation_path, fold, train)
        self.full_video_clips = VideoClips(
            paths,
            frames_per_clip,
            step_between_clips,
            frame_rate,
            _precomputed_metadata,
            num_workers=num_workers,
            _video_width=_video_width,
            _video_height=_video_height,
            _video_min_dimension=_video_min_dimension,
            _audio_samples=_audio_samples,
            output_format=output_format,
        )
        self.video_clips = self.full_video_clips.subset(self.indices)
        self.transform = transform

    def _select_fold(self, video_list: list[str], annotation_path: str, fold: int, train: bool) -> list[int]:
        """Which of the videos belong to a fold."""
        raise NotImplementedError

    @property
    def metadata(self) -> dict[str, Any]:
        """What was counted of all videos."""
        return self.full_video_clips.metadata

    def __len__(self) -> int:
        return self.video_clips.num_clips()

    def __getitem__(self, idx: int) -> tuple[Any, Any, int]:
        video, audio, _, number = self.video_clips.get_clip(idx)
        label = self.samples[self.indices[number]][1]
        return video if self.transform is None else self.transform(video), audio, label
