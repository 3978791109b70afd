"""Pictures as tensors (C, H, W), read from and written to files."""

from __future__ import annotations

import io
import os

import numpy as np

import tritonnn as torch
from tritonnn.vision._pillow import pillow
from tritonnn.vision.io import _decoding, _fast_jpeg
from tritonnn.vision.io._modes import ImageReadMode, read_mode

__all__ = [
    "ImageReadMode", "decode_avif", "decode_gif", "decode_heic", "decode_image", "decode_jpeg", "decode_png",
    "decode_webp", "encode_jpeg", "encode_png", "read_file", "read_image", "write_file", "write_jpeg", "write_png",
]  # fmt: skip

UNNAMED = "the tensor of encoded bytes"


def _has_image_ops() -> bool:
    """Whether decoding can work at all: yes, Pillow is asked for by the call that needs it."""
    return True


def read_file(path: str | os.PathLike[str]) -> torch.Tensor:
    """The bytes of a file, as a tensor of uint8.

    >>> import pathlib, tempfile
    >>> import tritonnn as torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "a").write_bytes(b"abc")
    ...     torch.vision.io.read_file(folder + "/a")
    tensor([97, 98, 99], dtype=torch.uint8)

    Raises RuntimeError where there is no such file or nothing in it.
    """
    try:
        data = np.fromfile(os.fspath(path), dtype=np.uint8)
    except OSError as error:
        raise RuntimeError(f"[Errno {error.errno}] {error.strerror}: '{os.fspath(path)}'") from error
    if not data.size:
        raise RuntimeError(f"Expected a non empty file, but '{os.fspath(path)}' has no bytes")
    return torch.from_numpy(data)


def write_file(filename: str | os.PathLike[str], data: torch.Tensor) -> None:
    """Write a tensor of bytes, of one dimension, into a file.

    >>> import pathlib, tempfile
    >>> import tritonnn as torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     torch.vision.io.write_file(folder + "/a", torch.tensor([97, 98], dtype=torch.uint8))
    ...     pathlib.Path(folder, "a").read_text()
    'ab'

    Raises RuntimeError for another dtype, shape or device, and where the file cannot be written.
    """
    if data.device.type != "cpu":
        raise RuntimeError(f"Input tensor should be on CPU, but is on {data.device}")
    if data.dtype != torch.uint8:
        raise RuntimeError(f"Input tensor dtype should be uint8, but is {data.dtype}")
    if data.dim() != 1:
        raise RuntimeError(f"Input data should be a 1-dimensional tensor, but has shape {tuple(data.shape)}")
    try:
        with open(filename, "wb") as file:
            file.write(data.contiguous().numpy())
    except OSError as error:
        raise RuntimeError(f"Error opening output file '{os.fspath(filename)}': {error.strerror}") from error


def _bytes(data: object) -> bytes:
    """The bytes that a tensor holds."""
    if not isinstance(data, torch.Tensor):
        raise TypeError(f"expected a tensor of encoded bytes, but got {type(data)}")
    if data.device.type != "cpu":
        raise ValueError(f"Input tensor must be a CPU tensor, but is on {data.device}")
    if data.dtype != torch.uint8:
        raise RuntimeError(f"Input tensor must have uint8 data type, got {data.dtype}")
    if data.dim() != 1 or not data.numel():
        raise RuntimeError(f"Input tensor must be 1-dimensional and non-empty, got shape {tuple(data.shape)}")
    if not data.is_contiguous():
        raise RuntimeError("Input tensor must be contiguous.")
    return data.numpy().tobytes()


