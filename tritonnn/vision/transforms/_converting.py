"""Transforms between pictures and tensors, and those of a tensor's values."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Sequence

import numpy as np

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision._types import PILImage
from tritonnn.vision.transforms import functional as F
from tritonnn.vision.transforms._class_parts import aspect_ratio, check_range, described, uniform

__all__ = [
    "ConvertImageDtype", "LinearTransformation", "Normalize", "PILToTensor", "RandomErasing", "ToPILImage", "ToTensor",
]  # fmt: skip


class ToTensor:
    """A picture, or an array (H, W, C), as a tensor (C, H, W); 8 bits as floats from 0 to 1.

    >>> import numpy as np
    >>> import tritonnn as torch
    >>> torch.vision.transforms.ToTensor()(np.full((1, 2, 3), 255, np.uint8)).flatten()
    tensor([1., 1., 1., 1., 1., 1.])
    """

    def __init__(self) -> None:
        pass

    def __call__(self, pic: PILImage | np.ndarray) -> Tensor:
        """The tensor."""
        return F.to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class PILToTensor:
    """A picture as a tensor (C, H, W) of its type and values.

    >>> import PIL.Image
    >>> import tritonnn as torch
    >>> torch.vision.transforms.PILToTensor()(PIL.Image.new("L", (2, 1), 255))
    tensor([[[255, 255]]], dtype=torch.uint8)
    """

    def __init__(self) -> None:
        pass

    def __call__(self, pic: PILImage) -> Tensor:
        """The tensor."""
        return F.pil_to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ConvertImageDtype(nn.Module):
    """In another type, scaled so that full brightness stays full brightness.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.ConvertImageDtype(torch.uint8)(torch.tensor([[[0.0, 1.0]]]))
    tensor([[[  0, 255]]], dtype=torch.uint8)
    """

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, image: Tensor) -> Tensor:
        """The image in the type."""
        return F.convert_image_dtype(image, self.dtype)


class ToPILImage:
    """A tensor (C, H, W) or an array (H, W, C) as a picture; floats are taken to be from 0 to 1.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.ToPILImage()(torch.ones(3, 4, 5)).getpixel((0, 0))
    (255, 255, 255)
    """

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Tensor | np.ndarray) -> PILImage:
        """The picture."""
        return F.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return described(self, "mode") if self.mode is not None else f"{type(self).__name__}()"


class Normalize(nn.Module):
    """Minus the mean, divided by the standard deviation, of each channel.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.Normalize([1.0, 2.0], [2.0, 4.0])(torch.ones(2, 1, 1)).flatten()
    tensor([ 0.0000, -0.2500])
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor: Tensor) -> Tensor:
        """The image with mean 0 and standard deviation 1, if it had those."""
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def __repr__(self) -> str:
        return described(self, "mean", "std")


class LinearTransformation(nn.Module):
    """All values of an image, minus a mean, times a matrix: whitening.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.LinearTransformation(2 * torch.eye(2), torch.ones(2))(torch.zeros(2, 1, 1)).flatten()
    tensor([-2., -2.])
    """

    def __init__(self, transformation_matrix: Tensor, mean_vector: Tensor) -> None:
        super().__init__()
        matrix, mean = transformation_matrix, mean_vector
        if matrix.shape[0] != matrix.shape[1]:
            raise ValueError(
                f"transformation_matrix should be square. Got {tuple(matrix.shape)} rectangular matrix."
            )
        if mean.shape[0] != matrix.shape[0]:
            raise ValueError(
                f"mean_vector should have the same length {mean.shape[0]} as any one of the dimensions of the "
                f"transformation_matrix [{tuple(matrix.shape)}]"
            )
        if matrix.device != mean.device:
            raise ValueError(
                f"Input tensors should be on the same device. Got {matrix.device} and {mean.device}"
            )
        if matrix.dtype != mean.dtype:
            raise ValueError(f"Input tensors should have the same dtype. Got {matrix.dtype} and {mean.dtype}")
        self.transformation_matrix = matrix
        self.mean_vector = mean

    def forward(self, tensor: Tensor) -> Tensor:
        """The image (..., C, H, W) after the product."""
        count = math.prod(tensor.shape[-3:])
        if count != self.transformation_matrix.shape[0]:
            raise ValueError(
                "Input tensor and transformation matrix have incompatible shape. "
                f"{' x '.join(map(str, tensor.shape[-3:]))} != {self.transformation_matrix.shape[0]}"
            )
        if tensor.device.type != self.mean_vector.device.type:
            raise ValueError(
                "Input tensor should be on the same device as transformation matrix and mean vector. "
                f"Got {tensor.device} vs {self.mean_vector.device}"
            )
        centred = tensor.reshape(-1, count) - self.mean_vector
        return (centred @ self.transformation_matrix.to(centred.dtype)).reshape(tensor.shape)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(transformation_matrix={self.transformation_matrix.tolist()}, "
            f"mean_vector={self.mean_vector.tolist()})"
        )


class RandomErasing(nn.Module):
    """A rectangle of a tensor overwritten, with a probability.

    Args:
        p: the probability.
        scale: which part of the image's area the rectangle has, from and to.
        ratio: its height divided by its width, from and to.
        value: one number, one for each channel, or "random" for noise.
        inplace: whether it is written into the tensor.

    >>> import tritonnn as torch
    >>> int((torch.vision.transforms.RandomErasing(p=1.0)(torch.ones(1, 9, 9)) == 0).sum()) > 0
    True
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | str | Sequence[float] = 0,
        inplace: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(value, (numbers.Number, str, tuple, list)):
            raise TypeError(f"Argument value should be either a number or str or a sequence, got {value!r}")
        if isinstance(value, str) and value != "random":
            raise ValueError(f"If value is str, it should be 'random', got {value!r}")
        if not check_range(scale, ratio):
            warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=2)
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError(f"Scale should be between 0 and 1, got {scale}")
        if p < 0 or p > 1:
            raise ValueError(f"Random erasing probability should be between 0 and 1, got {p}")
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    @staticmethod
    def get_params(
        img: Tensor, scale: Sequence[float], ratio: Sequence[float], value: Sequence[float] | None = None
    ) -> tuple[int, int, int, int, Tensor]:
        """Row, column, height and width of a rectangle, and what is written there.

        Where ten draws gave none that fits, it is the whole image with its own values.
        """
        channels, rows, columns = img.shape[-3:]
        for _ in range(10):
            area = rows * columns * uniform(scale[0], scale[1])
            aspect = aspect_ratio(ratio)
            h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if not (h < rows and w < columns):
                continue
            if value is None:
                v = torch.empty([channels, h, w], dtype=torch.float32).normal_()
            else:
                v = torch.tensor(value)[:, None, None]
            i = torch.randint(0, rows - h + 1, (1,)).item()
            j = torch.randint(0, columns - w + 1, (1,)).item()
            return i, j, h, w, v
        return 0, 0, rows, columns, img

    def forward(self, img: Tensor) -> Tensor:
        """The image, changed or as it is."""
        if torch.rand(1).item() >= self.p:
            return img
        value = self.value
        if isinstance(value, str):
            colors = None
        else:
            colors = [float(v) for v in value] if isinstance(value, (list, tuple)) else [float(value)]
        if colors is not None and len(colors) not in (1, img.shape[-3]):
            raise ValueError(
                "If value is a sequence, it should have either a single value or "
                f"{img.shape[-3]} (number of input channels), got {len(colors)}"
            )
        return F.erase(img, *self.get_params(img, self.scale, self.ratio, colors), self.inplace)

    def __repr__(self) -> str:
        return described(self, "p", "scale", "ratio", "value", "inplace")
