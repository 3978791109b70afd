"""A look at a pickle for the storages it refers to, without building what it describes."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from tritonnn.serialization._budget import brief
from tritonnn.serialization._pickling import StorageRef, StorageType, find_known, is_module, storage_of_id
from tritonnn.serialization._safe import Opcodes, SafeUnpickler, Source


class _Something:
    """Stands for an object that is not built."""


_SOMETHING: Any = _Something()


def _replacing(taken: int, marked: bool = False) -> Callable[[Any], None]:
    """An opcode that takes so many objects, or those above the mark, and leaves one that does not matter."""

    def load(self: Any) -> None:
        if marked:
            self.pop_mark()
        if taken:
            del self.stack[-taken:]
        self.append(_SOMETHING)

    return load


def _dropping(taken: int, marked: bool = False) -> Callable[[Any], None]:
    """An opcode that puts objects, so many or those above the mark, into the one below."""

    def load(self: Any) -> None:
        if marked:
            self.pop_mark()
        if taken:
            del self.stack[-taken:]

    return load


def _skipping(count: int) -> Callable[[Any], None]:
    """An opcode that is followed by so many bytes and gives one object."""

    def load(self: Any) -> None:
        self.read(count)
        self.append(_SOMETHING)

    return load


class StorageScan(SafeUnpickler):
    """Reads a pickle of any kind, also one that would run code, and notes its storages.

    Attributes:
        storages: key -> (bytes of an element, number of elements).
    """

    def __init__(self, source: Source, load_storage: Callable[..., StorageRef], encoding: str) -> None:
        super().__init__(source, load_storage, encoding)
        self.storages: dict[str, tuple[int, int]] = {}

    def find_class(self, module: str, name: str) -> Any:
        """A type of storage; of all other names it does not matter what they mean."""
        known = find_known(module, name)[2]
        return known[0] if known and isinstance(known[0], StorageType) else _SOMETHING

    def persistent_load(self, saved_id: object) -> Any:
        """Notes a storage."""
        if is_module(saved_id):
            return _SOMETHING
        kind, key, _, count = storage_of_id(saved_id)
        size = 1 if kind.dtype is None else kind.dtype.itemsize
        if self.storages.setdefault(key, (size, count)) != (size, count):
            raise pickle.UnpicklingError(f"storage {brief(key)} is of two types or sizes")
        return _SOMETHING

    def load_inst(self: Any) -> None:
        """A class by two lines, and its arguments above the mark."""
        self.readline(), self.readline()
        self.pop_mark()
        self.append(_SOMETHING)

    def load_persid(self) -> None:
        """A persistent id in text, which no file of tensors has."""
        raise pickle.UnpicklingError("a persistent id that is text")

    dispatch = Opcodes(SafeUnpickler.dispatch)
    dispatch.update({
        pickle.REDUCE[0]: _replacing(2),
        pickle.NEWOBJ[0]: _replacing(2),
        pickle.NEWOBJ_EX[0]: _replacing(3),
        pickle.OBJ[0]: _replacing(0, marked=True),
        pickle.INST[0]: load_inst,
        pickle.DICT[0]: _replacing(0, marked=True),
        pickle.FROZENSET[0]: _replacing(0, marked=True),
        pickle.EXT1[0]: _skipping(1),
        pickle.EXT2[0]: _skipping(2),
        pickle.EXT4[0]: _skipping(4),
        pickle.BUILD[0]: _dropping(1),
        pickle.APPEND[0]: _dropping(1),
        pickle.SETITEM[0]: _dropping(2),
        pickle.APPENDS[0]: _dropping(0, marked=True),
        pickle.SETITEMS[0]: _dropping(0, marked=True),
        pickle.ADDITEMS[0]: _dropping(0, marked=True),
        pickle.PERSID[0]: load_persid,
    })  # fmt: skip
