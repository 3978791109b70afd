"""Frames and sound of a part of a video, through PyAV."""

from __future__ import annotations

from typing import Any

import numpy as np

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.datasets._extras import extra
from tritonnn.vision.datasets._named import naming

__all__ = ["frames", "length_and_rate", "sound"]


def _opened(path: str) -> Any:
    return extra("av", "torchvision.datasets.video_utils").open(path)


def length_and_rate(path: str) -> tuple[int, float | None]:
    """How many frames a video has, and how many a second; 0 and None for a file without pictures."""
    with naming(path), _opened(path) as file:
        if not file.streams.video:
            return 0, None
        stream = file.streams.video[0]
        rate = float(stream.average_rate) if stream.average_rate else None
        # The header's count may be an estimate or missing; packets are counted without decoding them.
        count = stream.frames or sum(packet.size > 0 for packet in file.demux(stream))
        return count, rate


def frames(path: str, first: int, last: int) -> Tensor:
    """The frames from `first` to `last`, with it, in the order in which they are shown: uint8, time, height, width, 3.

    Raises IndexError where the video has fewer.
    """
    with naming(path), _opened(path) as file:
        stream = file.streams.video[0]
        stream.thread_type = "AUTO"
        taken: list[Any] = []
        for number, frame in enumerate(file.decode(stream)):
            if number >= first:
                taken.append(frame.to_ndarray(format="rgb24"))
            if number == last:
                return torch.from_numpy(np.stack(taken))
        raise IndexError(f"frame {last} was asked for, but decoding ended before")


def sound(path: str, start: float, stop: float) -> Tensor:
    """The samples from one second to another, not including it: float32, channels, time; (1, 0) without sound."""
    with naming(path), _opened(path) as file:
        if not file.streams.audio:
            return torch.empty((1, 0), dtype=torch.float32)
        stream = file.streams.audio[0]
        blocks, rate, begin = [], float(stream.rate), None
        resampler = extra("av", "torchvision.datasets.video_utils").AudioResampler(format="fltp")
        for frame in file.decode(stream):
            time = frame.time or 0.0
            if time >= stop:
                break
            if time + frame.samples / rate > start:
                begin = time if begin is None else begin
                blocks += [block.to_ndarray() for block in resampler.resample(frame)]
    if not blocks or begin is None:
        return torch.empty((1, 0), dtype=torch.float32)
    samples = np.concatenate(blocks, axis=1)
    first, last = (max(0, round((time - begin) * rate)) for time in (start, stop))
    return torch.from_numpy(samples[:, first:last].astype(np.float32))
