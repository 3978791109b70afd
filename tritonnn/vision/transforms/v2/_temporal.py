"""Transforms of the frames of videos."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn.vision._types import TensorT
from tritonnn.vision.transforms.v2 import functional as F
from tritonnn.vision.transforms.v2._transform import Transform

__all__ = ["UniformTemporalSubsample"]


class UniformTemporalSubsample(Transform):
    """So many frames at equal distances, from the first to the last.

    Args:
        num_samples: how many.
    """

    _transformed_types = (torch.Tensor,)

    def __init__(self, num_samples: int) -> None:
        super().__init__()
        self.num_samples = num_samples

    def transform(self, inpt: TensorT, params: dict[str, Any]) -> TensorT:
        return self._call_kernel(F.uniform_temporal_subsample, inpt, self.num_samples)
