"""Samplers over the clips of videos."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized

import tritonnn as torch
from tritonnn import distributed
from tritonnn.utils.data import Sampler
from tritonnn.vision.datasets.video_utils import VideoClips

__all__ = ["DistributedSampler", "RandomClipSampler", "UniformClipSampler"]


def _of_processes(name: str) -> int:
    """How many processes there are, or which this one is."""
    if not distributed.is_available():
        raise RuntimeError("Requires distributed package to be available")
    return getattr(distributed, name)()


def _checked(video_clips: object) -> VideoClips:
    if not isinstance(video_clips, VideoClips):
        raise TypeError(f"Expected video_clips to be an instance of VideoClips, got {type(video_clips)}")
    return video_clips


class DistributedSampler(Sampler[int]):
    """The share of one of several processes, in groups of successive samples that stay together.

    Args:
        dataset: what is shared out; a sampler is, by what it yields.
        num_replicas: how many processes there are; None: what torch.distributed says.
        rank: which this one is; None: what torch.distributed says.
        shuffle: in another order in each epoch, which `set_epoch` tells.
        group_size: a divisor of the length of `dataset`, else ValueError.

    Shares are equally long: where that does not come out even, samples of the beginning come twice.

    >>> from tritonnn.vision.datasets.samplers import DistributedSampler
    >>> list(DistributedSampler(range(6), num_replicas=2, rank=1, group_size=2))
    [2, 3, 0, 1]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = False,
        group_size: int = 1,
    ) -> None:
        self.num_replicas = _of_processes("get_world_size") if num_replicas is None else num_replicas
        self.rank = _of_processes("get_rank") if rank is None else rank
        if len(dataset) % group_size != 0:
            raise ValueError(
                f"dataset length must be a multiplier of group size dataset length: {len(dataset)}, "
                f"group size: {group_size}"
            )
        self.dataset = dataset
        self.group_size = group_size
        self.epoch = 0
        self.num_group_samples = math.ceil(len(dataset) // group_size / self.num_replicas)
        self.num_samples = self.num_group_samples * group_size
        self.total_size = self.num_samples * self.num_replicas
        self.shuffle = shuffle

    def __iter__(self) -> Iterator[int]:
        length = len(self.dataset)
        generator = torch.Generator().manual_seed(self.epoch)
        order = torch.randperm(length, generator=generator).tolist() if self.shuffle else list(range(length))
        order += order[: self.total_size - length]
        groups = [order[i : i + self.group_size] for i in range(0, len(order), self.group_size)]
        indices = [index for group in groups[self.rank :: self.num_replicas] for index in group]
        if isinstance(self.dataset, Sampler):
            originals = list(self.dataset)
            indices = [originals[index] for index in indices]
        return iter(indices)

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch it is."""
        self.epoch = epoch


class UniformClipSampler(Sampler[int]):
    """As many clips of each video, at equal distances; fewer different ones where a video has fewer.

    Args:
        video_clips: a VideoClips, else TypeError.
        num_clips_per_video: how many.
    """

    def __init__(self, video_clips: VideoClips, num_clips_per_video: int) -> None:
        self.video_clips = _checked(video_clips)
        self.num_clips_per_video = num_clips_per_video

    def __iter__(self) -> Iterator[int]:
        indices: list[int] = []
        start = 0
        for length in map(len, self.video_clips.clips):
            if length:
                steps = torch.linspace(start, start + length - 1, steps=self.num_clips_per_video)
                indices += steps.floor().to(torch.int64).tolist()
            start += length
        return iter(indices)

    def __len__(self) -> int:
        return self.num_clips_per_video * sum(len(clips) > 0 for clips in self.video_clips.clips)


class RandomClipSampler(Sampler[int]):
    """At most as many clips of each video, by chance, in an order by chance.

    Args:
        video_clips: a VideoClips, else TypeError.
        max_clips_per_video: how many.
    """

    def __init__(self, video_clips: VideoClips, max_clips_per_video: int) -> None:
        self.video_clips = _checked(video_clips)
        self.max_clips_per_video = max_clips_per_video

    def __iter__(self) -> Iterator[int]:
        indices: list[int] = []
        start = 0
        for length in map(len, self.video_clips.clips):
            indices += (torch.randperm(length)[: self.max_clips_per_video] + start).tolist()
            start += length
        return iter([indices[i] for i in torch.randperm(len(indices)).tolist()])

    def __len__(self) -> int:
        return sum(min(len(clips), self.max_clips_per_video) for clips in self.video_clips.clips)
