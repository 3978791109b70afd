"""Targets of datasets as the tensors that transforms.v2 knows how to change: boxes, masks, videos."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable
from copy import copy
from typing import Any, TypeAlias, TypeVar

from numpy.typing import ArrayLike

import tritonnn as torch
from tritonnn.vision import datasets, tv_tensors
from tritonnn.vision._types import PILImage
from tritonnn.vision.datasets import _masks
from tritonnn.vision.transforms.v2 import functional

__all__ = ["WRAPPER_FACTORIES", "VisionDatasetTVTensorWrapper", "wrap_dataset_for_transforms_v2"]

Keys: TypeAlias = Collection[str] | str | None
Factory = TypeVar("Factory", bound=Callable)
Wrapper = Callable[[int, Any], Any]
_WITH_KEYS = (datasets.CocoDetection, datasets.VOCDetection, datasets.Kitti, datasets.WIDERFace)
_VOC = (
    "__background__", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
_KITTI = ["Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc", "DontCare"]


def wrap_dataset_for_transforms_v2(dataset: datasets.VisionDataset, target_keys: Keys = None) -> Any:
    """A dataset of this package whose items are what transforms.v2 works on.

    Args:
        dataset: is still of its class; its transforms change the wrapped items from now on.
        target_keys: of CocoDetection, VOCDetection, Kitti and WIDERFace: which entries targets have; "all"; or None,
            for those that models are trained with.

    Raises:
        TypeError: no dataset of pictures, or one that there is no such form for.
        ValueError: other keys.
        RuntimeError: a kind of target that there is no such form for.
    """
    strings = isinstance(target_keys, Collection) and all(isinstance(key, str) for key in target_keys)
    if not (target_keys is None or target_keys == "all" or (strings and not isinstance(target_keys, str))):
        raise ValueError(
            "`target_keys` can be None, 'all', or a collection of strings denoting the keys to be returned, "
            f"but got {target_keys}"
        )
    bases = (VisionDatasetTVTensorWrapper, type(dataset))
    return type(f"Wrapped{type(dataset).__name__}", bases, {})(dataset, target_keys)


class _Factories(dict[type, Callable[[Any, Any], Wrapper]]):
    """By the dataset's class: what makes, of a dataset and keys, the function that wraps an item."""

    def register(self, *classes: type) -> Callable[[Factory], Factory]:
        def decorator(factory: Factory) -> Factory:
            self.update(dict.fromkeys(classes, factory))
            return factory

        return decorator


WRAPPER_FACTORIES = _Factories()


def _factory(dataset: object, target_keys: Keys) -> Callable[[Any, Any], Wrapper]:
    """What is registered for the nearest class of a dataset."""
    cls = type(dataset)
    if not isinstance(dataset, datasets.VisionDataset):
        raise TypeError(
            f"This wrapper is meant for subclasses of `torchvision.datasets.VisionDataset`, but got a '{cls.__name__}' "
            "instead."
        )
    for base in cls.mro():
        if base in WRAPPER_FACTORIES:
            if target_keys is not None and base not in _WITH_KEYS:
                names = "`CocoDetection`, `VOCDetection`, `Kitti`, and `WIDERFace`"
                raise ValueError(
                    f"`target_keys` is currently only supported for {names}, but got {base.__name__}."
                )
            return WRAPPER_FACTORIES[base]
    raise TypeError(f"No wrapper exists for dataset class {cls.__name__}. Please wrap the output yourself.")


class VisionDatasetTVTensorWrapper:
    """Asks a dataset without its transforms, wraps what it gives, and then transforms."""

    def __init__(self, dataset: Any, target_keys: Keys) -> None:
        factory = _factory(dataset, target_keys)
        self._dataset = dataset
        self._target_keys = target_keys
        self._wrapper = factory(dataset, target_keys)
        self.transform, dataset.transform = dataset.transform, None
        self.target_transform, dataset.target_transform = dataset.target_transform, None
        self.transforms, dataset.transforms = dataset.transforms, None

    def __getattr__(self, item: str) -> Any:
        if item == "_dataset":  # not there yet
            raise AttributeError(item)
        with contextlib.suppress(AttributeError):
            return object.__getattribute__(self, item)
        return getattr(self._dataset, item)

    def __getitem__(self, idx: int) -> Any:
        sample = self._wrapper(idx, self._dataset[idx])
        return sample if self.transforms is None else self.transforms(*sample)

    def __len__(self) -> int:
        return len(self._dataset)

    def __reduce__(self) -> Any:
        dataset = copy(self._dataset)
        dataset.transform = self.transform
        dataset.transforms = self.transforms
        dataset.target_transform = self.target_transform
        return wrap_dataset_for_transforms_v2, (dataset, self._target_keys)


