"""Transforms of values."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import tritonnn as torch
from tritonnn.vision import transforms as _transforms
from tritonnn.vision import tv_tensors
from tritonnn.vision._pillow import is_image
from tritonnn.vision._types import PictureT
from tritonnn.vision.transforms._class_parts import setup_size, uniform
from tritonnn.vision.transforms.v2 import functional as F
from tritonnn.vision.transforms.v2._sanitize import SanitizeBoundingBoxes, SanitizeKeyPoints
from tritonnn.vision.transforms.v2._transform import Transform
from tritonnn.vision.transforms.v2._utils import _setup_number_or_seq, check_type, has_any, is_pure_tensor

__all__ = [
    "ConvertImageDtype", "GaussianBlur", "GaussianNoise", "Identity", "Lambda", "LinearTransformation", "Normalize",
    "SanitizeBoundingBoxes", "SanitizeKeyPoints", "ToDtype",
]  # fmt: skip

_SCALED = (is_pure_tensor, tv_tensors.Image, tv_tensors.Video)


class Identity(Transform):
    """Nothing is changed."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt


class Lambda(Transform):
    """A function of users' own, of every part of a sample or of those of some classes.

    >>> from tritonnn.vision.transforms import v2
    >>> v2.Lambda(lambda number: number + 1, int)({"size": 3, "name": "a"})
    {'size': 4, 'name': 'a'}

    Args:
        lambd: the function.
        types: the classes; none: all.
    """

    _transformed_types = (object,)

    def __init__(self, lambd: Callable[[Any], Any], *types: type) -> None:
        super().__init__()
        self.lambd = lambd
        self.types = types or self._transformed_types

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self.lambd(inpt) if isinstance(inpt, self.types) else inpt

    def extra_repr(self) -> str:
        name = getattr(self.lambd, "__name__", None)
        return ", ".join([*([name] if name else []), f"types={[kind.__name__ for kind in self.types]}"])


def _refuse_pictures_of_pillow(transform: Transform, flat_inputs: list[Any]) -> None:
    if has_any(flat_inputs, is_image):
        raise TypeError(f"{type(transform).__name__}() does not support PIL images.")


class LinearTransformation(Transform):
    """The mean subtracted from all values of a picture, which are then multiplied by a matrix: whitening.

    Args:
        transformation_matrix: (D, D), where D is the number of values of a picture.
        mean_vector: (D).
    """

    _v1_transform_cls = _transforms.LinearTransformation
    _transformed_types = _SCALED

    def __init__(self, transformation_matrix: torch.Tensor, mean_vector: torch.Tensor) -> None:
        super().__init__()
        rows, columns = transformation_matrix.shape
        if rows != columns:
            raise ValueError(
                f"transformation_matrix should be square. Got {(rows, columns)} rectangular matrix."
            )
        if mean_vector.shape[0] != rows:
            raise ValueError(
                f"mean_vector should have the same length {mean_vector.shape[0]} as any one of the dimensions of the "
                f"transformation_matrix [{(rows, columns)}]"
            )
        if transformation_matrix.device != mean_vector.device:
            raise ValueError(
                "Input tensors should be on the same device. "
                f"Got {transformation_matrix.device} and {mean_vector.device}"
            )
        if transformation_matrix.dtype != mean_vector.dtype:
            raise ValueError(
                f"Input tensors should have the same dtype. Got {transformation_matrix.dtype} and {mean_vector.dtype}"
            )
        self.transformation_matrix = transformation_matrix
        self.mean_vector = mean_vector

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        _refuse_pictures_of_pillow(self, flat_inputs)

    def transform(self, inpt: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        shape, count = inpt.shape, self.transformation_matrix.shape[0]
        if shape[-3:].numel() != count:
            raise ValueError(
                f"Input tensor and transformation matrix have incompatible shape: {tuple(shape[-3:])} has "
                f"{shape[-3:].numel()} values, the matrix {count} rows"
            )
        if inpt.device.type != self.mean_vector.device.type:
            raise ValueError(
                "Input tensor should be on the same device as transformation matrix and mean vector. "
                f"Got {inpt.device} vs {self.mean_vector.device}"
            )
        centred = inpt.as_subclass(torch.Tensor).reshape(-1, count) - self.mean_vector
        output = (centred @ self.transformation_matrix.to(centred.dtype)).reshape(shape)
        return output if is_pure_tensor(inpt) else tv_tensors.wrap(output, like=inpt)


class Normalize(Transform):
    """Minus the mean, divided by the standard deviation, of each channel.

    Args:
        mean: one number for each channel.
        std: one number for each channel.
        inplace: whether tensors are overwritten themselves.
    """

    _v1_transform_cls = _transforms.Normalize

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        super().__init__()
        self.mean = list(mean)
        self.std = list(std)
        self.inplace = inplace

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        _refuse_pictures_of_pillow(self, flat_inputs)

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.normalize, inpt, mean=self.mean, std=self.std, inplace=self.inplace)


