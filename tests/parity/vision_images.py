"""Images for both libraries, the same draws for both, and a comparison of what they return."""

from __future__ import annotations

import inspect
import random
from contextlib import contextmanager
from enum import Enum
from typing import Any

import numpy as np
import PIL.Image
import torch

import tritonnn

#: name -> (shape of the array, as (..., C, H, W), and its type)
TENSORS = {
    "uint8": ((3, 20, 31), "uint8"),
    "float": ((3, 20, 31), "float32"),
    "gray": ((1, 17, 16), "uint8"),
    "batch": ((2, 3, 15, 18), "uint8"),
    "float batch": ((2, 1, 15, 18), "float32"),
    "double": ((3, 9, 12), "float64"),
}
MODES = ("RGB", "L", "RGBA", "P", "F", "I", "1", "LA", "CMYK", "HSV", "YCbCr", "I;16")


def array(name: str) -> np.ndarray:
    """Smooth waves with some noise, so that neither neighbours nor whole images are alike."""
    shape, dtype = TENSORS[name]
    rng = np.random.default_rng(7)
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    waves = 0.5 + 0.3 * np.sin(x / 3 + np.arange(shape[-3])[:, None, None]) * np.cos(y / 4)
    values = np.clip(np.broadcast_to(waves, shape) + rng.uniform(-0.2, 0.2, shape), 0, 1)
    return (values * 255).astype(dtype) if dtype == "uint8" else values.astype(dtype)


def picture(mode: str) -> PIL.Image.Image:
    """The same image in a mode of Pillow's."""
    image = PIL.Image.fromarray(array("uint8").transpose(1, 2, 0))
    if mode == "I;16":
        return PIL.Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 200)
    if mode in ("LA", "RGBA"):
        image.putalpha(image.convert("L"))
    return image.convert(mode)


def pairs(*names: str) -> dict[str, tuple]:
    """name -> the image for PyTorch and for tritonnn; a tensor of TENSORS or a picture in a mode, else all of them."""

    def pair(name: str) -> tuple:
        if name in TENSORS:
            return torch.from_numpy(array(name)), tritonnn.from_numpy(array(name))
        return picture(name), picture(name)

    return {name: pair(name) for name in names or (*TENSORS, "RGB", "L")}


def plain(value: Any) -> Any:
    """Of either library's values, or of a picture, what can be compared; tuples and lists alike."""
    if isinstance(value, PIL.Image.Image):
        return (value.mode, value.size, np.asarray(value))
    if hasattr(value, "numpy"):
        return (str(value.dtype).partition(".")[2], tuple(value.shape), value.numpy())
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return value


def same(got: Any, expected: Any, levels: float = 0.0, unequal: float = 1.0) -> None:
    """Equal in kind, type and shape; numbers within `levels` of 255, beyond 1e-5 for floats.

    At most the part `unequal` of integers may differ at all.
    """
    if isinstance(expected, tuple) and len(expected) == 3 and isinstance(expected[2], np.ndarray):
        assert got[:2] == expected[:2]
        left, right = got[2].astype(np.float64), expected[2].astype(np.float64)
        room = levels if expected[2].dtype.kind in "uib" else levels / 255 + 1e-5
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=room)
        if expected[2].dtype.kind in "uib" and left.size:
            assert (left != right).mean() <= unequal
    elif isinstance(expected, list):
        assert isinstance(got, list) and len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            same(one, other, levels, unequal)
    elif isinstance(expected, float):
        assert abs(got - expected) <= 1e-5 * max(1.0, abs(expected))
    else:
        assert got == expected


def outcome(function: Any, *args: Any, **kwargs: Any) -> Any:
    """What it returns, or the type of what it raises."""
    try:
        return plain(function(*args, **kwargs))
    except Exception as error:
        return type(error)


def signature(function: Any) -> list[tuple]:
    """Names, kinds and defaults of the parameters, defaults of enums by their values."""
    return [
        (name, one.kind, str(plain(one.default)))
        for name, one in inspect.signature(function).parameters.items()
    ]


@contextmanager
def draws(library: Any, seed: int, monkeypatch: Any) -> Any:
    """Within, what a library draws comes from one stream, which is the same for both."""
    rng = np.random.default_rng(seed)
    random.seed(seed)

    def rand(*size: Any, **_: Any) -> Any:
        return library.from_numpy(rng.random(_shape(size)).astype(np.float32))

    def randint(*args: Any, low: int = 0, high: int | None = None, size: Any = None, **_: Any) -> Any:
        if high is None:
            *limits, size = (*args, size) if size is not None else args
            low, high = limits if len(limits) == 2 else (0, *limits)
        return library.from_numpy(rng.integers(low, high, tuple(size)))

    def fill(self: Any, values: np.ndarray) -> Any:
        return self.copy_(library.from_numpy(values.astype(np.float32)))

    with monkeypatch.context() as patch:
        patch.setattr(library, "rand", rand)
        patch.setattr(library, "randint", randint)
        patch.setattr(library, "randperm", lambda n: library.from_numpy(rng.permutation(n)))
        patch.setattr(
            library, "_sample_dirichlet",
            lambda p: library.from_numpy(rng.dirichlet(p.numpy()[0], p.shape[0]).astype(np.float32)),
        )  # fmt: skip
        patch.setattr(
            library.Tensor, "uniform_",
            lambda self, low, high: fill(self, float(low) + (float(high) - float(low)) * rng.random(self.shape)),
        )  # fmt: skip
        patch.setattr(library.Tensor, "normal_", lambda self: fill(self, rng.standard_normal(self.shape)))
        yield


def _shape(size: tuple) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
