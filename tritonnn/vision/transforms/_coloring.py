"""Transforms of an image's colours, brightness and sharpness."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision._types import PictureT
from tritonnn.vision.transforms import functional as F
from tritonnn.vision.transforms._class_parts import Sometimes, described, setup_size, uniform

__all__ = [
    "ColorJitter", "GaussianBlur", "Grayscale", "RandomAdjustSharpness", "RandomAutocontrast", "RandomEqualize",
    "RandomGrayscale", "RandomInvert", "RandomPosterize", "RandomSolarize",
]  # fmt: skip


class ColorJitter(nn.Module):
    """Brightness, contrast, saturation and hue changed at random, in random order.

    Args:
        brightness: the limits of its factor, or one number for those of 1 minus and plus that.
        contrast: likewise.
        saturation: likewise.
        hue: the limits of what is added, from -0.5 to 0.5, or one number for minus and plus that.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.ColorJitter(brightness=(2.0, 2.0))(torch.tensor([[[0.25]]]))
    tensor([[[0.5000]]])
    """

    def __init__(
        self,
        brightness: float | tuple[float, float] = 0,
        contrast: float | tuple[float, float] = 0,
        saturation: float | tuple[float, float] = 0,
        hue: float | tuple[float, float] = 0,
    ) -> None:
        super().__init__()
        self.brightness = self._check_input(brightness, "brightness")
        self.contrast = self._check_input(contrast, "contrast")
        self.saturation = self._check_input(saturation, "saturation")
        self.hue = self._check_input(hue, "hue", center=0, bound=(-0.5, 0.5), clip_first_on_zero=False)

    def _check_input(
        self,
        value: float | Sequence[float],
        name: str,
        center: float = 1,
        bound: tuple[float, float] = (0, float("inf")),
        clip_first_on_zero: bool = True,
    ) -> tuple[float, float] | None:
        """The limits; None where nothing would change."""
        if isinstance(value, numbers.Number):
            if value < 0:  # type: ignore[operator]
                raise ValueError(f"If {name} is a single number, it must be non negative. Got {value}")
            low, high = center - float(value), center + float(value)  # type: ignore[arg-type]
            low = max(low, 0.0) if clip_first_on_zero else low
        elif isinstance(value, (tuple, list)) and len(value) == 2:
            low, high = float(value[0]), float(value[1])
        else:
            raise TypeError(f"{name} should be a single number or a list/tuple with length 2. Got {value!r}")
        if not bound[0] <= low <= high <= bound[1]:
            raise ValueError(f"{name} values should be between {bound}, but got {[low, high]}.")
        return None if low == high == center else (low, high)

    @staticmethod
    def get_params(
        brightness: Sequence[float] | None,
        contrast: Sequence[float] | None,
        saturation: Sequence[float] | None,
        hue: Sequence[float] | None,
    ) -> tuple[Tensor, float | None, float | None, float | None, float | None]:
        """The order of the four, and what each changes by."""
        order = torch.randperm(4)
        drawn = [
            None if limits is None else uniform(limits[0], limits[1])
            for limits in (brightness, contrast, saturation, hue)
        ]
        return (order, *drawn)  # type: ignore[return-value]

    def forward(self, img: PictureT) -> PictureT:
        """The changed image."""
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for index in order.tolist():
            if factors[index] is not None:
                img = changes[index](img, factors[index])
        return img

    def __repr__(self) -> str:
        return described(self, "brightness", "contrast", "saturation", "hue")


class Grayscale(nn.Module):
    """In gray, in one channel or in three equal ones.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.Grayscale()(torch.ones(3, 2, 2)).shape
    torch.Size([1, 2, 2])
    """

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img: PictureT) -> PictureT:
        """The gray image."""
        return F.rgb_to_grayscale(img, num_output_channels=self.num_output_channels)

    def __repr__(self) -> str:
        return described(self, "num_output_channels")


class RandomGrayscale(Sometimes):
    """In gray, in as many channels as there are, with a probability.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandomGrayscale(p=1.0)(torch.ones(3, 2, 2)).shape
    torch.Size([3, 2, 2])
    """

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p)

    def change(self, img: PictureT) -> PictureT:
        """In gray."""
        return F.rgb_to_grayscale(img, num_output_channels=F.get_image_num_channels(img))


class GaussianBlur(nn.Module):
    """Blurred by a Gaussian of random width.

    Args:
        kernel_size: how many pixels are seen in y and x, odd; or one number.
        sigma: the limits of the Gaussian's width in pixels, or one number.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.GaussianBlur(3)(torch.ones(1, 4, 4)).shape
    torch.Size([1, 4, 4])
    """

    def __init__(self, kernel_size: int | Sequence[int], sigma: float | Sequence[float] = (0.1, 2.0)) -> None:
        super().__init__()
        self.kernel_size = setup_size(kernel_size, "Kernel size should be a tuple/list of two integers.")
        if any(size <= 0 or size % 2 == 0 for size in self.kernel_size):
            raise ValueError(
                f"Kernel size value should be an odd and positive number. Got {self.kernel_size}"
            )
        if isinstance(sigma, numbers.Number):
            if sigma <= 0:  # type: ignore[operator]
                raise ValueError(f"If sigma is a single number, it must be positive. Got {sigma}")
            sigma = (sigma, sigma)  # type: ignore[assignment]
        elif isinstance(sigma, Sequence) and len(sigma) == 2:
            if not 0.0 < sigma[0] <= sigma[1]:
                raise ValueError(f"sigma values should be positive and of the form (min, max). Got {sigma}")
        else:
            raise ValueError(f"sigma should be a single number or a list/tuple with length 2. Got {sigma!r}")
        self.sigma = sigma

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """The Gaussian's width."""
        return uniform(sigma_min, sigma_max)

    def forward(self, img: PictureT) -> PictureT:
        """The blurred image."""
        sigma = self.get_params(self.sigma[0], self.sigma[1])  # type: ignore[index]
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def __repr__(self) -> str:
        return described(self, "kernel_size", "sigma")


