"""LSUN: pictures of scenes in databases of LMDB."""

from __future__ import annotations

import io
import os
import pickle
import string
from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Any

from tritonnn.vision._pillow import pillow
from tritonnn.vision.datasets._extras import extra
from tritonnn.vision.datasets._items import Separate
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets._pickles import read_pickle
from tritonnn.vision.datasets.utils import iterable_to_str, verify_str_arg

__all__ = ["LSUN", "LSUNClass"]

AnyPath = str | os.PathLike[str]
Function = Callable[..., Any]
_CATEGORIES = (
    "bedroom", "bridge", "church_outdoor", "classroom", "conference_room", "dining_room", "kitchen", "living_room",
    "restaurant", "tower",
)  # fmt: skip
_PARTS = ("train", "val", "test")


class LSUNClass(Separate):
    """One database, all of one kind of scene; its library is lmdb. Targets are None.

    Args:
        root: the database's folder.
        transform: a function of the picture.
        target_transform: a function of None.

    The keys, which take long to list, are kept in a file `_cache_...` of the folder that the program runs in.
    """

    def __init__(
        self, root: AnyPath, transform: Function | None = None, target_transform: Function | None = None
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        path = os.fspath(self.root)
        self._env: Any = None
        self._opened_by = 0
        with self.env.begin(write=False) as transaction:
            self.length = transaction.stat()["entries"]
        cache = "_cache_" + "".join(letter for letter in path if letter in string.ascii_letters)
        self.keys = self._keys(cache)

    def _keys(self, cache: str) -> list[bytes]:
        """The keys of all pictures, out of the file of an earlier time if it has as many."""
        if os.path.isfile(cache):
            keys = read_pickle(cache)
            if isinstance(keys, list) and len(keys) == self.length:
                return keys
        with self.env.begin(write=False) as transaction:
            keys = list(transaction.cursor().iternext(keys=True, values=False))
        part = f"{cache}.{os.getpid()}.part"
        with open(part, "wb") as file:
            pickle.dump(keys, file)
        os.replace(part, cache)
        return keys

    @property
    def env(self) -> Any:
        """The database, opened by this process: LMDB's must not be carried into another one."""
        if self._env is None or self._opened_by != os.getpid():
            self._env = None  # the other one is let go of first, as LMDB opens none twice
            lmdb = extra("lmdb", "torchvision.datasets.LSUN")
            options = dict.fromkeys(("lock", "readahead", "meminit"), False)
            self._env = lmdb.open(os.fspath(self.root), max_readers=1, readonly=True, **options)
            self._opened_by = os.getpid()
        return self._env

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_env": None}

    def _item(self, index: int) -> tuple[Any, Any]:
        with self.env.begin(write=False) as transaction:
            data = transaction.get(self.keys[index])
        with naming(os.path.join(self.root, self.keys[index].decode("latin1"))):
            image = pillow("torchvision.datasets").open(io.BytesIO(data)).convert("RGB")
        return image, None

    def __len__(self) -> int:
        return self.length


class LSUN(Separate):
    """Pictures of ten kinds of scenes, each a database `root/KIND_PART_lmdb`.

    Args:
        root: the folder of the databases.
        classes: "train", "val" or "test", or a list of names such as "bedroom_train".
        transform: a function of the picture.
        target_transform: a function of the class's place in `classes`.
    """

    def __init__(
        self,
        root: AnyPath,
        classes: str | list[str] = "train",
        transform: Function | None = None,
        target_transform: Function | None = None,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.classes = self._verify_classes(classes)
        self.dbs = [LSUNClass(os.path.join(self.root, f"{name}_lmdb")) for name in self.classes]
        self.indices = list(accumulate(len(database) for database in self.dbs))
        self.length = self.indices[-1] if self.indices else 0

    def _verify_classes(self, classes: str | list[str]) -> list[str]:
        if isinstance(classes, str) and classes in _PARTS:
            return ["test"] if classes == "test" else [f"{name}_{classes}" for name in _CATEGORIES]
        if not isinstance(classes, Iterable):
            raise ValueError(
                f"Expected type str or Iterable for argument classes, but got type {type(classes)}."
            )
        classes = list(classes)
        unknown = "Unknown value '{}' for {}. Valid values are {{{}}}."
        for name in classes:
            verify_str_arg(name, "classes")
            category, _, part = name.rpartition("_")
            says = unknown.format(category, "LSUN class", iterable_to_str(_CATEGORIES))
            verify_str_arg(category, valid_values=_CATEGORIES, custom_msg=says)
            says = unknown.format(part, "postfix", iterable_to_str(_PARTS))
            verify_str_arg(part, valid_values=_PARTS, custom_msg=says)
        return classes

    def _item(self, index: int) -> tuple[Any, Any]:
        target = bisect_right(self.indices, index)
        before = self.indices[target - 1] if target else 0
        image, _ = self.dbs[target][index - before]
        return image, target

    def __len__(self) -> int:
        return self.length

    def extra_repr(self) -> str:
        """The classes."""
        return f"Classes: {self.classes}"
