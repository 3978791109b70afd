"""Functions on boxes, losses, pyramids and poolers beside torchvision's."""

from __future__ import annotations

import importlib
import importlib.util
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch as reference
from reference_vision import torchvision
from vision_signatures import differences

import tritonnn as torch

MODULES = (
    "boxes", "_box_convert", "_utils", "ciou_loss", "diou_loss", "giou_loss", "focal_loss", "roi_align", "roi_pool",
    "ps_roi_align", "ps_roi_pool", "deform_conv", "feature_pyramid_network", "poolers",
)  # fmt: skip
# the form of roi_align for PyTorch's compiler, whose kernels are not the same from run to run; ours are
NOT_HERE = {"lazy_compile": "missing", "maybe_cast": "missing"}
PLACES = {reference: "torchvision.ops", torch: "tritonnn.vision.ops"}


def module(library: Any, name: str) -> Any:
    return importlib.import_module(f"{PLACES[library]}.{name}")


def ops(library: Any) -> Any:
    return importlib.import_module(PLACES[library])


@pytest.mark.parametrize("name", MODULES)
def test_signatures(name):
    found = differences(module(torch, name), module(reference, name))
    assert found == (NOT_HERE if name == "roi_align" else {})


def test_public_names():
    assert sorted(ops(torch).__all__) == sorted(ops(reference).__all__)


def test_operators_have_the_schemas_of_torchvision():
    for name in ("nms", "roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "deform_conv2d"):
        schema = getattr(reference.ops.torchvision, name).default._schema
        assert getattr(torch.ops.torchvision, name).default._op.op.names == tuple(
            argument.name for argument in schema.arguments
        )


# ---- functions of arrays ------------------------------------------------------------------------------------


def _boxes(seed: int, *shape: int, kind: Any = np.float32) -> np.ndarray:
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, 20, (*shape, 2)), rng.uniform(0.5, 12, (*shape, 2))
    return np.concatenate([corner, corner + size], -1).astype(kind)


def _rotated(columns: int, kind: Any = np.float32) -> np.ndarray:
    return np.random.default_rng(5).uniform(1, 30, (2, 3, columns)).astype(kind)


A, B, MANY = _boxes(0, 5), _boxes(1, 5), _boxes(2, 2, 4)
A64, INTS = A.astype(np.float64), _boxes(3, 6, kind=np.int64)
HALF = A.astype(np.float16)
SCORES = np.random.default_rng(4).normal(size=(3, 7)).astype(np.float32)
TARGETS = (np.random.default_rng(5).uniform(size=(3, 7)) > 0.5).astype(np.float32)
MASKS = np.zeros((4, 6, 7), np.int64)
MASKS[0, 2:4, 1:6] = MASKS[1, 5, 6] = MASKS[3, :, 0] = 3
ALIGNED, TURNED = ("xyxy", "xywh", "cxcywh"), {"xywhr": 5, "cxcywhr": 5, "xyxyxyxy": 8}
LOSSES = ("generalized_box_iou_loss", "distance_box_iou_loss", "complete_box_iou_loss")

