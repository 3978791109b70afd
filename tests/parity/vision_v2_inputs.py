"""The same samples for torchvision's transforms v2 and for ours, and how their results are compared."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import PIL.Image
import torch as theirs
from reference_vision import torchvision

import tritonnn as ours
from tritonnn.vision import tv_tensors as our_tv

their_tv = importlib.import_module("torchvision.tv_tensors")
their_v2 = importlib.import_module("torchvision.transforms.v2")
HEIGHT, WIDTH = 23, 31
FORMATS = ("XYXY", "XYWH", "CXCYWH", "XYWHR", "CXCYWHR", "XYXYXYXY")


def _draws(name: str) -> np.random.Generator:
    return np.random.default_rng(list(name.encode()))


def _corners(boxes: np.ndarray) -> np.ndarray:
    """XYWHR as XYXYXYXY."""
    x, y, w, h, r = boxes.T
    cos, sin = np.cos(np.radians(r)), np.sin(np.radians(r))
    right, down = (w * cos, -w * sin), (h * sin, h * cos)
    points = [
        x,
        y,
        x + right[0],
        y + right[1],
        x + right[0] + down[0],
        y + right[1] + down[1],
        x + down[0],
        y + down[1],
    ]
    return np.stack(points, 1)


def boxes_of(format: str, count: int = 12) -> np.ndarray:
    """Boxes of a format, some of which reach out of the canvas."""
    rng = _draws(format)
    corner = rng.uniform(-4, (WIDTH - 6, HEIGHT - 6), (count, 2)).round(2)
    size = rng.uniform(3, 12, (count, 2)).round(2)
    angle = rng.uniform(-170, 170, (count, 1)).round(1)
    if format == "XYXY":
        return np.concatenate([corner, corner + size], 1)
    if format in ("XYWH", "CXCYWH"):
        return np.concatenate([corner + (3 if format[0] == "C" else 0), size], 1)
    rotated = np.concatenate([corner + 4, size, angle], 1)
    return _corners(rotated) if format == "XYXYXYXY" else rotated


def _numbers(kind: str) -> np.ndarray:
    rng = _draws(kind)
    shape = {"gray": (1, HEIGHT, WIDTH), "batch": (2, 3, HEIGHT, WIDTH), "video": (4, 3, HEIGHT, WIDTH)}
    if kind.startswith("mask"):
        return rng.integers(0, 5, (HEIGHT, WIDTH) if kind == "mask" else (3, HEIGHT, WIDTH)).astype(np.uint8)
    if kind.startswith("points"):
        points = rng.uniform(-2, (WIDTH, HEIGHT), (6, 2) if kind == "points" else (3, 4, 2)).round(1)
        return points.astype(np.int64 if kind == "points int" else np.float32)
    if kind.startswith("boxes"):
        boxes = boxes_of(kind.split()[1])
        if kind.endswith("int"):
            return boxes.round().astype(np.int64)
        return boxes if kind.split()[1] in FORMATS[3:] else boxes.astype(np.float32)
    pixels = rng.integers(0, 256, shape.get(kind.split()[0], (3, HEIGHT, WIDTH)))
    return pixels.astype(np.float32) / np.float32(255) if kind.endswith("float") else pixels.astype(np.uint8)


IMAGES = ("plain", "image", "image float", "gray", "batch", "PIL RGB", "PIL L")
VIDEOS = ("video", "video float")
MASKS = ("mask", "masks")
POINTS = ("points", "points of groups", "points int")
BOXES = (*[f"boxes {format}" for format in FORMATS], *[f"boxes {format} int" for format in FORMATS[:3]])
KINDS = (*IMAGES, *VIDEOS, *MASKS, *POINTS, *BOXES)


def made(kind: str, clamping_mode: str | None = "soft") -> tuple[Any, Any]:
    """An input of a kind for torchvision, and for ours."""
    if kind.startswith("PIL"):
        pixels = _draws(kind).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        picture = PIL.Image.fromarray(pixels).convert(kind.split()[1])
        return picture, picture
    numbers = _numbers(kind)
    return tuple(_wrapped(torch.from_numpy(numbers.copy()), tv, kind, clamping_mode) for torch, tv in _BOTH)  # type: ignore


_BOTH = ((theirs, their_tv), (ours, our_tv))


def _wrapped(tensor: Any, tv: Any, kind: str, clamping_mode: str | None) -> Any:
    if kind == "plain":
        return tensor
    if kind.startswith("boxes"):
        format = kind.split()[1]
        return tv.BoundingBoxes(
            tensor, format=format, canvas_size=(HEIGHT, WIDTH), clamping_mode=clamping_mode
        )
    if kind.startswith("points"):
        return tv.KeyPoints(tensor, canvas_size=(HEIGHT, WIDTH))
    return (tv.Mask if kind.startswith("mask") else tv.Video if kind.startswith("video") else tv.Image)(
        tensor
    )


def translated(value: Any) -> Any:
    """An argument for torchvision as one for ours."""
    if isinstance(value, theirs.Tensor):
        cls = getattr(our_tv, type(value).__name__) if isinstance(value, their_tv.TVTensor) else None
        tensor = ours.from_numpy(value.as_subclass(theirs.Tensor).detach().numpy().copy())
        if cls is None:
            return tensor
        own = {name: translated(getattr(value, name)) for name in cls._metadata}
        return cls(tensor, **own)
    if isinstance(value, theirs.dtype):
        return getattr(ours, str(value).removeprefix("torch."))
    if isinstance(value, torchvision.transforms.InterpolationMode):
        return ours.vision.transforms.InterpolationMode(value.value)
    if isinstance(value, their_tv.BoundingBoxFormat):
        return our_tv.BoundingBoxFormat(value.value)
    if isinstance(value, type) and issubclass(value, theirs.Tensor):
        return getattr(our_tv, value.__name__) if issubclass(value, their_tv.TVTensor) else ours.Tensor
    if isinstance(value, Mapping):
        return {translated(key): translated(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)) and type(value) in (tuple, list):
        return type(value)(translated(item) for item in value)
    return value


def outcome(function: Any, *args: Any, **kwargs: Any) -> Any:
    """What a call returns, or the class of what it raises."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        return type(error)


