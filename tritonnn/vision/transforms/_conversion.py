"""Between pictures of Pillow, arrays of NumPy (height, width, channels) and tensors (channels, height, width)."""

from __future__ import annotations

import sys

import numpy as np

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision._pillow import is_image, pillow
from tritonnn.vision._types import PILImage

__all__ = ["pil_to_tensor", "to_pil_image", "to_tensor"]

_SIXTEEN = "I;16" if sys.byteorder == "little" else "I;16B"
_TYPE_OF_MODE = {"I": np.int32, _SIXTEEN: np.int16, "F": np.float32}
_MODE_OF_TYPE = {"uint8": "L", "int16": _SIXTEEN, "int32": "I", "float32": "F"}
#: The modes for each number of channels, the one first that is taken for uint8.
_MODES = {2: ["LA"], 3: ["RGB", "YCbCr", "HSV"], 4: ["RGBA", "CMYK", "RGBX"]}


def _planes(pixels: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, C) as (C, H, W), without a copy."""
    return pixels.transpose(2, 0, 1) if pixels.ndim == 3 else pixels[None]


def to_tensor(pic: PILImage | np.ndarray) -> Tensor:
    """A picture or an array as a tensor (C, H, W); what is of 8 bits as floats from 0 to 1, all else in its type.

    >>> import numpy as np
    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.to_tensor(np.array([[0, 255]], np.uint8))
    tensor([[[0., 1.]]])
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        planes = _planes(pic)
    elif is_image(pic):
        planes = _planes(np.array(pic, _TYPE_OF_MODE.get(pic.mode, np.uint8)))
        if pic.mode == "1":
            planes = planes * np.uint8(255)
    else:
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    if planes.dtype != np.uint8:
        return torch.from_numpy(np.ascontiguousarray(planes))
    dtype = torch.get_default_dtype()
    if dtype != torch.float32:
        return torch.from_numpy(np.ascontiguousarray(planes)).to(dtype).div(255)
    scaled = np.empty(planes.shape, np.float32)  # one pass over the pixels
    np.divide(planes, np.float32(255), out=scaled, dtype=np.float32)
    return torch.from_numpy(scaled)


def pil_to_tensor(pic: PILImage) -> Tensor:
    """A picture as a tensor (C, H, W) of its type and values.

    >>> import PIL.Image
    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.pil_to_tensor(PIL.Image.new("L", (2, 1), 255))
    tensor([[[255, 255]]], dtype=torch.uint8)
    """
    if not is_image(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    return torch.from_numpy(_planes(np.array(pic)))


def to_pil_image(pic: Tensor | np.ndarray, mode: str | None = None) -> PILImage:
    """A tensor (C, H, W) or an array (H, W, C) as a picture; floats are taken to be from 0 to 1.

    Args:
        pic: of up to four channels, or of two dimensions.
        mode: of the picture; None: what its type and channels suggest.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.to_pil_image(torch.ones(3, 4, 5)).getpixel((0, 0))
    (255, 255, 255)
    """
    if isinstance(pic, Tensor):
        pixels = (pic.permute(1, 2, 0) if pic.ndim == 3 else pic).numpy(force=True)
    elif isinstance(pic, np.ndarray):
        pixels = pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    if pixels.ndim not in (2, 3):
        raise ValueError(f"pic should be 2/3 dimensional. Got {pixels.ndim} dimensions.")
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if channels > 4:
        raise ValueError(f"pic should not have > 4 channels. Got {channels} channels.")
    if np.issubdtype(pixels.dtype, np.floating) and mode != "F":
        pixels = (pixels * 255).astype(np.uint8)
    if channels == 1:
        return _picture(pixels.reshape(pixels.shape[:2]), _mode_of_plane(pixels.dtype, mode))
    return _picture(pixels, _mode_of_colours(pixels.dtype, channels, mode))


def _mode_of_plane(dtype: np.dtype, mode: str | None) -> str:
    suggested = _MODE_OF_TYPE.get(dtype.name)
    if mode is not None and mode != suggested:
        raise ValueError(f"Incorrect mode ({mode}) supplied for input type {dtype}. Should be {suggested}")
    if suggested is None:
        raise TypeError(f"Input type {dtype} is not supported")
    return suggested


def _mode_of_colours(dtype: np.dtype, channels: int, mode: str | None) -> str:
    permitted = _MODES.get(channels, _MODES[3])
    if mode is not None and mode not in permitted:
        raise ValueError(f"Only modes {permitted} are supported for {channels} channels, got {mode!r}")
    if dtype != np.uint8:
        raise TypeError(f"Input type {dtype} is not supported for {channels} channels")
    return mode or permitted[0]


def _picture(pixels: np.ndarray, mode: str) -> PILImage:
    """`Image.fromarray` guesses the mode from the type, so it gives no I;16, HSV or CMYK."""
    image = pillow("torchvision.transforms.functional.to_pil_image")
    return image.frombytes(mode, pixels.shape[1::-1], pixels.tobytes())
