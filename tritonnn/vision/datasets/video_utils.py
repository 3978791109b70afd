"""Videos as many short clips."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, TypeVar

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.utils.data import DataLoader, Dataset
from tritonnn.vision.datasets import _video_files
from tritonnn.vision.datasets._progress import progress

__all__ = ["VideoClips", "unfold"]


def unfold(tensor: Tensor, size: int, step: int, dilation: int = 1) -> Tensor:
    """The windows of a vector, as rows of a view: `size` elements `dilation` apart, which begin every `step` elements.

    >>> import tritonnn as torch
    >>> unfold(torch.arange(7), 3, 2).tolist()
    [[0, 1, 2], [2, 3, 4], [4, 5, 6]]

    Raises ValueError for what is not a vector.
    """
    if tensor.dim() != 1:
        raise ValueError(f"tensor should have 1 dimension instead of {tensor.dim()}")
    stride = tensor.stride(0)
    count = (tensor.numel() - (dilation * (size - 1) + 1)) // step + 1
    return torch.as_strided(tensor, (max(count, 0), size), (step * stride, dilation * stride))


class _Lengths(Dataset[Any]):
    """What is to be known of each video, for worker processes."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[int, float | None]:
        return _video_files.length_and_rate(self.paths[index])


T = TypeVar("T")


def _same(batch: T) -> T:
    return batch