class GaussianBlur(Transform):
    """Blurred by a Gaussian of random width.

    Args:
        kernel_size: an odd number of pixels, or one for y and one for x.
        sigma: the range of the width, or the width.
    """

    _v1_transform_cls = _transforms.GaussianBlur

    def __init__(self, kernel_size: int | Sequence[int], sigma: float | Sequence[float] = (0.1, 2.0)) -> None:
        super().__init__()
        self.kernel_size = setup_size(kernel_size, "Kernel size should be a tuple/list of two integers")
        for size in self.kernel_size:
            if size <= 0 or size % 2 == 0:
                raise ValueError(
                    f"Kernel size value should be an odd and positive number, got {self.kernel_size}."
                )
        self.sigma = _setup_number_or_seq(sigma, "sigma")
        if not 0.0 < self.sigma[0] <= self.sigma[1]:
            raise ValueError(f"sigma values should be positive and of the form (min, max). Got {self.sigma}")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"sigma": [uniform(*self.sigma)] * 2}

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.gaussian_blur, inpt, self.kernel_size, **params)


class GaussianNoise(Transform):
    """With normally distributed noise added, of which 1 is full brightness.

    Args:
        mean: of the noise.
        sigma: its standard deviation.
        clip: whether the result stays between darkness and full brightness.
    """

    def __init__(self, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> None:
        super().__init__()
        self.mean = mean
        self.sigma = sigma
        self.clip = clip

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.gaussian_noise, inpt, mean=self.mean, sigma=self.sigma, clip=self.clip)


class ToDtype(Transform):
    """Tensors in another type.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms import v2
    >>> v2.ToDtype(torch.float32, scale=True)(torch.tensor([[[0, 255]]], dtype=torch.uint8))
    tensor([[[0., 1.]]])

    Args:
        dtype: that of pictures and videos; or by class, with "others" for those that are not named, and None for those
            that stay as they are.
        scale: whether full brightness of pictures and videos, 1 of floating point, stays full brightness.
    """

    _transformed_types = (torch.Tensor,)

    def __init__(
        self, dtype: torch.dtype | dict[type | str, torch.dtype | None], scale: bool = False
    ) -> None:
        super().__init__()
        if not isinstance(dtype, (dict, torch.dtype)):
            raise ValueError(f"dtype must be a dict or a torch.dtype, got {type(dtype)} instead")
        if (
            isinstance(dtype, dict)
            and torch.Tensor in dtype
            and {tv_tensors.Image, tv_tensors.Video} & dtype.keys()
        ):
            warnings.warn(
                "Got `dtype` values for `torch.Tensor` and either `tv_tensors.Image` or `tv_tensors.Video`. Note that "
                "a plain `torch.Tensor` is *not* changed where a sample has one of the latter.",
                stacklevel=2,
            )
        self.dtype = dtype
        self.scale = scale

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        scaled = check_type(inpt, _SCALED)
        if not isinstance(self.dtype, dict):
            return self._call_kernel(F.to_dtype, inpt, dtype=self.dtype, scale=self.scale) if scaled else inpt
        named = [kind for kind in (type(inpt), "others") if kind in self.dtype]
        if not named:
            raise ValueError(
                f"No dtype was specified for type {type(inpt)}. To convert only pictures or videos pass the dtype "
                'itself; in a dict "others" stands for what is not named, and None for what stays as it is: '
                'dtype={tv_tensors.Mask: torch.int64, "others": None}'
            )
        dtype = self.dtype[named[0]]
        if dtype is None:
            if self.scale and scaled:
                warnings.warn(
                    "scale was set to True but no dtype was specified for images or videos: no scaling will be done.",
                    stacklevel=2,
                )
            return inpt
        return self._call_kernel(F.to_dtype, inpt, dtype=dtype, scale=self.scale)


class ConvertImageDtype(Transform):
    """An older form of `ToDtype(dtype, scale=True)`.

    Args:
        dtype: of the result.
    """

    _v1_transform_cls = _transforms.ConvertImageDtype

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.dtype = dtype

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.to_dtype, inpt, dtype=self.dtype, scale=True)