class RandomInvert(Sometimes):
    """The negative, with a probability.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandomInvert(p=1.0)(torch.tensor([[[0.25]]]))
    tensor([[[0.7500]]])
    """

    def change(self, img: PictureT) -> PictureT:
        """The negative."""
        return F.invert(img)


class RandomPosterize(Sometimes):
    """With only some leading bits of every value, with a probability.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandomPosterize(bits=1, p=1.0)(torch.full((1, 1, 1), 200, dtype=torch.uint8))
    tensor([[[128]]], dtype=torch.uint8)
    """

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = bits

    def change(self, img: PictureT) -> PictureT:
        """With fewer bits."""
        return F.posterize(img, self.bits)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(bits={self.bits},p={self.p})"


class RandomSolarize(Sometimes):
    """With all that is bright inverted, with a probability.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandomSolarize(threshold=0.5, p=1.0)(torch.tensor([[[0.25, 0.75]]]))
    tensor([[[0.2500, 0.2500]]])
    """

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = threshold

    def change(self, img: PictureT) -> PictureT:
        """With bright pixels inverted."""
        return F.solarize(img, self.threshold)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(threshold={self.threshold},p={self.p})"


class RandomAdjustSharpness(Sometimes):
    """Smoothed (factor below 1) or sharpened (above), with a probability.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandomAdjustSharpness(2, p=1.0)(torch.zeros(1, 4, 4)).shape
    torch.Size([1, 4, 4])
    """

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def change(self, img: PictureT) -> PictureT:
        """Smoothed or sharpened."""
        return F.adjust_sharpness(img, self.sharpness_factor)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(sharpness_factor={self.sharpness_factor},p={self.p})"


class RandomAutocontrast(Sometimes):
    """Each channel stretched from the darkest to the brightest there is, with a probability.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandomAutocontrast(p=1.0)(torch.tensor([[[0.25, 0.75]]]))
    tensor([[[0., 1.]]])
    """

    def change(self, img: PictureT) -> PictureT:
        """Stretched."""
        return F.autocontrast(img)


class RandomEqualize(Sometimes):
    """Each channel's values mapped so that all are about equally frequent, with a probability.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandomEqualize(p=1.0)(torch.zeros(1, 4, 4, dtype=torch.uint8)).sum()
    tensor(0)
    """

    def change(self, img: PictureT) -> PictureT:
        """Equalized."""
        return F.equalize(img)
