"""Transforms that damage pictures, and those that mix the samples of a batch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from numbers import Number
from typing import Any

import tritonnn as torch
from tritonnn.nn.functional import one_hot
from tritonnn.utils._pytree import tree_flatten, tree_unflatten
from tritonnn.vision import transforms as _transforms
from tritonnn.vision import tv_tensors
from tritonnn.vision._pillow import is_image
from tritonnn.vision._types import PictureT
from tritonnn.vision.transforms._class_parts import check_range, check_sequence_input, uniform
from tritonnn.vision.transforms.v2 import functional as F
from tritonnn.vision.transforms.v2._transform import Transform, _RandomApplyTransform
from tritonnn.vision.transforms.v2._utils import (
    _parse_labels_getter,
    check_type,
    has_any,
    is_pure_tensor,
    query_chw,
    query_size,
)

__all__ = ["JPEG", "CutMix", "MixUp", "RandomErasing"]


class _PicturesOnly(Transform):
    """A transform that says so where boxes, points or masks pass through it."""

    def _call_kernel(self, functional: Callable, inpt: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(inpt, (tv_tensors.BoundingBoxes, tv_tensors.KeyPoints, tv_tensors.Mask)):
            warnings.warn(
                f"{type(self).__name__}() is currently passing through inputs of type "
                f"tv_tensors.{type(inpt).__name__}. This will likely change in the future.",
                stacklevel=2,
            )
        return super()._call_kernel(functional, inpt, *args, **kwargs)


class RandomErasing(_PicturesOnly, _RandomApplyTransform):
    """With a random rectangle overwritten.

    Args:
        p: how probable that is.
        scale: the range of the rectangle's part of the area.
        ratio: the range of its height by its width.
        value: what it is overwritten by: a number, one for each channel, or "random" for a normal distribution.
        inplace: whether tensors are overwritten themselves.
    """

    _v1_transform_cls = _transforms.RandomErasing

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | str | Sequence[float] = 0.0,
        inplace: bool = False,
    ) -> None:
        super().__init__(p=p)
        if not isinstance(value, (Number, str, tuple, list)):
            raise TypeError(
                f"Argument value should be either a number or str or a sequence, got {type(value)}"
            )
        if isinstance(value, str) and value != "random":
            raise ValueError(f"If value is str, it should be 'random', got {value!r}")
        if not check_range(scale, ratio):
            warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=2)
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError(f"Scale should be between 0 and 1, got {scale}")
        self.scale = scale
        self.ratio = ratio
        values = value if isinstance(value, (tuple, list)) else [value]
        self.value = None if isinstance(value, str) else [float(v) for v in values]
        self.inplace = inplace
        self._log_ratio = torch.log(torch.tensor(self.ratio)).tolist()

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        channels, height, width = query_chw(flat_inputs)
        if self.value is not None and len(self.value) not in (1, channels):
            raise ValueError(
                f"If value is a sequence, it should have either a single value or {channels} (number of inpt "
                f"channels), got {len(self.value)}"
            )
        for _ in range(10):
            area = height * width * uniform(self.scale[0], self.scale[1])
            ratio = math.exp(uniform(self._log_ratio[0], self._log_ratio[1]))
            h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if not (h < height and w < width):
                continue
            if self.value is None:
                v = torch.empty([channels, h, w], dtype=torch.float32).normal_()
            else:
                v = torch.tensor(self.value)[:, None, None]
            i = torch.randint(0, height - h + 1, size=(1,)).item()
            j = torch.randint(0, width - w + 1, size=(1,)).item()
            return {"i": i, "j": j, "h": h, "w": w, "v": v}
        return {"i": 0, "j": 0, "h": height, "w": width, "v": None}

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return (
            inpt if params["v"] is None else self._call_kernel(F.erase, inpt, **params, inplace=self.inplace)
        )


class JPEG(Transform):
    """With the losses of a JPEG file of a random quality.

    Args:
        quality: from 1 to 100: one number, or a range.
    """

    def __init__(self, quality: int | Sequence[int]) -> None:
        super().__init__()
        if isinstance(quality, bool):
            raise TypeError("quality can't be bool")
        limits = [quality, quality] if isinstance(quality, int) else quality
        check_sequence_input(limits, "quality", req_sizes=(2,))
        if not all(isinstance(limit, int) for limit in limits) or not 1 <= limits[0] <= limits[1] <= 100:
            raise ValueError(f"quality must be an integer from 1 to 100, got quality ={limits!r}")
        self.quality = limits

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"quality": torch.randint(self.quality[0], self.quality[1] + 1, ()).item()}

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.jpeg, inpt, quality=params["quality"])


# ---- batches ------------------------------------------------------------------------------------------------

_MIXED = (is_pure_tensor, tv_tensors.Image, tv_tensors.Video)
_UNMIXED = (is_image, tv_tensors.BoundingBoxes, tv_tensors.Mask, tv_tensors.KeyPoints)


class _BaseMixUpCutMix(Transform):
    """Each sample of a batch is mixed with the one before it, and so are their labels, as probabilities."""

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        num_classes: int | None = None,
        labels_getter: Callable[[Any], Any] | str | None = "default",
    ) -> None:
        super().__init__()
        self.alpha = float(alpha)
        self._dist = torch.distributions.Beta(torch.tensor([self.alpha]), torch.tensor([self.alpha]))
        self.num_classes = num_classes
        self._labels_getter = _parse_labels_getter(labels_getter)

    def forward(self, *inputs: object) -> Any:
        sample = inputs if len(inputs) > 1 else inputs[0]
        flat_inputs, spec = tree_flatten(sample)
        chosen = self._needs_transform_list(flat_inputs)
        if has_any(flat_inputs, *_UNMIXED):
            raise ValueError(
                f"{type(self).__name__}() does not support PIL images, bounding boxes, keypoints and masks."
            )
        labels = self._labels_getter(sample)
        self._check_labels(labels)
        drawn = self.make_params([inpt for inpt, needed in zip(flat_inputs, chosen, strict=True) if needed])
        params = {"labels": labels, "batch_size": labels.shape[0], **drawn}
        # labels are plain tensors, which pass through; by default the first plain tensor is the picture
        outputs = [
            self.transform(inpt, params) if needed or inpt is labels else inpt
            for inpt, needed in zip(flat_inputs, chosen, strict=True)
        ]
        return tree_unflatten(outputs, spec)

    def _check_labels(self, labels: object) -> None:
        if not isinstance(labels, torch.Tensor):
            raise ValueError(f"The labels must be a tensor, but got {type(labels)} instead.")
        if labels.ndim not in (1, 2):
            raise ValueError(
                f"labels should be index based with shape (batch_size,) or probability based with shape "
                f"(batch_size, num_classes), but got a tensor of shape {labels.shape} instead."
            )
        if labels.ndim == 2 and self.num_classes is not None and labels.shape[-1] != self.num_classes:
            raise ValueError(
                f"When passing 2D labels, the number of elements in last dimension must match num_classes: "
                f"{labels.shape[-1]} != {self.num_classes}. You can leave num_classes to None."
            )
        if labels.ndim == 1 and self.num_classes is None:
            raise ValueError("num_classes must be passed if the labels are index-based (1D)")

    def transform(self, inpt: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        if inpt is params["labels"]:
            return self._mixed_labels(inpt, params)
        if not check_type(inpt, _MIXED):
            return inpt
        expected = 5 if isinstance(inpt, tv_tensors.Video) else 4
        if inpt.ndim != expected:
            raise ValueError(
                f"Expected a batched input with {expected} dims, but got {inpt.ndim} dimensions instead."
            )
        if inpt.shape[0] != params["batch_size"]:
            raise ValueError(
                f"The batch size of the image or video does not match the batch size of the labels: "
                f"{inpt.shape[0]} != {params['batch_size']}."
            )
        mixed = self._mixed(inpt.as_subclass(torch.Tensor), params)
        return mixed if is_pure_tensor(inpt) else tv_tensors.wrap(mixed, like=inpt)

    def _mixed_labels(self, labels: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        if labels.ndim == 1 and self.num_classes is not None:
            labels = one_hot(labels, num_classes=self.num_classes)
        if not labels.is_floating_point():
            labels = labels.float()
        return _blended(labels, params["lam" if "lam" in params else "lam_adjusted"])

    def _mixed(self, batch: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        raise NotImplementedError


def _blended(batch: torch.Tensor, lam: float) -> torch.Tensor:
    """So much of each sample, and the rest of the one before it."""
    return batch.roll(1, 0).mul_(1.0 - lam).add_(batch.mul(lam))


class MixUp(_BaseMixUpCutMix):
    """Each sample of a batch is laid over the one before it, more or less transparently.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms import v2
    >>> images, labels = v2.MixUp(num_classes=10)(torch.rand(4, 3, 8, 8), torch.tensor([0, 2, 2, 9]))
    >>> images.shape, labels.shape
    (torch.Size([4, 3, 8, 8]), torch.Size([4, 10]))

    Args:
        alpha: of the Beta distribution of how much of each sample stays; both its parameters.
        num_classes: of labels that are indices.
        labels_getter: what finds the labels in a sample; "default": its second part, or under a key "labels".
    """

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"lam": float(self._dist.sample(()))}

    def _mixed(self, batch: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        return _blended(batch, params["lam"])


class CutMix(_BaseMixUpCutMix):
    """Into each sample of a batch a rectangle of the one before it is pasted.

    Args:
        alpha: of the Beta distribution of how much of each sample stays; both its parameters.
        num_classes: of labels that are indices.
        labels_getter: what finds the labels in a sample; "default": its second part, or under a key "labels".
    """

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        lam = float(self._dist.sample(()))
        height, width = query_size(flat_inputs)
        x, y = int(torch.randint(width, size=(1,))), int(torch.randint(height, size=(1,)))
        half = 0.5 * math.sqrt(1.0 - lam)
        half_width, half_height = int(half * width), int(half * height)
        x1, y1 = max(x - half_width, 0), max(y - half_height, 0)
        x2, y2 = min(x + half_width, width), min(y + half_height, height)
        return {"box": (x1, y1, x2, y2), "lam_adjusted": 1.0 - (x2 - x1) * (y2 - y1) / (width * height)}

    def _mixed(self, batch: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        x1, y1, x2, y2 = params["box"]
        output = batch.clone()
        output[..., y1:y2, x1:x2] = batch.roll(1, 0)[..., y1:y2, x1:x2]
        return output