def level(value: Any) -> float:
    """How far values of a result may be apart: one level of 8 bits, 1e-4 of floating point, nothing of masks."""
    if isinstance(value, PIL.Image.Image):
        return 1.0
    if isinstance(value, their_tv.Mask) or value.dtype == theirs.bool:
        return 0.0
    return 1e-4 if value.is_floating_point() else 1.0


def same(
    want: Any, got: Any, atol: float | None = None, where: str = "", outliers: float = 0.0, canvas: int = 0
) -> None:
    """Assert that results are of the same classes, types and shapes, and near each other.

    Args:
        want: torchvision's.
        got: ours.
        atol: how far values may be apart; None: as befits their type.
        where: for the message.
        outliers: the part of the values that may be farther apart: pixels on the edge between two others.
        canvas: how far the sizes of canvases may be apart.
    """
    assert type(want).__name__ == type(got).__name__, (where, type(want), type(got))
    if isinstance(want, (tuple, list)):
        assert len(want) == len(got), where
        for one, other in zip(want, got, strict=True):
            same(one, other, atol, where, outliers, canvas)
    elif isinstance(want, Mapping):
        assert list(want) == list(got), where
        for key in want:
            same(want[key], got[key], atol, f"{where} {key}", outliers, canvas)
    elif isinstance(want, theirs.Tensor):
        assert str(want.dtype) == str(got.dtype), (where, want.dtype, got.dtype)
        assert tuple(want.shape) == tuple(got.shape), (where, want.shape, got.shape)
        for name in getattr(type(got), "_metadata", ()):
            said = getattr(want, name), getattr(got, name)
            if name == "canvas_size":
                assert np.abs(np.subtract(*said)).max() <= canvas, (where, said)
            else:
                assert str(said[0]) == str(said[1]), (where, said)
        numbers = [
            value.detach().numpy()
            for value in (want.as_subclass(theirs.Tensor), got.as_subclass(ours.Tensor))
        ]
        near(*numbers, level(want) if atol is None else atol, where, outliers)
    elif isinstance(want, PIL.Image.Image):
        assert want.mode == got.mode and want.size == got.size, (where, want, got)
        near(np.asarray(want), np.asarray(got), level(want) if atol is None else atol, where, outliers)
    else:
        assert want == got or str(want) == str(got), (where, want, got)


def near(want: np.ndarray, got: np.ndarray, atol: float, where: str, outliers: float) -> None:
    want, got = want.astype(np.float64), got.astype(np.float64)
    assert (np.isnan(want) == np.isnan(got)).all(), where
    apart = np.nan_to_num(np.abs(want - got)) > atol
    assert apart.mean() <= outliers if apart.size else True, (
        where,
        float(np.nanmax(np.abs(want - got))),
        apart.mean(),
    )