CALLS: dict[str, tuple] = {
    **{f"convert {a} {b}": ("box_convert", A, a, b) for a in ALIGNED for b in ALIGNED},
    **{f"convert whole {a} {b}": ("box_convert", INTS, a, b) for a in ALIGNED for b in ALIGNED if "c" not in b},
    **{f"convert {a} {b}": ("box_convert", _rotated(n), a, b) for a, n in TURNED.items() for b in TURNED},
    "convert whole rotated": ("box_convert", _rotated(5, np.int64), "cxcywhr", "xywhr"),
    "convert whole corners": ("box_convert", _rotated(8, np.int32), "xyxyxyxy", "cxcywhr"),
    **{f"area {fmt}": ("box_area", MANY, fmt) for fmt in ALIGNED},
    "area half": ("box_area", HALF), "area whole": ("box_area", INTS.astype(np.int16)),
    **{f"iou {fmt}": ("box_iou", A, B, fmt) for fmt in ALIGNED},
    "iou batches": ("box_iou", MANY, _boxes(6, 2, 3)), "iou float64": ("box_iou", A64, B.astype(np.float64)),
    "iou whole": ("box_iou", INTS, INTS[:2]), "iou half": ("box_iou", HALF, HALF[:3]),
    "iou none": ("box_iou", A, B[:0]),
    **{f"{name} {k}": (name, *pair) for name in ("generalized_box_iou", "distance_box_iou", "complete_box_iou")
       for k, pair in enumerate([(A, B), (MANY, MANY), (HALF, HALF), (INTS, INTS)])},
    **{f"{loss} {how}": (loss, A, B, how) for loss in LOSSES for how in ("none", "mean", "sum")},
    **{f"{loss} one": (loss, A[0], B[0]) for loss in LOSSES},
    **{f"{loss} of none": (loss, A[:0], B[:0], "mean") for loss in LOSSES},
    **{f"{loss} half": (loss, HALF, B.astype(np.float16)) for loss in LOSSES},
    "focal": ("sigmoid_focal_loss", SCORES, TARGETS),
    "focal mean": ("sigmoid_focal_loss", SCORES, TARGETS, -1, 1.5, "mean"),
    "focal sum": ("sigmoid_focal_loss", SCORES, TARGETS, 0.5, 0, "sum"),
    "clip": ("clip_boxes_to_image", A, (15, 12)), "clip batches": ("clip_boxes_to_image", MANY, (9, 30)),
    "clip whole": ("clip_boxes_to_image", INTS, (15, 12)), "small": ("remove_small_boxes", A, 5.0),
    "masks": ("masks_to_boxes", MASKS), "masks of truth": ("masks_to_boxes", MASKS > 0),
    "masks of none": ("masks_to_boxes", MASKS[:0]),
}  # fmt: skip


def _outcome(library: Any, call: tuple) -> list[np.ndarray]:
    """A result, and the gradients of what it is made of where there are any."""
    name, *args = call
    given = [library.from_numpy(a.copy()) if isinstance(a, np.ndarray) else a for a in args]
    tensors = [t for t in given if isinstance(t, library.Tensor) and t.is_floating_point()]
    for t in tensors:
        t.requires_grad_()
    result = getattr(ops(library), name)(*given)
    found = [result.detach().numpy()]
    if result.requires_grad:
        weights = np.linspace(1, 2, result.numel(), dtype=np.float32).reshape(tuple(result.shape))
        (result.to(library.float32) * library.from_numpy(weights)).sum().backward()
        found += [t.grad.numpy() for t in tensors if t.grad is not None]
    return found


@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients(name):
    got, wanted = _outcome(torch, CALLS[name]), _outcome(reference, CALLS[name])
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        room = 2e-3 if b.dtype == np.float16 else 1e-5
        np.testing.assert_allclose(a, b, rtol=room, atol=room * (np.abs(b).max() if b.size else 1))


