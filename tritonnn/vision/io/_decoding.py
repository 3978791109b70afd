"""Bytes of a file to pixels, by Pillow; what goes wrong names the file."""

from __future__ import annotations

import io
import struct
import zlib
from types import TracebackType
from typing import Any

import numpy as np

from tritonnn.vision._pillow import pillow
from tritonnn.vision._types import PILImage
from tritonnn.vision.io._modes import ImageReadMode, as_mode, oriented

__all__ = ["decode", "decode_frames"]

ORIENTATION = 0x0112  # tag of EXIF
#: What Pillow's decoders raise for files that are damaged.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, struct.error, zlib.error)
#: Modes of Pillow's that are pixels as they are.
_PLAIN = ("L", "LA", "RGB", "RGBA")


class _Reading:
    """Reading a picture: an error of Pillow's becomes a RuntimeError that names the file."""

    def __init__(self, name: str, wanted: str) -> None:
        self.name, self.wanted = name, wanted

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        bomb = pillow("torchvision.io").DecompressionBombError
        if isinstance(error, (*_DAMAGED, bomb)):
            unknown = isinstance(error, pillow("torchvision.io").UnidentifiedImageError)
            why = f"it is no {self.wanted} file, or its beginning is damaged" if unknown else error
            raise RuntimeError(f"{self.name} cannot be decoded: {why}") from error


def _open(data: bytes, kind: str) -> Any:
    return pillow("torchvision.io").open(io.BytesIO(data), formats=(kind,))


def decode(data: bytes, kind: str, mode: ImageReadMode, upright: bool, name: str) -> np.ndarray:
    """The pixels (H, W, C) of a picture, of uint8, or uint16 for a PNG of 16 bits.

    Args:
        data: the file's bytes.
        kind: its format, as Pillow calls it.
        mode: the channels that are wanted.
        upright: turn it as its EXIF data tell.
        name: what errors call it.

    Raises:
        RuntimeError: it is damaged, cut off, too large to be meant, or of another format.
    """
    with _Reading(name, kind):
        image = _open(data, kind)
        if kind == "WEBP" and getattr(image, "is_animated", False):
            raise ValueError("Animated webp files are not supported.")
        pixels = _PIXELS.get(kind, _plain)(image, mode, data)
        orientation = image.getexif().get(ORIENTATION, 1) if upright else 1
    return oriented(as_mode(pixels, mode), orientation)


def _array(image: PILImage) -> np.ndarray:
    pixels = np.array(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _plain(image: PILImage, mode: ImageReadMode, data: bytes) -> np.ndarray:
    return _array(image if image.mode in _PLAIN else image.convert("RGBA"))


def _jpeg(image: PILImage, mode: ImageReadMode, data: bytes) -> np.ndarray:
    if mode is ImageReadMode.GRAY:
        image.draft("L", None)  # the file's own brightness, without the way over colours
    if image.mode == "CMYK":
        # Files have inverted inks, which Pillow turns round; who asks for them unchanged gets those of the file.
        return 255 - _array(image) if mode is ImageReadMode.UNCHANGED else _array(image.convert("RGB"))
    return _array(image)


def _png(image: PILImage, mode: ImageReadMode, data: bytes) -> np.ndarray:
    if data[24] == 16:
        return _DEEP[data[25]](image, data)
    if image.mode == "P":  # unchanged are the numbers of colours, not the colours
        return _array(image if mode is ImageReadMode.UNCHANGED else image.convert("RGBA"))
    return _array(image.convert("L") if image.mode == "1" else image)


_PIXELS = {"JPEG": _jpeg, "PNG": _png}


def _deep_grey(image: PILImage, data: bytes) -> np.ndarray:
    return _array(image).astype(np.uint16)


def _deep_grey_alpha(image: PILImage, data: bytes) -> np.ndarray:
    """Two numbers of 16 bits are four of 8, and have the same filters: read as such, they are the bytes in pairs."""
    head = bytearray(data)
    head[24:26] = 8, 6  # 8 bits of red, green, blue and opacity
    head[29:33] = struct.pack(">I", zlib.crc32(head[12:29]))
    return np.ascontiguousarray(_array(_open(bytes(head), "PNG"))).view(">u2").astype(np.uint16)


def _deep_color(image: PILImage, data: bytes) -> np.ndarray:
    """Pillow keeps one byte of the two that make a number: reading them in both orders gives each."""
    high, other = _array(image), _open(data, "PNG")
    (codec, extents, offset, rawmode), *_ = other.tile
    other.tile = [(codec, extents, offset, rawmode.replace(";16B", ";16L"))]
    return high.astype(np.uint16) << 8 | _array(other)


#: by the PNG's type of colour: grey, red green blue, grey with opacity, red green blue with opacity
_DEEP = {0: _deep_grey, 2: _deep_color, 4: _deep_grey_alpha, 6: _deep_color}


def decode_frames(data: bytes, name: str) -> np.ndarray:
    """The pictures of a GIF, (N, H, W, 3), each as it is seen.

    Raises:
        RuntimeError: it is damaged or no GIF.
    """
    with _Reading(name, "GIF"):
        image, frames = _open(data, "GIF"), []
        for i in range(getattr(image, "n_frames", 1)):
            image.seek(i)
            frames.append(np.array(image.convert("RGB")))
    return np.stack(frames)