class VideoClips:
    """All clips of a number of frames in some videos. Making it counts the frames of all of them.

    Args:
        video_paths: the videos, which PyAV reads.
        clip_length_in_frames: frames of a clip.
        frames_between_clips: frames from the beginning of one clip to that of the next.
        frame_rate: frames a second that videos are brought to, by leaving out or repeating some; None: their own.
        _precomputed_metadata: what `metadata` of another one is, and counting is left out.
        num_workers: processes that count.
        output_format: of clips, "THWC" or "TCHW".

    The sizes `_video_width` and so on, of pictures and sound, can only be 0: PyAV gives them as they are.
    """

    def __init__(
        self,
        video_paths: list[str],
        clip_length_in_frames: int = 16,
        frames_between_clips: int = 1,
        frame_rate: float | None = None,
        _precomputed_metadata: dict[str, Any] | None = None,
        num_workers: int = 0,
        _video_width: int = 0,
        _video_height: int = 0,
        _video_min_dimension: int = 0,
        _video_max_dimension: int = 0,
        _audio_samples: int = 0,
        _audio_channels: int = 0,
        output_format: str = "THWC",
    ) -> None:
        sizes = {
            "_video_width": _video_width, "_video_height": _video_height,
            "_video_min_dimension": _video_min_dimension, "_video_max_dimension": _video_max_dimension,
            "_audio_samples": _audio_samples, "_audio_channels": _audio_channels,
        }  # fmt: skip
        for name, size in sizes.items():
            if size != 0:
                raise ValueError(
                    f"PyAV gives pictures and sound as they are: {name} can only be 0, but is {size}"
                )
        self.output_format = output_format.upper()
        if self.output_format not in ("THWC", "TCHW"):
            raise ValueError(f"output_format should be either 'THWC' or 'TCHW', got {output_format}.")
        self.video_paths = video_paths
        self.num_workers = num_workers
        self.video_pts: Sequence[Tensor]
        self.video_fps: list[float | None]
        if _precomputed_metadata is None:
            self._compute_frame_pts()
        else:
            self._init_from_metadata(_precomputed_metadata)
        self.compute_clips(clip_length_in_frames, frames_between_clips, frame_rate)

    def _compute_frame_pts(self) -> None:
        """Count the frames of all videos."""
        lengths = _Lengths(self.video_paths)
        loader = DataLoader(lengths, batch_size=16, num_workers=self.num_workers, collate_fn=_same)
        found: list[tuple[int, float | None]] = []
        with progress(len(loader), unit="batch of videos") as tell:
            for batch in loader:
                found += batch
                tell(1)
        self.video_pts = [torch.arange(count) for count, _ in found]
        self.video_fps = [rate for _, rate in found]

    def _init_from_metadata(self, metadata: dict[str, Any]) -> None:
        lengths = {name: len(metadata[name]) for name in ("video_paths", "video_pts", "video_fps")}
        if len(set(lengths.values())) > 1:
            raise AssertionError(f"_precomputed_metadata is of different numbers of videos: {lengths}")
        self.video_paths = metadata["video_paths"]
        self.video_pts = metadata["video_pts"]
        self.video_fps = metadata["video_fps"]

    @property
    def metadata(self) -> dict[str, Any]:
        """What counting has found, by video: paths, numbers of frames, frames a second."""
        return {
            "video_paths": self.video_paths,
            "video_pts": self.video_pts,
            "video_fps": self.video_fps,
        }

    def subset(self, indices: list[int]) -> VideoClips:
        """The clips of some of the videos."""
        metadata = {name: [values[i] for i in indices] for name, values in self.metadata.items()}
        return type(self)(
            metadata["video_paths"],
            clip_length_in_frames=self.num_frames,
            frames_between_clips=self.step,
            frame_rate=self.frame_rate,
            _precomputed_metadata=metadata,
            num_workers=self.num_workers,
            output_format=self.output_format,
        )

    @staticmethod
    def compute_clips_for_video(
        video_pts: Tensor, num_frames: int, step: int, fps: float | None, frame_rate: float | None = None
    ) -> tuple[Tensor, Any]:
        """The clips of a video, each a row of numbers of frames, and which of the video's frames these are."""
        fps = 1 if fps is None else fps  # without pictures: any will do
        frame_rate = fps if frame_rate is None else frame_rate
        total = math.floor(len(video_pts) * frame_rate / fps)
        taken = VideoClips._resample_video_idx(total, fps, frame_rate)
        clips = unfold(video_pts[taken], num_frames, step)
        if not clips.numel():
            warnings.warn(
                "There aren't enough frames in the current video to get a clip for the given clip length and "
                "frames between clips. The video (and potentially others) will be skipped."
            )
        return clips, [taken] * len(clips) if isinstance(taken, slice) else unfold(taken, num_frames, step)

    def compute_clips(self, num_frames: int, step: int, frame_rate: float | None = None) -> None:
        """Divide the videos into clips anew; arguments are those of the constructor."""
        self.num_frames = num_frames
        self.step = step
        self.frame_rate = frame_rate
        found = [
            self.compute_clips_for_video(frames, num_frames, step, fps, frame_rate)
            for frames, fps in zip(self.video_pts, self.video_fps)
        ]
        self.clips = [clips for clips, _ in found]
        self.resampling_idxs = [taken for _, taken in found]
        self.cumulative_sizes = list(accumulate(len(clips) for clips in self.clips))

    def __len__(self) -> int:
        return self.num_clips()

    def num_videos(self) -> int:
        """How many videos there are."""
        return len(self.video_paths)

    def num_clips(self) -> int:
        """How many clips there are."""
        return self.cumulative_sizes[-1] if self.cumulative_sizes else 0

    def get_clip_location(self, idx: int) -> tuple[int, int]:
        """Which video a clip is of, and which of its clips it is."""
        video = bisect_right(self.cumulative_sizes, idx)
        return video, idx - (self.cumulative_sizes[video - 1] if video else 0)

    @staticmethod
    def _resample_video_idx(num_frames: int, original_fps: float, new_fps: float) -> Any:
        """Which frames are taken for another number of them a second."""
        step = float(original_fps / new_fps)
        if step.is_integer():
            return slice(None, None, int(step))
        return (torch.arange(num_frames, dtype=torch.float32) * step).floor().to(torch.int64)

    def get_clip(self, idx: int) -> tuple[Tensor, Tensor, dict[str, Any], int]:
        """A clip: pictures, sound, frames a second, and the number of its video.

        Raises IndexError where there is no such clip.
        """
        if idx >= self.num_clips():
            raise IndexError(f"Index {idx} out of range ({self.num_clips()} number of clips)")
        number, place = self.get_clip_location(idx)
        path, wanted = self.video_paths[number], self.clips[number][place]
        first, last = int(wanted[0]), int(wanted[-1])
        video = _video_files.frames(path, first, last)[wanted - first]
        fps = self.video_fps[number] or 1
        audio = _video_files.sound(path, first / fps, (last + 1) / fps)
        info = {"video_fps": fps if self.frame_rate is None else self.frame_rate}
        return video if self.output_format == "THWC" else video.permute(0, 3, 1, 2), audio, info, number

    def __getstate__(self) -> dict[str, Any]:
        """Without the clips, which are many and quickly computed."""
        state = dict(self.__dict__)
        for name in ("clips", "resampling_idxs", "cumulative_sizes"):
            del state[name]
        state["video_pts_sizes"] = [len(frames) for frames in self.video_pts]
        state["video_pts"] = torch.cat(list(self.video_pts)).numpy() if len(self.video_pts) else []
        state["_version"] = 2
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        if "_version" in state:
            frames = torch.as_tensor(state["video_pts"], dtype=torch.int64)
            state["video_pts"] = torch.split(frames, state.pop("video_pts_sizes"))
        self.__dict__ = state
        if "clips" not in state:
            self.compute_clips(self.num_frames, self.step, self.frame_rate)
