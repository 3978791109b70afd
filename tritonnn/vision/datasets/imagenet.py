"""ImageNet of 2012: three archives, which everybody has to get for themselves, become folders of classes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tritonnn as torch
from tritonnn.vision.datasets._checks import trouble
from tritonnn.vision.datasets._extras import extra
from tritonnn.vision.datasets._items import lines
from tritonnn.vision.datasets.folder import ImageFolder
from tritonnn.vision.datasets.utils import check_integrity, extract_archive, verify_str_arg

__all__ = ["ImageNet", "load_meta_file", "parse_devkit_archive", "parse_train_archive", "parse_val_archive"]

AnyPath = str | os.PathLike[str]
ARCHIVE_META = {
    "train": ("ILSVRC2012_img_train.tar", "1d675b47d978889d74fa0da5fadfb00e"),
    "val": ("ILSVRC2012_img_val.tar", "29b22e2961454d5413ddabcf34fc5622"),
    "devkit": ("ILSVRC2012_devkit_t12.tar.gz", "fa75699e90414af021442c21a62c3abf"),
}
META_FILE = "meta.bin"


class ImageNet(ImageFolder):
    """The classification set of ImageNet 2012, in `root/train` and `root/val`.

    Args:
        root: the folder. Where it has the archives `ILSVRC2012_devkit_t12.tar.gz`, `ILSVRC2012_img_train.tar` and
            `ILSVRC2012_img_val.tar` only, they are unpacked; SciPy reads the first.
        split: "train" or "val".
        kwargs: ImageFolder's other arguments.

    `wnids` are WordNet's names of the classes, `wnid_to_idx` their numbers; `classes` are tuples of words, and
    `class_to_idx` has the number of each word.
    """

    def __init__(self, root: AnyPath, split: str = "train", **kwargs: Any) -> None:
        root = self.root = os.path.expanduser(root)
        self.split = verify_str_arg(split, "split", ("train", "val"))
        self.parse_archives()
        words = load_meta_file(self.root)[0]
        super().__init__(self.split_folder, **kwargs)
        self.root = root
        self.wnids = self.classes
        self.wnid_to_idx = self.class_to_idx
        self.classes = [words[wnid] for wnid in self.wnids]
        self.class_to_idx = {word: i for i, synonyms in enumerate(self.classes) for word in synonyms}

    def parse_archives(self) -> None:
        """Unpack what is not there yet."""
        if not check_integrity(os.path.join(self.root, META_FILE)):
            parse_devkit_archive(self.root)
        if not os.path.isdir(self.split_folder):
            parse = parse_train_archive if self.split == "train" else parse_val_archive
            parse(self.root)

    @property
    def split_folder(self) -> str:
        """Where the split's classes are."""
        return os.path.join(self.root, self.split)

    def extra_repr(self) -> str:
        """The split."""
        return f"Split: {self.split}"


def load_meta_file(root: AnyPath, file: str | None = None) -> Any:
    """The words of each class by its name in WordNet, and the names of the validation pictures' classes in turn.

    Raises RuntimeError where the file, which ImageNet makes of the development kit, is missing.
    """
    path = os.path.join(root, file or META_FILE)
    if not check_integrity(path):
        raise RuntimeError(
            f"The meta file {path} is not present in the root directory or is corrupted. "
            "This file is automatically created by the ImageNet dataset."
        )
    return torch.load(path, weights_only=True)


def _verified(root: AnyPath, part: str, file: str | None) -> str:
    """The path of an archive that is what it should be."""
    name, md5 = ARCHIVE_META[part]
    path = os.path.join(root, file or name)
    if not check_integrity(path, md5):
        raise RuntimeError(
            f"The archive {file or name} is not present in the root directory or is corrupted: "
            f"{trouble([(path, md5)])}. You need to download it externally and place it in {root}."
        )
    return path


@contextmanager
def _becoming(folder: str) -> Iterator[str]:
    """A new folder, which gets the name when all is well, and else is gone."""
    parent = os.path.dirname(folder)
    new = tempfile.mkdtemp(prefix=".extracting-", dir=parent)
    try:
        yield new
        os.chmod(new, 0o755)
        try:
            os.rename(new, folder)
        except OSError:
            if not os.path.isdir(folder):  # else another process was quicker
                raise
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _synsets(path: str) -> tuple[dict[int, str], dict[str, tuple[str, ...]]]:
    """The classes of the development kit: WordNet's name by number, and the words by that name."""
    rows = extra("scipy.io", "torchvision.datasets.ImageNet").loadmat(path, squeeze_me=True)["synsets"]
    leaves = [tuple(row)[:3] for row in rows if row[4] == 0]  # others have kinds of their own below them
    names = {int(number): str(wnid) for number, wnid, _ in leaves}
    return names, {str(wnid): tuple(str(words).split(", ")) for _, wnid, words in leaves}


def parse_devkit_archive(root: AnyPath, file: str | None = None) -> None:
    """Make `meta.bin` of the development kit, an archive in `root`."""
    path = _verified(root, "devkit", file)
    with tempfile.TemporaryDirectory() as folder:
        extract_archive(path, folder)
        data = os.path.join(folder, "ILSVRC2012_devkit_t12", "data")
        names, words = _synsets(os.path.join(data, "meta.mat"))
        truth = lines(os.path.join(data, "ILSVRC2012_validation_ground_truth.txt"))
    target = os.path.join(root, META_FILE)
    part = f"{target}.{os.getpid()}.part"
    torch.save((words, [names[int(number)] for number in truth if number]), part)
    os.replace(part, target)


def parse_train_archive(root: AnyPath, file: str | None = None, folder: str = "train") -> None:
    """Unpack the training pictures, an archive of one archive for each class."""
    path = _verified(root, "train", file)
    with _becoming(os.path.join(root, folder)) as new:
        extract_archive(path, new)
        for name in sorted(os.listdir(new)):
            archive = os.path.join(new, name)
            extract_archive(archive, os.path.splitext(archive)[0], remove_finished=True)


def parse_val_archive(
    root: AnyPath, file: str | None = None, wnids: list[str] | None = None, folder: str = "val"
) -> None:
    """Unpack the validation pictures into a folder for each class.

    Args:
        root: where the archive is.
        file: its name, where it has another one.
        wnids: each picture's class, in the order of their names; None: what `meta.bin` says.
        folder: the name of the folder for the classes.
    """
    path = _verified(root, "val", file)
    wnids = load_meta_file(root)[1] if wnids is None else wnids
    with _becoming(os.path.join(root, folder)) as new:
        extract_archive(path, new)
        images = sorted(os.listdir(new))
        if len(images) != len(wnids):
            raise RuntimeError(f"{path} has {len(images)} pictures where {len(wnids)} classes are known")
        for wnid in set(wnids):
            os.mkdir(os.path.join(new, wnid))
        for wnid, image in zip(wnids, images):
            os.rename(os.path.join(new, image), os.path.join(new, wnid, image))
