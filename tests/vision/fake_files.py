"""Writing small files of the formats that datasets have."""

from __future__ import annotations

import gzip
import pickle
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def random(*shape: int, high: int = 256, dtype: Any = np.uint8) -> Any:
    """Numbers that are the same in each run, and others for another shape."""
    return np.random.default_rng(sum(shape) + len(shape)).integers(0, high, shape).astype(dtype)


def shown(value: Any) -> str:
    """A transform of targets."""
    return f"<{value}>"


_written = 0


def picture(path: Path, size: tuple[int, int] = (7, 5), mode: str = "RGB", high: int = 256) -> Path:
    """A picture of noise, another one for each call, in the format of its name's ending."""
    global _written
    _written += 1
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    pixels = np.random.default_rng(_written).integers(0, high, shape)
    Image.fromarray(pixels.astype(np.uint16 if mode == "I;16" else np.uint8)).save(path)
    return path


def text(path: Path, *rows: str) -> Path:
    """A file of lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


def idx_bytes(array: Any) -> bytes:
    """An array as the IDX format has it."""
    kinds = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
    big = np.asarray(array).astype(np.asarray(array).dtype.newbyteorder(">"))
    head = bytes([0, 0, kinds[big.dtype.str[1:]], big.ndim]) + struct.pack(f">{big.ndim}I", *big.shape)
    return head + big.tobytes()


def idx(path: Path, array: Any) -> Path:
    """An IDX file; compressed where its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = idx_bytes(array)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def pickled(path: Path, value: Any) -> Path:
    """A pickle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value, protocol=2))
    return path


def mat(path: Path, **values: Any) -> Path:
    """A MATLAB file."""
    from scipy.io import savemat

    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, values)
    return path


def flo(path: Path, width: int = 4, height: int = 3) -> Path:
    """A file of optical flow."""
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = random(height, width, 2, dtype=np.float32)
    path.write_bytes(b"PIEH" + struct.pack("<2i", width, height) + numbers.astype("<f4").tobytes())
    return path


def pfm(path: Path, width: int = 4, height: int = 3, channels: int = 3, order: str = "<") -> Path:
    """A picture of floats."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind, scale = ("PF" if channels == 3 else "Pf"), (-1.0 if order == "<" else 1.0)
    numbers = random(height, width, channels, dtype=np.float32) - 100
    path.write_bytes(
        f"{kind}\n{width} {height} \n{scale}\n".encode() + numbers.astype(f"{order}f4").tobytes()
    )
    return path


def png16(path: Path, pixels: Any) -> Path:
    """A PNG of three channels of 16 bits, each line filtered in another way."""
    height, width, _ = pixels.shape
    lines = pixels.astype(">u2").tobytes()
    size, step = width * 6, 6
    data = bytearray()
    for row in range(height):
        line = lines[row * size : (row + 1) * size]
        above = lines[(row - 1) * size : row * size] if row else bytes(size)
        data.append(row % 5)
        for i, value in enumerate(line):
            a, b = (line[i - step] if i >= step else 0), above[i]
            c = above[i - step] if i >= step else 0
            paeth = min((a, b, c), key=lambda guess: abs(a + b - c - guess))
            data.append((value - (0, a, b, (a + b) // 2, paeth)[row % 5]) % 256)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">2I5B", width, height, 16, 2, 0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(data)))
        + chunk(b"IEND", b"")
    )
    return path
