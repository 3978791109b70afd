"""Animals, plants and fungi of thousands of species."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tritonnn.vision.datasets._items import Separate, only
from tritonnn.vision.datasets._named import open_image
from tritonnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg

__all__ = ["CATEGORIES_2021", "DATASET_MD5", "DATASET_URLS", "INaturalist"]

CATEGORIES_2021 = ["kingdom", "phylum", "class", "order", "family", "genus"]
_ARCHIVES = {
    "2017": ("2017/train_val_images", "7c784ea5e424efaec655bd392f87301f"),
    "2018": ("2018/train_val2018", "b1c6952ce38f31868cc50ea72d066cc3"),
    "2019": ("2019/train_val2019", "c60a6e2962c9b8ccbd458d12c8582644"),
    "2021_train": ("2021/train", "e0526d53c7f7b2e3167b2b43bb2690ed"),
    "2021_train_mini": ("2021/train_mini", "db6ed8330e634445efc8fec83ae81442"),
    "2021_valid": ("2021/val", "f6f6e0e242e3d4c9569ba56400938afc"),
}
_SITE = "https://ml-inat-competition-datasets.s3.amazonaws.com/"
DATASET_URLS = {version: f"{_SITE}{name}.tar.gz" for version, (name, _) in _ARCHIVES.items()}
DATASET_MD5 = {version: md5 for version, (_, md5) in _ARCHIVES.items()}


class INaturalist(Separate):
    """Pictures in `root/VERSION`, by species; from 2017 to 2019 by group and species.

    Args:
        root: the folder.
        version: "2017", "2018", "2019", "2021_train", "2021_train_mini" or "2021_valid".
        target_type: "full" (the species), and "kingdom", "phylum", "class", "order", "family", "genus" for 2021,
            "super" (the group) for the others; or a list: a tuple then.
        transform: a function of the picture, which is one of Pillow's.
        target_transform: a function of the target.
        download: fetch the archive and unpack it.
        loader: reads a picture, given its path; None: Pillow.

    Pictures are in the order of species and of names.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        version: str = "2021_train",
        target_type: list[str] | str = "full",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
        loader: Callable[..., Any] | None = None,
    ) -> None:
        self.version = verify_str_arg(version, "version", tuple(DATASET_URLS))
        root = os.path.join(os.path.expanduser(root), version)
        super().__init__(root, transform=transform, target_transform=target_transform)
        recent = version.startswith("2021")
        valid = ("full", *CATEGORIES_2021) if recent else ("full", "super")
        types = target_type if isinstance(target_type, list) else [target_type]
        self.target_type = [verify_str_arg(kind, "target_type", valid) for kind in types]
        if download:
            self.download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found or corrupted: {self.root} is missing or empty. "
                "You can use download=True to download it"
            )
        self.all_categories: list[str] = []
        self.categories_index: dict[str, dict[str, int]] = {}
        self.categories_map: list[dict[str, int]] = []
        if recent:
            self._init_2021()
        else:
            self._init_pre2021()
        self.index = [
            (number, name)
            for number, folder in enumerate(self.all_categories)
            for name in sorted(os.listdir(os.path.join(self.root, folder)))
        ]
        self.loader = loader

    def _init_2021(self) -> None:
        """Folders are named by number, the six ranks above the species, and its name."""
        self.all_categories = sorted(os.listdir(self.root))
        self.categories_index = {rank: {} for rank in CATEGORIES_2021}
        for number, folder in enumerate(self.all_categories):
            pieces = folder.split("_")
            if len(pieces) != 8:
                raise RuntimeError(f"{self.root}: Unexpected category name {folder}, wrong number of pieces")
            if pieces[0] != f"{number:05d}":
                raise RuntimeError(f"{self.root}: Unexpected category id {pieces[0]}, expecting {number:05d}")
            ranks = {}
            for rank, name in zip(CATEGORIES_2021, pieces[1:7]):
                known = self.categories_index[rank]
                ranks[rank] = known.setdefault(name, len(known))
            self.categories_map.append(ranks)

    def _init_pre2021(self) -> None:
        """Folders of groups have folders of species, whose names are numbers but in 2017."""
        groups = sorted(os.listdir(self.root))
        self.categories_index = {"super": {group: i for i, group in enumerate(groups)}}
        species: dict[int, tuple[int, str]] = {}
        for i, group in enumerate(groups):
            for name in sorted(os.listdir(os.path.join(self.root, group))):
                try:
                    number = len(species) if self.version == "2017" else int(name)
                except ValueError:
                    raise RuntimeError(f"{self.root}: Unexpected non-numeric dir name: {name}") from None
                if number in species:
                    raise RuntimeError(f"{self.root}: Duplicate category {name}")
                species[number] = i, os.path.join(group, name)
        for number in range(max(species, default=-1) + 1):
            if number not in species:
                raise RuntimeError(f"{self.root}: Missing category {number}")
            self.categories_map.append({"super": species[number][0]})
            self.all_categories.append(species[number][1])

    def _item(self, index: int) -> tuple[Any, Any]:
        number, name = self.index[index]
        path = os.path.join(self.root, self.all_categories[number], name)
        ranks = self.categories_map[number]
        targets = [number if kind == "full" else ranks[kind] for kind in self.target_type]
        return open_image(path) if self.loader is None else self.loader(path), only(targets)

    def __len__(self) -> int:
        return len(self.index)

    def category_name(self, category_type: str, category_id: int) -> str:
        """The name of a category: of a species for "full", else of one of this rank.

        Raises ValueError where there is no such rank, or number.
        """
        if category_type == "full":
            return self.all_categories[category_id]
        if category_type not in self.categories_index:
            raise ValueError(f"Invalid category type '{category_type}'")
        for name, number in self.categories_index[category_type].items():
            if number == category_id:
                return name
        raise ValueError(f"Invalid category id {category_id} for {category_type}")

    def _check_exists(self) -> bool:
        return os.path.exists(self.root) and len(os.listdir(self.root)) > 0

    def download(self) -> None:
        """Fetch the archive and unpack it, unless it was."""
        if self._check_exists():
            return
        base = os.path.dirname(self.root)
        url, md5 = DATASET_URLS[self.version], DATASET_MD5[self.version]
        download_and_extract_archive(url, base, filename=f"{self.version}.tgz", md5=md5)
        unpacked = os.path.join(base, os.path.basename(_ARCHIVES[self.version][0]))
        if not os.path.exists(unpacked):
            raise RuntimeError(f"Unable to find downloaded files at {unpacked}")
        os.rename(unpacked, self.root)
