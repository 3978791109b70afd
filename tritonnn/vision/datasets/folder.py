"""Folders as classes, and the files in them as samples."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tritonnn.vision.datasets._items import Separate, numbered
from tritonnn.vision.datasets._named import open_image

__all__ = [
    "IMG_EXTENSIONS", "DatasetFolder", "ImageFolder", "default_loader", "find_classes", "has_file_allowed_extension",
    "is_image_file", "make_dataset", "pil_loader",
]  # fmt: skip

AnyPath = str | os.PathLike[str]
Function = Callable[..., Any]
IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def has_file_allowed_extension(filename: str, extensions: str | tuple[str, ...]) -> bool:
    """Whether a name ends with one of the extensions, which are lower-case, whatever its own case is.

    >>> has_file_allowed_extension("A.JPG", (".jpg", ".png"))
    True
    """
    return filename.lower().endswith(extensions if isinstance(extensions, str) else tuple(extensions))


def is_image_file(filename: str) -> bool:
    """Whether a name ends as those of pictures do."""
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(directory: AnyPath) -> tuple[list[str], dict[str, int]]:
    """The names of the folders in a folder, sorted, and the number of each.

    Raises FileNotFoundError where there are none.
    """
    with os.scandir(directory) as entries:
        classes = sorted(entry.name for entry in entries if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
    return classes, numbered(classes)


def _validity(
    extensions: str | tuple[str, ...] | None, is_valid_file: Callable[[str], bool] | None
) -> Callable[[str], bool]:
    """Which paths are samples."""
    if (extensions is None) == (is_valid_file is None):
        raise ValueError("Both extensions and is_valid_file cannot be None or not None at the same time")
    if is_valid_file is not None:
        return is_valid_file
    assert extensions is not None
    return lambda path: has_file_allowed_extension(path, extensions)


def make_dataset(
    directory: AnyPath,
    class_to_idx: dict[str, int] | None = None,
    extensions: str | tuple[str, ...] | None = None,
    is_valid_file: Callable[[str], bool] | None = None,
    allow_empty: bool = False,
) -> list[tuple[str, int]]:
    """The files below each class's folder, with the class's number.

    Args:
        directory: where the folders are.
        class_to_idx: the number of each; None: what `find_classes` says.
        extensions: how names of samples end; or
        is_valid_file: whether a path is a sample's. One of the two.
        allow_empty: a class without any file is none the worse.

    Raises:
        FileNotFoundError: a class without any file.
        ValueError: both or neither of `extensions` and `is_valid_file`; no classes.
    """
    directory = os.path.expanduser(directory)
    if class_to_idx is None:
        _, class_to_idx = find_classes(directory)
    elif not class_to_idx:
        raise ValueError("'class_to_index' must have at least one entry to collect any samples.")
    valid = _validity(extensions, is_valid_file)
    samples: list[tuple[str, int]] = []
    empty = []
    for name in sorted(class_to_idx):
        before = len(samples)
        for folder, _, files in sorted(os.walk(os.path.join(directory, name), followlinks=True)):
            paths = (os.path.join(folder, file) for file in sorted(files))
            samples += [(path, class_to_idx[name]) for path in paths if valid(path)]
        if len(samples) == before:
            empty.append(name)
    if empty and not allow_empty:
        known = (
            "" if extensions is None else extensions if isinstance(extensions, str) else ", ".join(extensions)
        )
        raise FileNotFoundError(
            f"Found no valid file for the classes {', '.join(empty)} in {directory}."
            + (f" Supported extensions are: {known}" if known else "")
        )
    return samples


class DatasetFolder(Separate):
    """A folder with one folder for each class, in which the samples are, at any depth.

    Args:
        root: the folder.
        loader: reads a sample, given its path.
        extensions: how names of samples end; or
        transform: a function of the sample.
        target_transform: a function of the class's number.
        is_valid_file: whether a path is a sample's. One of this and `extensions`.
        allow_empty: a class without any file is none the worse; else FileNotFoundError.

    `classes` are the names, sorted; `class_to_idx` their numbers; `samples` pairs of path and number; `targets` the
    numbers. A subclass may define `find_classes` and `make_dataset` in its own way.
    """

    def __init__(
        self,
        root: AnyPath,
        loader: Callable[[str], Any],
        extensions: tuple[str, ...] | None = None,
        transform: Function | None = None,
        target_transform: Function | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        classes, class_to_idx = self.find_classes(self.root)
        self.samples = self.make_dataset(
            self.root,
            class_to_idx=class_to_idx,
            extensions=extensions,
            is_valid_file=is_valid_file,
            allow_empty=allow_empty,
        )
        self.loader = loader
        self.extensions = extensions
        self.classes: Any = classes
        self.class_to_idx: Any = class_to_idx
        self.targets = [label for _, label in self.samples]

    @staticmethod
    def make_dataset(
        directory: AnyPath,
        class_to_idx: dict[str, int],
        extensions: tuple[str, ...] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> list[tuple[str, int]]:
        """The samples; `torchvision.datasets.folder.make_dataset` says how."""
        if (
            class_to_idx is None
        ):  # there it means that function's idea of classes, which may not be the subclass's
            raise ValueError("The class_to_idx parameter cannot be None.")
        return make_dataset(directory, class_to_idx, extensions, is_valid_file, allow_empty)

    def find_classes(self, directory: AnyPath) -> tuple[list[str], dict[str, int]]:
        """The classes' names, and the number of each."""
        return find_classes(directory)

    def _item(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        return self.loader(path), target

    def __len__(self) -> int:
        return len(self.samples)


def pil_loader(path: AnyPath) -> Any:
    """The picture of a file, in RGB."""
    return open_image(path, "RGB")


def default_loader(path: AnyPath) -> Any:
    """The picture of a file, in RGB, read by Pillow."""
    return pil_loader(path)


class ImageFolder(DatasetFolder):
    """A folder with one folder for each class, in which the pictures are, at any depth.

    Args:
        root: the folder.
        transform: a function of the picture.
        target_transform: a function of the class's number.
        loader: reads a picture, given its path.
        is_valid_file: whether a path is a picture's; None: where the name ends as pictures' names do.
        allow_empty: a class without any file is none the worse; else FileNotFoundError.

    `imgs` is another name of `samples`.

    >>> import os, tempfile
    >>> from PIL import Image
    >>> from tritonnn.vision.datasets import ImageFolder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat", "dog"):
    ...         os.mkdir(os.path.join(folder, name))
    ...         Image.new("RGB", (4, 3)).save(os.path.join(folder, name, "1.png"))
    ...     animals = ImageFolder(folder)
    ...     animals.classes, animals[1]
    (['cat', 'dog'], (<PIL.Image.Image image mode=RGB size=4x3...>, 1))
    """

    def __init__(
        self,
        root: AnyPath,
        transform: Function | None = None,
        target_transform: Function | None = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(
            root,
            loader,
            IMG_EXTENSIONS if is_valid_file is None else None,
            transform=transform,
            target_transform=target_transform,
            is_valid_file=is_valid_file,
            allow_empty=allow_empty,
        )
        self.imgs = self.samples