BAD: dict[str, tuple] = {
    "convert": ("box_convert", A, "xyxy", "other"), "convert rotated": ("box_convert", A, "xyxy", "xywhr"),
    "area": ("box_area", A, "cxcywhr"), "iou": ("box_iou", A, A, "other"),
    **{loss: (loss, A, B, "other") for loss in LOSSES},
    "focal alpha": ("sigmoid_focal_loss", SCORES, TARGETS, 1.5),
    "focal reduction": ("sigmoid_focal_loss", SCORES, TARGETS, 0.5, 2, "other"),
    "align": ("roi_align", np.zeros((1, 1, 4, 4), np.float32), A, 2),
    "align list": ("roi_align", np.zeros((1, 1, 4, 4), np.float32), [], 2),
    "align word": ("roi_align", np.zeros((1, 1, 4, 4), np.float32), "a", 2),
    "offsets": ("deform_conv2d", np.zeros((1, 1, 4, 4), np.float32), np.zeros((1, 3, 2, 2), np.float32),
                np.zeros((1, 1, 3, 3), np.float32)),
    "pyramid": ("FeaturePyramidNetwork", [0, 2], 4), "pyramid blocks": ("FeaturePyramidNetwork", [2], 4, object()),
    "layer": ("DeformConv2d", 3, 4, 3, 1, 0, 1, 2), "layer outputs": ("DeformConv2d", 4, 3, 3, 1, 0, 1, 2),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_refusals(name):
    kinds = []
    for library in (reference, torch):
        with pytest.raises(Exception) as caught:
            _outcome(library, BAD[name])
        kinds.append(caught.type)
    assert issubclass(kinds[1], kinds[0])


# ---- roi_align in torchvision's own Python ------------------------------------------------------------------


def _python_roi_align() -> Any:
    """torchvision's own, uncompiled, from a second copy of its module: the first one's is exchanged for other tests."""
    file = module(reference, "roi_align").__file__
    spec = importlib.util.spec_from_file_location("torchvision.ops.roi_align_as_it_is", file)
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy._roi_align.__wrapped__


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("ratio", [-1, 2])
def test_roi_align_in_python(aligned, ratio):
    rng = np.random.default_rng(8)
    image = rng.normal(size=(2, 3, 9, 8)).astype(np.float32)
    rois = np.concatenate([rng.integers(0, 2, (6, 1)), _boxes(9, 6) / 3], 1).astype(np.float32)
    plain = _python_roi_align()
    found = []
    for library, call in (
        (reference, lambda x, r: plain(x, r, 0.7, 3, 2, ratio, aligned)),
        (torch, lambda x, r: ops(torch).roi_align(x, r, (3, 2), 0.7, ratio, aligned)),
    ):
        x = library.from_numpy(image.copy()).requires_grad_()
        result = call(x, library.from_numpy(rois))
        (result * result).sum().backward()
        found.append((result.detach().numpy(), x.grad.numpy()))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5)


def test_lists_of_boxes_are_regions():
    image, parts = torch.rand(2, 4, 6, 6), [torch.rand(3, 4) * 3, torch.rand(2, 4) * 3]
    rois = torch.cat([torch.tensor([[0.0]] * 3 + [[1.0]] * 2), torch.cat(parts)], 1)
    for name in ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool"):
        function = getattr(ops(torch), name)
        assert torch.equal(function(image, parts, 2).nan_to_num(), function(image, rois, (2, 2)).nan_to_num())


# ---- layers -------------------------------------------------------------------------------------------------


def _maps(library: Any) -> Any:
    rng = np.random.default_rng(10)
    sizes = {"a": (2, 3, 16, 12), "b": (2, 5, 8, 6), "c": (2, 4, 4, 3)}
    return OrderedDict(
        (k, library.from_numpy(rng.normal(size=s).astype(np.float32))) for k, s in sizes.items()
    )


PYRAMIDS = {
    "plain": lambda o, f, nn: o.FeaturePyramidNetwork([3, 5, 4], 6),
    "norm": lambda o, f, nn: o.FeaturePyramidNetwork([3, 5, 4], 6, norm_layer=nn.BatchNorm2d),
    "pool": lambda o, f, nn: o.FeaturePyramidNetwork([3, 5, 4], 6, f.LastLevelMaxPool()),
    "p6p7": lambda o, f, nn: o.FeaturePyramidNetwork([3, 5, 4], 6, f.LastLevelP6P7(4, 6)),
    "p6p7 of the pyramid": lambda o, f, nn: o.FeaturePyramidNetwork([3, 5, 4], 6, f.LastLevelP6P7(6, 6)),
}


