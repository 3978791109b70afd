"""Functionals of the frames of videos."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision._types import TensorT
from tritonnn.vision.transforms.v2.functional._utils import functional, kernel_of
from tritonnn.vision.tv_tensors import Video

__all__ = ["uniform_temporal_subsample", "uniform_temporal_subsample_video"]


@functional
def uniform_temporal_subsample(inpt: TensorT, num_samples: int) -> TensorT:
    """So many frames at equal distances, from the first to the last.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.uniform_temporal_subsample(torch.arange(9).reshape(9, 1, 1, 1), 3).flatten()
    tensor([0, 4, 8])
    """


@kernel_of(uniform_temporal_subsample, Tensor, Video)
def uniform_temporal_subsample_video(video: Tensor, num_samples: int) -> Tensor:
    """`uniform_temporal_subsample` of a video."""
    frames = torch.linspace(0, video.shape[-4] - 1, num_samples, device=video.device).long()
    return video.index_select(-4, frames)