def _unsupported(what: str) -> RuntimeError:
    return RuntimeError(
        f"{what} is currently not supported by this wrapper: there is no tensor of such a kind."
    )


def _keys(target_keys: Keys, available: str, default: str) -> set[str]:
    """The keys that are asked for; names are separated by blanks."""
    known = set(available.split())
    if target_keys is None:
        return set(default.split())
    if target_keys == "all":
        return known
    if unknown := set(target_keys) - known:
        raise ValueError(f"Target keys {sorted(unknown)} are not available")
    return set(target_keys)


def _columns(rows: Iterable[dict[str, Any]]) -> dict[str, list[Any]]:
    """A dict of lists out of a list of dicts."""
    columns: dict[str, list[Any]] = {}
    for row in rows:
        for key, value in row.items():
            columns.setdefault(key, []).append(value)
    return columns


def _corners(boxes: ArrayLike | torch.Tensor, canvas_size: tuple[int, int]) -> torch.Tensor:
    """Boxes of a corner, width and height by both their corners."""
    form = tv_tensors.BoundingBoxFormat
    given = tv_tensors.BoundingBoxes(boxes, format=form.XYWH, canvas_size=canvas_size)
    return functional.convert_bounding_box_format(given, new_format=form.XYXY)


def _boxes(boxes: ArrayLike | torch.Tensor, image: PILImage) -> tv_tensors.BoundingBoxes:
    """Boxes by their corners, in a picture of Pillow's."""
    form = tv_tensors.BoundingBoxFormat.XYXY
    return tv_tensors.BoundingBoxes(boxes, format=form, canvas_size=(image.height, image.width))


def _by_type(target: object, types: Iterable[str], wrappers: dict[str, Callable[[Any], Any]]) -> Any:
    """A target, or each of several, by what wraps its type."""
    several = target if isinstance(target, (tuple, list)) else [target]
    wrapped = tuple(wrappers.get(kind, lambda item: item)(item) for kind, item in zip(types, several))
    return wrapped[0] if len(wrapped) == 1 else wrapped


@WRAPPER_FACTORIES.register(
    datasets.Caltech256, datasets.CIFAR10, datasets.CIFAR100, datasets.ImageNet, datasets.MNIST, datasets.FashionMNIST,
    datasets.GTSRB, datasets.DatasetFolder, datasets.ImageFolder, datasets.Imagenette, datasets.CocoCaptions,
)  # fmt: skip
def _as_it_is(dataset: object, target_keys: object) -> Wrapper:
    return lambda idx, sample: sample


@WRAPPER_FACTORIES.register(datasets.VOCSegmentation)
def _segmentation(dataset: object, target_keys: object) -> Wrapper:
    return lambda idx, sample: (sample[0], tv_tensors.Mask(sample[1]))


@WRAPPER_FACTORIES.register(datasets.SBDataset)
def _sbd(dataset: datasets.SBDataset, target_keys: object) -> Wrapper:
    if dataset.mode == "boundaries":
        raise _unsupported("SBDataset with mode='boundaries'")
    return _segmentation(dataset, target_keys)


@WRAPPER_FACTORIES.register(datasets.HMDB51, datasets.Kinetics, datasets.UCF101)
def _videos(dataset: datasets.HMDB51 | datasets.Kinetics | datasets.UCF101, target_keys: object) -> Wrapper:
    if dataset.video_clips.output_format == "THWC":
        raise RuntimeError(
            f"{type(dataset).__name__} with `output_format='THWC'` is not supported by this wrapper, since it is not "
            "compatible with the transformations. Please use `output_format='TCHW'` instead."
        )
    return lambda idx, sample: (tv_tensors.Video(sample[0]), *sample[1:])


@WRAPPER_FACTORIES.register(datasets.Caltech101)
def _caltech101(dataset: datasets.Caltech101, target_keys: object) -> Wrapper:
    if "annotation" in dataset.target_type:
        raise _unsupported("Caltech101 dataset with `target_type=['annotation', ...]`")
    return _as_it_is(dataset, target_keys)


@WRAPPER_FACTORIES.register(datasets.CocoDetection)
def _coco(dataset: datasets.CocoDetection, target_keys: Keys) -> Wrapper:
    native = "segmentation area iscrowd image_id bbox category_id"
    keys = _keys(target_keys, f"{native} boxes masks labels", "image_id boxes labels")

    def wrapper(idx: int, sample: tuple[PILImage, Any]) -> Any:
        image, annotations = sample
        image_id = dataset.ids[idx]
        if not annotations:
            return image, {"image_id": image_id}
        height, width = functional.get_size(image)
        columns = _columns(annotations)
        made: dict[str, Callable[[], Any]] = {
            "image_id": lambda: image_id,
            "boxes": lambda: _corners(columns["bbox"], (height, width)),
            "masks": lambda: tv_tensors.Mask(
                torch.stack(
                    [torch.from_numpy(_masks.mask_of(s, height, width)) for s in columns["segmentation"]]
                )
            ),
            "labels": lambda: torch.tensor(columns["category_id"]),
        }
        return image, {key: made[key]() if key in made else columns[key] for key in keys}

    return wrapper