def _tensor(pixels: np.ndarray) -> torch.Tensor:
    """Pixels (H, W, C) as a tensor (C, H, W), of the same memory."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)


def _jpeg(data: bytes, mode: ImageReadMode, upright: bool, name: str) -> torch.Tensor:
    if mode in (ImageReadMode.GRAY_ALPHA, ImageReadMode.RGB_ALPHA):
        raise RuntimeError(f"The provided mode is not supported for JPEG files: {mode.name} of {name}")
    pixels = None if upright else _fast_jpeg.decode(data, mode)
    return _tensor(_decoding.decode(data, "JPEG", mode, upright, name) if pixels is None else pixels)


def _gif(data: bytes, name: str) -> torch.Tensor:
    frames = torch.from_numpy(_decoding.decode_frames(data, name)).permute(0, 3, 1, 2)
    return frames[0] if len(frames) == 1 else frames


def decode_png(
    input: torch.Tensor,
    mode: ImageReadMode = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> torch.Tensor:
    """A PNG as a tensor (C, H, W) of uint8, or of uint16 where the file has 16 bits.

    Args:
        input: the file's bytes.
        mode: the channels that are wanted, or its name.
        apply_exif_orientation: turn it upright as its EXIF data tell.

    >>> import tritonnn as torch
    >>> picture = torch.arange(12, dtype=torch.uint8).view(3, 2, 2)
    >>> torch.equal(torch.vision.io.decode_png(torch.vision.io.encode_png(picture)), picture)
    True

    Raises RuntimeError for what is damaged or no PNG, for another dtype or shape; KeyError for an unknown mode.
    """
    return _tensor(_decoding.decode(_bytes(input), "PNG", read_mode(mode), apply_exif_orientation, UNNAMED))


def decode_jpeg(
    input: torch.Tensor | list[torch.Tensor],
    mode: ImageReadMode = ImageReadMode.UNCHANGED,
    device: str | torch.device = "cpu",
    apply_exif_orientation: bool = False,
) -> torch.Tensor | list[torch.Tensor]:
    """A JPEG as a tensor (C, H, W) of uint8, or each of a list.

    Args:
        input: the file's bytes, on the CPU.
        mode: UNCHANGED, GRAY or RGB, or its name.
        device: where the result goes; it is decoded on the CPU.
        apply_exif_orientation: turn it upright as its EXIF data tell.

    >>> import tritonnn as torch
    >>> data = torch.vision.io.encode_jpeg(torch.full((3, 4, 6), 200, dtype=torch.uint8))
    >>> torch.vision.io.decode_jpeg(data, mode="GRAY").shape
    torch.Size([1, 4, 6])

    Raises RuntimeError for what is damaged or no JPEG, for another dtype or shape; ValueError for an empty list or
    another device; KeyError for an unknown mode.
    """
    mode, device = read_mode(mode), torch.device(device)
    if not isinstance(input, list):
        return _jpeg(_bytes(input), mode, apply_exif_orientation, UNNAMED).to(device)
    if not input:
        raise ValueError("Input list must contain at least one element")
    if not all(isinstance(item, torch.Tensor) for item in input):
        raise ValueError("All elements of the input list must be tensors.")
    files = [_bytes(item) for item in input]
    named = enumerate(files)
    return [_jpeg(file, mode, apply_exif_orientation, f"{UNNAMED} {i}").to(device) for i, file in named]


def decode_gif(input: torch.Tensor) -> torch.Tensor:
    """A GIF as a tensor (3, H, W) of uint8, or (N, 3, H, W) where it has several pictures, each as it is seen.

    Raises RuntimeError for what is damaged or no GIF, for another dtype or shape.
    """
    return _gif(_bytes(input), UNNAMED)


def decode_webp(input: torch.Tensor, mode: ImageReadMode = ImageReadMode.UNCHANGED) -> torch.Tensor:
    """A WebP as a tensor (3, H, W) of uint8, or (4, H, W) where it has opacity.

    Raises RuntimeError for what is damaged, animated or no WebP, for another dtype or shape; KeyError for an unknown
    mode.
    """
    return _tensor(_decoding.decode(_bytes(input), "WEBP", read_mode(mode), False, UNNAMED))


def decode_avif(input: torch.Tensor, mode: ImageReadMode = ImageReadMode.UNCHANGED) -> torch.Tensor:
    """An AVIF as a tensor (3, H, W) of uint8, or (4, H, W) where it has opacity; 10 and 12 bits are cut to 8.

    Raises RuntimeError where Pillow was built without AVIF (11.3 or newer has it), for what is damaged or no AVIF.
    """
    if not pillow("torchvision.io.decode_avif", "features").check("avif"):
        raise RuntimeError("decode_avif: this Pillow cannot read AVIF: pip install 'pillow>=11.3'")
    return _tensor(_decoding.decode(_bytes(input), "AVIF", read_mode(mode), False, UNNAMED))


def decode_heic(input: torch.Tensor, mode: ImageReadMode = ImageReadMode.UNCHANGED) -> torch.Tensor:
    """A HEIC as a tensor (3, H, W) of uint8, or (4, H, W) where it has opacity, through the package pillow-heif.

    Raises RuntimeError where that is not installed, for what is damaged or no HEIC.
    """
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise RuntimeError("decode_heic needs a decoder of HEIC: pip install pillow-heif") from error
    register_heif_opener()
    return _tensor(_decoding.decode(_bytes(input), "HEIF", read_mode(mode), False, UNNAMED))


def _kind(data: bytes, name: str) -> str:
    """The format that a file's first bytes tell."""
    for kind, begins in (("JPEG", b"\xff\xd8\xff"), ("PNG", b"\x89PNG"), ("GIF", b"GIF8")):
        if data.startswith(begins):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    raise RuntimeError(
        f"Unsupported image file: {name} begins with {data[:12]!r}. Only jpeg, png, webp and gif are supported; for "
        "avif and heic call decode_avif and decode_heic"
    )


