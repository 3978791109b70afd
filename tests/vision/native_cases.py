"""Calls of torchvision's native operators, for what computes with arrays: this library, and the one that they are from.

`python tests/vision/native_cases.py`, in an environment with PyTorch and a torchvision whose native operators load,
writes what they give to `native_ops.json`, from which `test_native_ops.py` reads it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).parent / "native_ops.json"
EDGES = [
    [0, 1, 1, 1, 1], [0, 3, 3, 1, 1], [1, -5, -5, -3, -3], [0, 0, 0, 30, 30], [1, -0.5, -2.5, 5.5, 2.5],
    [0, 6, 5, 9, 9],
]  # fmt: skip


def boxes(rng: np.random.Generator, count: int, extent: float) -> np.ndarray:
    corner = rng.uniform(-1, 0.7 * extent, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(0.5, 0.6 * extent, (count, 2))], 1)


def regions(rng: np.random.Generator, *edges: list[float]) -> np.ndarray:
    drawn = np.concatenate([rng.integers(0, 2, (4, 1)), boxes(rng, 4, 8)], 1)
    return np.concatenate([drawn, np.array(edges or EDGES)]).astype(np.float32)


def rotated(rng: np.random.Generator, count: int) -> np.ndarray:
    parts = rng.uniform(0, 8, (count, 2)), rng.uniform(1, 6, (count, 2)), rng.uniform(-200, 200, (count, 1))
    return np.concatenate(parts, 1).astype(np.float32)


def suppressions(rng: np.random.Generator) -> dict[str, tuple]:
    whole = np.round(boxes(rng, 50, 20)).astype(np.float32)
    nan = whole[:8].copy()
    nan[2, 1] = np.nan
    scores = rng.integers(0, 12, 50).astype(np.float32)  # many are equal
    classes = rng.integers(0, 3, 50)
    found = {f"nms {t}": ("nms", [whole, scores, t], []) for t in (0.1, 0.3, 0.5, 0.7)}
    found["nms float64"] = ("nms", [boxes(rng, 50, 20), rng.uniform(size=50), 0.4], [])
    found["nms nan"] = ("nms", [nan, scores[:8], 0.2], [])
    found["batched_nms"] = ("batched_nms", [np.abs(whole), scores, classes, 0.3], [])
    return found


def pooling(rng: np.random.Generator) -> dict[str, tuple]:
    few, many = (rng.normal(size=(2, c, 6, 7)).astype(np.float32) for c in (2, 12))
    at = regions(rng)
    found = {}
    for aligned in (False, True):
        for ratio in (-1, 2):
            found[f"roi_align {aligned} {ratio}"] = ("roi_align", [few, at, (2, 3), 0.8, ratio, aligned], [0])
    for scale in (0.5, 1.0, 2.0):
        found[f"roi_pool {scale}"] = ("roi_pool", [few, at, (2, 3), scale], [0])
        # without its gradient, which reaches the last row and column there, though the means leave these out
        found[f"ps_roi_pool {scale}"] = ("ps_roi_pool", [many, at, (2, 3), scale], [])
    found["ps_roi_align 2"] = ("ps_roi_align", [many, at, (2, 3), 0.8, 2], [0])
    some = regions(rng, *EDGES[2:])  # of those without extent native gradients are not numbers everywhere
    found["ps_roi_align -1"] = ("ps_roi_align", [many, some, (3, 2), 0.8, -1], [0])
    return found


def convolutions(rng: np.random.Generator) -> dict[str, tuple]:
    def draw(*shape: int, reach: float = 1.0) -> np.ndarray:
        return (reach * rng.normal(size=shape)).astype(np.float32)

    image = draw(2, 4, 5, 6)
    plain = [image, draw(2, 18, 3, 4, reach=1.5), draw(3, 4, 3, 3)]
    full = [
        image,
        draw(2, 16, 3, 3, reach=1.5),
        draw(4, 2, 2, 2),
        draw(4),
        2,
        (1, 0),
        (2, 1),
        draw(2, 8, 3, 3),
    ]
    return {
        "deform_conv2d": ("deform_conv2d", plain, [0, 1, 2]),
        "deform_conv2d groups, mask": ("deform_conv2d", full, [0, 1, 2, 3, 7]),
    }


def cases() -> dict[str, tuple]:
    """Name -> (function of `torchvision.ops`, arguments, positions of those that want a gradient)."""
    rng = np.random.default_rng(7)
    found = suppressions(rng) | pooling(rng) | convolutions(rng)
    one, two = rotated(rng, 6), rotated(rng, 6)
    two[:2] = one[:2]
    two[2, 4] = one[2, 4] + 90
    found["box_iou rotated"] = ("box_iou", [one, two, "cxcywhr"], [])
    return found


def outcome(torch: Any, ops: Any, case: tuple, device: str = "cpu") -> list[Any]:
    """The result of a call, and the gradients of its sum with weights that differ."""
    name, args, wanted = case
    given = [torch.from_numpy(a).to(device) if isinstance(a, np.ndarray) else a for a in args]
    for i in wanted:
        given[i] = given[i].requires_grad_()
    result = getattr(ops, name)(*given)
    if not wanted:
        return [result]
    weights = torch.from_numpy(np.linspace(-1, 1, result.numel(), dtype=np.float32).reshape(result.shape))
    (torch.nan_to_num(result) * weights.to(device)).sum().backward()
    return [result.detach(), *[given[i].grad for i in wanted]]


def main() -> None:
    """Write what torchvision gives."""
    import torch
    from torchvision import ops

    written = {}
    for name, case in cases().items():
        results = [r.double().numpy() for r in outcome(torch, ops, case)]
        written[name] = [
            {"shape": list(r.shape), "values": [float(f"{x:.7g}") for x in r.reshape(-1)]} for r in results
        ]
    FILE.write_text(json.dumps(written).replace('], "', '],\n"').replace("}, {", "},\n{") + "\n")


if __name__ == "__main__":
    main()