@pytest.mark.parametrize("name", PYRAMIDS)
def test_pyramids(name):
    def made(library: Any) -> Any:
        return PYRAMIDS[name](ops(library), module(library, "feature_pyramid_network"), library.nn)

    theirs, ours = made(reference), made(torch)
    state = {key: torch.from_numpy(value.numpy().copy()) for key, value in theirs.state_dict().items()}
    ours.load_state_dict(state)
    got, wanted = ours(_maps(torch)), theirs(_maps(reference))
    assert list(got) == list(wanted)
    for key, value in wanted.items():
        np.testing.assert_allclose(got[key].detach().numpy(), value.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_pyramids_of_the_first_version_load():
    ours = ops(torch).FeaturePyramidNetwork([3, 5], 6)
    old = {
        key.replace(".0.weight", ".weight").replace(".0.bias", ".bias"): v
        for key, v in ours.state_dict().items()
    }
    assert set(old) != set(ours.state_dict())
    ops(torch).FeaturePyramidNetwork([3, 5], 6).load_state_dict(dict(old))


def test_levels_and_scales():
    boxes = np.concatenate([_boxes(11, 40) * 20, [[0, 0, 224, 224], [0, 0, 112, 112], [3, 3, 3, 3]]]).astype(
        np.float32
    )
    parts = {library: library.from_numpy(boxes) for library in (reference, torch)}
    found = [module(lib, "poolers").LevelMapper(2, 5)([p[:20], p[20:]]).numpy() for lib, p in parts.items()]
    np.testing.assert_array_equal(*found)
    for library in (reference, torch):
        setup = module(library, "poolers")._setup_scales
        scales, mapper = setup(list(_maps(library).values()), [(64, 40), (60, 48)], 224, 4)
        assert (scales, mapper.k_min, mapper.k_max) == ([0.25, 0.125, 0.0625], 2, 4)


def test_a_pooler_takes_each_box_from_its_map():
    boxes = [torch.from_numpy(_boxes(12, 7) * 8), torch.from_numpy(_boxes(13, 3) * 20)]
    maps = {k: v[:, :3] for k, v in _maps(torch).items()}
    pooler = ops(torch).MultiScaleRoIAlign(["a", "b", "c"], 3, 2, canonical_scale=60, canonical_level=3)
    result = pooler(maps, boxes, [(64, 48), (64, 48)])
    levels = pooler.map_levels(boxes).tolist()
    assert len(set(levels)) == 3
    rois = ops(torch)._utils.convert_boxes_to_roi_format(boxes)
    for k, level in enumerate(levels):
        feature = maps["abc"[level]]
        wanted = ops(torch).roi_align(feature, rois[k : k + 1], 3, pooler.scales[level], 2)
        np.testing.assert_array_equal(result[k].numpy(), wanted[0].numpy())


@pytest.mark.parametrize(
    ("name", "args", "keywords"),
    [
        ("RoIAlign", ((7, 7), 0.25, 2), {"aligned": True}), ("RoIPool", (7, 0.25), {}), ("PSRoIAlign", (3, 0.5, 2), {}),
        ("PSRoIPool", (3, 0.5), {}),
        ("DeformConv2d", (4, 6, 3), {"padding": 1, "dilation": 2, "groups": 2, "bias": False}),
        ("DeformConv2d", (4, 6, (3, 1)), {"stride": 2}), ("MultiScaleRoIAlign", (["0", "1"], [7, 5], 2), {}),
    ],
)  # fmt: skip
def test_layers_say_what_they_are(name, args, keywords):
    layers = [getattr(ops(library), name)(*args, **keywords) for library in (torch, reference)]
    assert repr(layers[0]) == repr(layers[1])
    shapes = [{key: tuple(v.shape) for key, v in layer.state_dict().items()} for layer in layers]
    assert shapes[0] == shapes[1]


def test_parameters_of_normalisations_are_split():
    def parts(library: Any) -> Any:
        nn = library.nn
        net = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 2))
        )
        split = ops(library)._utils.split_normalization_params
        found = [[tuple(p.shape) for p in part] for part in split(net)]
        with pytest.raises(ValueError, match="is not a subclass of nn"):
            split(net, [int])
        return found

    assert parts(torch) == parts(reference)


def test_the_operators_are_there():
    assert torchvision.extension is not None and torch.vision.extension._has_ops()
