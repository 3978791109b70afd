"""tv_tensors against torchvision: which results keep their class, what they say of themselves, what is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch as theirs
from vision_v2_inputs import KINDS, made, outcome, same, their_tv

import tritonnn as ours
from tritonnn.vision import tv_tensors as our_tv

#: what is done with a tensor of each class
OPS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, t: x + 1,
    "radd": lambda x, t: t.ones(1) + x,
    "clone": lambda x, t: x.clone(),
    "torch.clone": lambda x, t: t.clone(x),
    "to": lambda x, t: x.to(t.float64),
    "to other": lambda x, t: t.ones(1).to(x),
    "double": lambda x, t: x.double(),
    "cpu": lambda x, t: x.cpu(),
    "detach": lambda x, t: x.detach(),
    "requires_grad_": lambda x, t: x.double().requires_grad_(),
    "deepcopy": lambda x, t: copy.deepcopy(x),
    "in place": lambda x, t: x.clone().add_(1),
    "row": lambda x, t: x[0],
    "part": lambda x, t: x[..., :1],
    "unbind": lambda x, t: x.unbind(0),
    "chunk": lambda x, t: x.chunk(2, -1),
    "split": lambda x, t: t.split(x, 2, -1),
    "max": lambda x, t: x.max(dim=0),
    "cat": lambda x, t: t.cat([x, x]),
    "equal": lambda x, t: x == x,
    "shape": lambda x, t: tuple(x.shape),
    "ndim": lambda x, t: x.ndim,
    "dtype": lambda x, t: str(x.dtype),
    "device": lambda x, t: str(x.device),
    "tolist": lambda x, t: x.tolist(),
    "iteration": lambda x, t: list(x),
    "as_subclass": lambda x, t: x.as_subclass(t.Tensor),
    "as_tensor": lambda x, t: t.as_tensor(x),
    "like": lambda x, t: t.zeros_like(x),
    "repr": lambda x, t: repr(x),
    "str": lambda x, t: str(x[..., :1].to(x.dtype)),
}
TENSORS = [kind for kind in KINDS if not kind.startswith(("PIL", "plain"))]


@pytest.mark.parametrize("return_type", ["Tensor", "TVTensor"])
@pytest.mark.parametrize("kind", TENSORS)
def test_results(kind: str, return_type: str) -> None:
    want, got = made(kind)
    for name, op in OPS.items():
        with their_tv.set_return_type(return_type), our_tv.set_return_type(return_type):
            results = outcome(op, want, theirs), outcome(op, got, ours)
        if name == "tolist" and isinstance(results[0], type):
            continue  # torchvision tries to make boxes of the numbers
        same(*results, where=f"{name} of {kind}")


#: what is made, and refused
MADE: dict[str, Callable[[Any, Any], Any]] = {
    "image of two dimensions": lambda tv, t: tv.Image(t.ones(2, 3)),
    "image of one": lambda tv, t: tv.Image(t.ones(2)),
    "image of lists": lambda tv, t: tv.Image([[1, 2], [3, 4]], dtype=t.float32, requires_grad=True),
    "image of Pillow's": lambda tv, t: tv.Image(made("PIL RGB")[0]),
    "mask of Pillow's": lambda tv, t: tv.Mask(made("PIL L")[0]),
    "mask": lambda tv, t: tv.Mask(t.ones(2, 2, requires_grad=True)),
    "video": lambda tv, t: tv.Video(t.ones(2, 1, 2, 2), dtype=t.float64),
    "video of three": lambda tv, t: tv.Video(t.ones(1, 2, 2)),
    "one box": lambda tv, t: tv.BoundingBoxes([1, 2, 3, 4], format="xyxy", canvas_size=(3, 3)),
    "boxes of three dimensions": lambda tv, t: tv.BoundingBoxes(
        t.ones(1, 2, 4), format="XYXY", canvas_size=(3, 3)
    ),
    "rotated integers": lambda tv, t: tv.BoundingBoxes([[1, 2, 3, 4, 5]], format="XYWHR", canvas_size=(3, 3)),
    "a format": lambda tv, t: tv.BoundingBoxes([1, 2, 3, 4], format="XY", canvas_size=(3, 3)),
    "no format": lambda tv, t: tv.BoundingBoxes([1, 2, 3, 4], canvas_size=(3, 3)),
    "a mode": lambda tv, t: tv.BoundingBoxes(
        [1, 2, 3, 4], format="XYXY", canvas_size=(3, 3), clamping_mode="x"
    ),
    "no mode": lambda tv, t: tv.BoundingBoxes(
        [1, 2, 3, 4], format="XYXY", canvas_size=(3, 3), clamping_mode=None
    ),
    "one point": lambda tv, t: tv.KeyPoints([1.0, 2.0], canvas_size=(3, 3)),
    "points of three": lambda tv, t: tv.KeyPoints(t.ones(2, 3), canvas_size=(3, 3)),
    "return type": lambda tv, t: tv.set_return_type("Image"),
    "rotated": lambda tv, t: [tv.is_rotated_bounding_format(f) for f in tv.BoundingBoxFormat],
    "rotated names": lambda tv, t: [tv.is_rotated_bounding_format(f) for f in ("XYWHR", "XYXY", "xywhr")],
    "rotated number": lambda tv, t: tv.is_rotated_bounding_format(3),
    "formats": lambda tv, t: [(f.name, f.value) for f in tv.BoundingBoxFormat],
}


@pytest.mark.parametrize("name", MADE)
def test_made(name: str) -> None:
    want, got = outcome(MADE[name], their_tv, theirs), outcome(MADE[name], our_tv, ours)
    same(want, got, where=name)
    if hasattr(want, "requires_grad"):
        assert want.requires_grad == got.requires_grad


@pytest.mark.parametrize("kind", TENSORS)
def test_wrapped(kind: str) -> None:
    (want, got) = made(kind)
    shape = tuple(want.shape)
    same(their_tv.wrap(theirs.ones(shape), like=want), our_tv.wrap(ours.ones(shape), like=got))
    if kind.startswith("boxes"):
        said = {"canvas_size": (1, 2), "clamping_mode": None}
        same(their_tv.wrap(want + 0, like=want, **said), our_tv.wrap(got + 0, like=got, **said))


def test_return_type_without_a_block() -> None:
    for tv, torch in ((their_tv, theirs), (our_tv, ours)):
        image = tv.Image(torch.ones(1, 2, 2))
        restored = tv.set_return_type("TVTensor")
        assert type(image + 1) is tv.Image
        with tv.set_return_type("Tensor"):
            assert type(image + 1) is torch.Tensor
        assert type(image + 1) is tv.Image
        restored.__exit__(None, None, None)
        assert type(image + 1) is torch.Tensor