def decode_image(
    input: torch.Tensor | str | os.PathLike[str],
    mode: ImageReadMode = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> torch.Tensor:
    """A JPEG, PNG, WebP or GIF as a tensor (C, H, W) of uint8, or of uint16 for a PNG of 16 bits.

    Args:
        input: a path, or a file's bytes as a tensor.
        mode: the channels that are wanted, or its name; a GIF has three always.
        apply_exif_orientation: turn a JPEG or PNG upright as its EXIF data tell.

    >>> import tempfile
    >>> import tritonnn as torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     torch.vision.io.write_png(torch.zeros(1, 4, 6, dtype=torch.uint8), folder + "/a.png")
    ...     torch.vision.io.decode_image(folder + "/a.png", mode="RGB").shape
    torch.Size([3, 4, 6])

    Raises RuntimeError, which names the file, for what is missing, damaged or of another format; KeyError for an
    unknown mode.
    """
    mode, name = read_mode(mode), UNNAMED
    if not isinstance(input, torch.Tensor):
        name, input = repr(os.fspath(input)), read_file(input)
    data = _bytes(input)
    kind = _kind(data, name)
    if kind == "JPEG":
        return _jpeg(data, mode, apply_exif_orientation, name)
    if kind == "GIF":
        return _gif(data, name)
    return _tensor(_decoding.decode(data, kind, mode, apply_exif_orientation and kind == "PNG", name))


def read_image(
    path: str | os.PathLike[str],
    mode: ImageReadMode = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> torch.Tensor:
    """The older name of `decode_image`, of a path.

    >>> import tritonnn as torch
    >>> torch.vision.io.read_image("none.png")
    Traceback (most recent call last):
    RuntimeError: [Errno 2] No such file or directory: 'none.png'
    """
    return decode_image(os.fspath(path), mode, apply_exif_orientation)


def _encode(image: object, kind: str, **options: int) -> torch.Tensor:
    if not isinstance(image, torch.Tensor):
        raise TypeError(f"expected a tensor (C, H, W) of uint8, but got {type(image)}")
    if image.dtype != torch.uint8:
        raise RuntimeError(f"Input tensor dtype should be uint8, but is {image.dtype}")
    if image.dim() != 3:
        raise RuntimeError(f"Input data should be a 3-dimensional tensor, but has shape {tuple(image.shape)}")
    if image.size(0) not in (1, 3):
        raise RuntimeError(f"The number of channels should be 1 or 3, got: {image.size(0)}")
    if not image.numel():
        raise RuntimeError(f"expected at least one pixel, but got shape {tuple(image.shape)}")
    pixels = image.permute(1, 2, 0).cpu().contiguous().numpy()
    pixels = pixels[..., 0] if image.size(0) == 1 else pixels
    file = io.BytesIO()
    pillow(f"torchvision.io.encode_{kind.lower()}").fromarray(pixels).save(file, kind, **options)
    return torch.from_numpy(np.frombuffer(bytearray(file.getbuffer()), np.uint8)).to(image.device)


def encode_png(input: torch.Tensor, compression_level: int = 6) -> torch.Tensor:
    """The bytes of a PNG file of a picture (C, H, W) of uint8 with one or three channels.

    Args:
        input: the picture, on the CPU.
        compression_level: 0, none and fast, to 9.

    Raises RuntimeError for another dtype, shape, device or level.
    """
    if not 0 <= compression_level <= 9:
        raise RuntimeError(f"Compression level should be between 0 and 9, but is {compression_level}")
    if isinstance(input, torch.Tensor) and input.device.type != "cpu":
        raise RuntimeError(f"Input tensor should be on CPU, but is on {input.device}")
    return _encode(input, "PNG", compress_level=compression_level)


def write_png(input: torch.Tensor, filename: str | os.PathLike[str], compression_level: int = 6) -> None:
    """Write a picture as a PNG file; arguments and errors as of `encode_png`."""
    write_file(filename, encode_png(input, compression_level))


def encode_jpeg(
    input: torch.Tensor | list[torch.Tensor], quality: int = 75
) -> torch.Tensor | list[torch.Tensor]:
    """The bytes of a JPEG file of a picture (C, H, W) of uint8 with one or three channels, or of each of a list.

    Args:
        input: the picture. The bytes lie on its device; they are made on the CPU.
        quality: 1 to 100.

    Raises ValueError for another quality and an empty list, RuntimeError for another dtype or shape.
    """
    if quality < 1 or quality > 100:
        raise ValueError(f"Image quality should be a positive number between 1 and 100, but is {quality}")
    if not isinstance(input, list):
        return _encode(input, "JPEG", quality=quality)
    if not input:
        raise ValueError("encode_jpeg requires at least one input tensor when a list is passed")
    return [_encode(image, "JPEG", quality=quality) for image in input]


def write_jpeg(input: torch.Tensor, filename: str | os.PathLike[str], quality: int = 75) -> None:
    """Write a picture as a JPEG file; arguments and errors as of `encode_jpeg`."""
    write_file(filename, _encode_one(input, quality))


def _encode_one(image: torch.Tensor, quality: int) -> torch.Tensor:
    data = encode_jpeg(image, quality)
    if not isinstance(data, torch.Tensor):
        raise TypeError("write_jpeg: expected one picture, but got a list")
    return data.cpu()
