"""Changes of one image, a picture of Pillow's or a tensor (..., C, H, W), by numbers that the caller gives."""

from __future__ import annotations

import numpy as np

from tritonnn import Tensor
from tritonnn.vision.transforms import _functional_pil as F_pil
from tritonnn.vision.transforms import _functional_tensor as F_t
from tritonnn.vision.transforms._conversion import pil_to_tensor, to_pil_image, to_tensor
from tritonnn.vision.transforms._functional_color import (
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
    adjust_sharpness,
    autocontrast,
    equalize,
    gaussian_blur,
    invert,
    posterize,
    rgb_to_grayscale,
    solarize,
    to_grayscale,
)
from tritonnn.vision.transforms._functional_geometry import (
    center_crop,
    crop,
    five_crop,
    get_dimensions,
    get_image_num_channels,
    get_image_size,
    hflip,
    pad,
    resize,
    resized_crop,
    ten_crop,
    vflip,
)
from tritonnn.vision.transforms._functional_geometry import (
    compute_resized_output_size as _compute_resized_output_size,
)
from tritonnn.vision.transforms._functional_pil import _is_pil_image
from tritonnn.vision.transforms._functional_warp import (
    affine,
    elastic_transform,
    perspective,
    rotate,
)
from tritonnn.vision.transforms._functional_warp import (
    get_inverse_affine_matrix as _get_inverse_affine_matrix,
)
from tritonnn.vision.transforms._functional_warp import (
    get_perspective_coeffs as _get_perspective_coeffs,
)
from tritonnn.vision.transforms._interpolation import (
    InterpolationMode,
    pil_modes_mapping,
)
from tritonnn.vision.transforms._interpolation import (
    mode_from_int as _interpolation_modes_from_int,
)
from tritonnn.vision.transforms._tensor_values import convert_image_dtype, erase, normalize

__all__ = [
    "F_pil", "F_t", "InterpolationMode", "_compute_resized_output_size", "_get_inverse_affine_matrix",
    "_get_perspective_coeffs", "_interpolation_modes_from_int", "_is_numpy", "_is_numpy_image", "_is_pil_image",
    "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation", "adjust_sharpness",
    "affine", "autocontrast", "center_crop", "convert_image_dtype", "crop", "elastic_transform", "equalize", "erase",
    "five_crop", "gaussian_blur", "get_dimensions", "get_image_num_channels", "get_image_size", "hflip", "invert",
    "normalize", "pad", "perspective", "pil_modes_mapping", "pil_to_tensor", "posterize", "resize", "resized_crop",
    "rgb_to_grayscale", "rotate", "solarize", "ten_crop", "to_grayscale", "to_pil_image", "to_tensor", "vflip",
]  # fmt: skip

InterpolationMode.__module__ = __name__  # where torchvision has it


def _is_numpy(img: object) -> bool:
    return isinstance(img, np.ndarray)


def _is_numpy_image(img: np.ndarray | Tensor) -> bool:
    return img.ndim in (2, 3)
