"""Changes of image tensors: what `functional` calls for them, under one roof and torchvision's names."""

from __future__ import annotations

from tritonnn.vision.transforms._tensor_checks import (
    check_channels as _assert_channels,
)
from tritonnn.vision.transforms._tensor_checks import (
    check_image as _assert_image_tensor,
)
from tritonnn.vision.transforms._tensor_checks import (
    get_dimensions,
    get_image_num_channels,
    get_image_size,
)
from tritonnn.vision.transforms._tensor_checks import (
    max_value as _max_value,
)
from tritonnn.vision.transforms._tensor_color import (
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
    invert,
    posterize,
    rgb_to_grayscale,
    solarize,
)
from tritonnn.vision.transforms._tensor_color import (
    blend as _blend,
)
from tritonnn.vision.transforms._tensor_color import (
    hsv_to_rgb as _hsv2rgb,
)
from tritonnn.vision.transforms._tensor_color import (
    rgb_to_hsv as _rgb2hsv,
)
from tritonnn.vision.transforms._tensor_filters import (
    adjust_sharpness,
    gaussian_blur,
)
from tritonnn.vision.transforms._tensor_filters import (
    gaussian_kernel1d as _get_gaussian_kernel1d,
)
from tritonnn.vision.transforms._tensor_filters import (
    gaussian_kernel2d as _get_gaussian_kernel2d,
)
from tritonnn.vision.transforms._tensor_geometry import (
    crop,
    hflip,
    pad,
    resize,
    vflip,
)
from tritonnn.vision.transforms._tensor_geometry import (
    parse_padding as _parse_pad_padding,
)
from tritonnn.vision.transforms._tensor_histogram import autocontrast, equalize
from tritonnn.vision.transforms._tensor_values import convert_image_dtype, erase, normalize
from tritonnn.vision.transforms._tensor_warp import (
    affine,
    elastic_transform,
    perspective,
    rotate,
)
from tritonnn.vision.transforms._tensor_warp import (
    affine_grid as _gen_affine_grid,
)
from tritonnn.vision.transforms._tensor_warp import (
    apply_grid as _apply_grid_transform,
)
from tritonnn.vision.transforms._tensor_warp import (
    identity_grid as _create_identity_grid,
)
from tritonnn.vision.transforms._tensor_warp import (
    perspective_grid as _perspective_grid,
)
from tritonnn.vision.transforms._tensor_warp import (
    rotated_size as _compute_affine_output_size,
)

__all__ = [
    "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation", "adjust_sharpness",
    "affine", "autocontrast", "convert_image_dtype", "crop", "elastic_transform", "equalize", "erase",
    "gaussian_blur", "get_dimensions", "get_image_num_channels", "get_image_size", "hflip", "invert", "normalize",
    "pad", "perspective", "posterize", "resize", "rgb_to_grayscale", "rotate", "solarize", "vflip",
    "_apply_grid_transform", "_assert_channels", "_assert_image_tensor", "_blend", "_compute_affine_output_size",
    "_create_identity_grid", "_gen_affine_grid", "_get_gaussian_kernel1d", "_get_gaussian_kernel2d", "_hsv2rgb",
    "_max_value", "_parse_pad_padding", "_perspective_grid", "_rgb2hsv",
]  # fmt: skip
