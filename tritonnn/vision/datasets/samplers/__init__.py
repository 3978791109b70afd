"""Which clips of videos are taken, and by which process."""

from __future__ import annotations

from tritonnn.vision.datasets.samplers.clip_sampler import (
    DistributedSampler,
    RandomClipSampler,
    UniformClipSampler,
)

__all__ = ["DistributedSampler", "RandomClipSampler", "UniformClipSampler"]