@WRAPPER_FACTORIES.register(datasets.VOCDetection)
def _voc(dataset: object, target_keys: Keys) -> Wrapper:
    keys = _keys(target_keys, "annotation boxes labels", "boxes labels")

    def wrapper(idx: int, sample: tuple[PILImage, Any]) -> Any:
        image, target = sample
        columns = _columns(target["annotation"]["object"])
        target = dict(target) if "annotation" in keys else {}
        if "boxes" in keys:
            corners = ("xmin", "ymin", "xmax", "ymax")
            rows = [[int(box[corner]) for corner in corners] for box in columns["bndbox"]]
            target["boxes"] = _boxes(rows, image)
        if "labels" in keys:
            target["labels"] = torch.tensor([_VOC.index(name) for name in columns["name"]])
        return image, target

    return wrapper


@WRAPPER_FACTORIES.register(datasets.CelebA)
def _celeba(dataset: datasets.CelebA, target_keys: object) -> Wrapper:
    if {"attr", "landmarks"} & set(dataset.target_type):
        raise _unsupported("`CelebA` dataset with `target_type=['attr', 'landmarks', ...]`")

    def wrapper(idx: int, sample: tuple[PILImage, Any]) -> Any:
        image, target = sample
        size = image.height, image.width
        return image, _by_type(target, dataset.target_type, {"bbox": lambda box: _corners(box, size)})

    return wrapper


@WRAPPER_FACTORIES.register(datasets.Kitti)
def _kitti(dataset: object, target_keys: Keys) -> Wrapper:
    native = "type truncated occluded alpha bbox dimensions location rotation_y"
    keys = _keys(target_keys, f"{native} boxes labels", "boxes labels")

    def wrapper(idx: int, sample: tuple[PILImage, Any]) -> Any:
        image, objects = sample
        if objects is None:
            return image, None
        columns = _columns(objects)
        target: dict[str, Any] = {}
        for key in keys:
            if key == "boxes":
                target[key] = _boxes(columns["bbox"], image)
            elif key == "labels":
                target[key] = torch.tensor([_KITTI.index(kind) for kind in columns["type"]])
            else:
                target[key] = columns[key]
        return image, target

    return wrapper


@WRAPPER_FACTORIES.register(datasets.OxfordIIITPet)
def _pets(dataset: datasets.OxfordIIITPet, target_keys: object) -> Wrapper:
    wrappers: dict[str, Callable[[Any], Any]] = {"segmentation": tv_tensors.Mask}

    def wrapper(idx: int, sample: tuple[PILImage, Any]) -> Any:
        image, target = sample
        return image, None if target is None else _by_type(target, dataset._target_types, wrappers)

    return wrapper


def _instances(picture: PILImage) -> dict[str, Any]:
    """Masks of the instances in a picture of Cityscapes, and their classes: above 1000 it is class and number."""
    data = tv_tensors.Mask(picture).as_subclass(torch.Tensor)
    data = data.to(torch.int32) if data.dtype == torch.uint16 else data  # as comparing needs it
    found = data.unique()
    masks = torch.stack([data == value for value in found])
    labels = torch.where(found >= 1_000, torch.div(found, 1_000, rounding_mode="floor"), found)
    return {"masks": tv_tensors.Mask(masks), "labels": labels}


@WRAPPER_FACTORIES.register(datasets.Cityscapes)
def _cityscapes(dataset: datasets.Cityscapes, target_keys: object) -> Wrapper:
    if {"polygon", "color"} & set(dataset.target_type):
        raise _unsupported("`Cityscapes` dataset with `target_type=['polygon', 'color', ...]`")
    wrappers: dict[str, Callable[[Any], Any]] = {"instance": _instances, "semantic": tv_tensors.Mask}
    return lambda idx, sample: (sample[0], _by_type(sample[1], dataset.target_type, wrappers))


@WRAPPER_FACTORIES.register(datasets.WIDERFace)
def _widerface(dataset: object, target_keys: Keys) -> Wrapper:
    available = "bbox blur expression illumination occlusion pose invalid"
    keys = _keys(target_keys, available, available)

    def wrapper(idx: int, sample: tuple[PILImage, Any]) -> Any:
        image, target = sample
        if target is None:
            return image, None
        size = image.height, image.width
        return image, {key: _corners(target[key], size) if key == "bbox" else target[key] for key in keys}

    return wrapper
