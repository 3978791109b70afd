"""Saving and loading objects in PyTorch's file format: `torch.save(obj, path)` and `torch.load(path)`."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable
from typing import IO, Any

from tritonnn.serialization import _legacy, _pickling, _tensors
from tritonnn.serialization._archive import ArchiveReader, ArchiveWriter
from tritonnn.serialization._budget import Budget
from tritonnn.serialization._files import PathLike, WholeWrites, atomic_write, is_path, refuse_devices
from tritonnn.serialization._safe import SafeUnpickler, Source
from tritonnn.serialization._settings import (
    LoadEndianness,
    check_module_version_greater_or_equal,
    default_restore_location,
    get_crc32_options,
    get_default_load_endianness,
    get_default_mmap_options,
    get_unsafe_globals_in_checkpoint,
    location_tag,
    normalize_storage_type,
    register_package,
    set_crc32_options,
    set_default_load_endianness,
    set_default_mmap_options,
    skip_data,
)
from tritonnn.serialization._tensors import MapLocation, StorageRef, reduce_tensor
from tritonnn.serialization._tensors import layout_of as _get_layout

__all__ = [
    "LoadEndianness", "add_safe_globals", "check_module_version_greater_or_equal", "clear_safe_globals",
    "default_restore_location", "get_crc32_options", "get_default_load_endianness", "get_default_mmap_options",
    "get_safe_globals", "get_unsafe_globals_in_checkpoint", "load", "location_tag", "normalize_storage_type",
    "reduce_tensor", "register_package", "safe_globals", "save", "set_crc32_options", "set_default_load_endianness",
    "set_default_mmap_options", "skip_data",
]  # fmt: skip

DEFAULT_PROTOCOL = 2
# What programs annotate with.
FILE_LIKE = PathLike | IO[bytes]
MAP_LOCATION = MapLocation


def save(
    obj: object,
    f: PathLike | IO[bytes],
    pickle_module: Any = None,
    pickle_protocol: int = DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Saves an object with its tensors, as PyTorch does: either library reads the other's files.

    Tensors that share memory are saved once and share memory after loading. A file named by its path is
    replaced as a whole at the end: when anything goes wrong, the old one stays. A device or a pipe is written to.

    Args:
        obj: what to save: a ``state_dict``, tensors, or any nest of picklable things.
        f: a path, or a file object with ``write``.
        pickle_module: only Python's ``pickle``, which is the default.
        pickle_protocol: version of the pickle; PyTorch reads 2.
        _use_new_zipfile_serialization: False writes the format that PyTorch had before version 1.6.

    Raises:
        OSError: the file cannot be written. RuntimeError: there is no such folder, or tensors view one memory as
            different dtypes.

    Example:
        >>> import io
        >>> import tritonnn as torch
        >>> file = io.BytesIO()
        >>> torch.save({"weight": torch.ones(2)}, file)
        >>> _ = file.seek(0)
        >>> torch.load(file)
        {'weight': tensor([1., 1.])}
    """
    _check_pickle_module(pickle_module)
    if _disable_byteorder_record:
        raise ValueError("save: only PyTorch's zip format with its byteorder record is written")
    if is_path(f):
        path = os.fspath(f)  # type: ignore[arg-type]
        folder = os.path.dirname(os.path.realpath(path))
        if not os.path.isdir(folder):
            raise RuntimeError(f"Parent directory {folder} does not exist.")
        name = os.path.splitext(os.path.basename(path))[0] or "archive"
        with atomic_write(path) as file:
            _write(obj, file, name, pickle_protocol, _use_new_zipfile_serialization)
        return
    if not hasattr(f, "write"):
        raise AttributeError(
            f"save: expected 'f' to be a path or a file object with write, but got {type(f)}"
        )
    whole: Any = WholeWrites(f)
    _write(obj, whole, "archive", pickle_protocol, _use_new_zipfile_serialization)


def _check_pickle_module(module: Any) -> None:
    if module is not None and module is not pickle:
        raise ValueError(f"only Python's pickle is supported as pickle_module, not {module!r}")


def _write(obj: object, file: IO[bytes], name: str, protocol: int, zipped: bool) -> None:
    if not zipped:
        _legacy.save(obj, file, protocol)
        return
    # The pickle first, in memory: an object that cannot be pickled leaves nothing behind in an open file.
    buffer = io.BytesIO()
    writer = _pickling.Writer(buffer, protocol)
    writer.dump(obj)
    archive = ArchiveWriter(file, name)
    try:
        archive.write("data.pkl", buffer.getbuffer())
        for key, storage in enumerate(writer.storages):
            archive.write(f"data/{key}", storage.data())
        archive.close()
    except BaseException:
        archive.abandon()
        raise


def load(
    f: PathLike | IO[bytes],
    map_location: MapLocation = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Loads what ``save``, or PyTorch's own, has saved.

    By default nothing that the file contains is run: it may only hold tensors, containers, numbers, strings
    and what ``add_safe_globals`` has allowed, and takes memory and time in proportion to its length.

    Args:
        f: a path, or a file object that can seek.
        map_location: where the tensors go: a device or its name, a dict from saved to wanted names, or a
            function of (storage, location) that returns a storage, or None for the default; default: where
            they were.
        pickle_module: only Python's ``pickle``, which is the default.
        weights_only: False unpickles anything, running code that the file contains: only for files you trust.
        mmap: map the file into memory and read the tensors' bytes when they are used; needs a path.
        pickle_load_args: ``encoding`` of strings that Python 2 has written, default 'utf-8'.

    Raises:
        FileNotFoundError: there is no such file. UnpicklingError: the file names something that is not
            allowed, or its pickle is damaged or asks for too much. RuntimeError: the file is truncated or
            corrupted, or its tensors were on a device that is not here.

    Example:
        >>> import os, tempfile
        >>> import tritonnn as torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.pt")
        ...     torch.save(torch.nn.Linear(2, 1).state_dict(), path)
        ...     list(torch.load(path, map_location="cpu"))
        ['weight', 'bias']
    """
    _check_pickle_module(pickle_module)
    _tensors.check_map_location(map_location)
    encoding = pickle_load_args.pop("encoding", "utf-8")
    if pickle_load_args:
        raise TypeError(f"load() got an unexpected keyword argument '{next(iter(pickle_load_args))}'")
    if mmap and not is_path(f):
        raise ValueError("f must be a file path in order to use the mmap argument")
    trusted = weights_only is False

    def make(file: IO[bytes], size: int, load_storage: Callable[..., StorageRef], space: Budget) -> Any:
        if trusted:
            return _pickling.FullUnpickler(file, load_storage, encoding).load()
        return _unpickle(SafeUnpickler(Source(file, size), load_storage, encoding, space), label)

    if is_path(f):
        refuse_devices(f, "load")  # type: ignore[arg-type]
        label = f"'{os.fspath(f)}'"  # type: ignore[arg-type]
        with open(f, "rb") as file:  # type: ignore[arg-type]
            if _legacy.is_legacy(file):
                if mmap:
                    raise RuntimeError("mmap can only be used with files in the zip format")
                return _legacy.load(file, label, make, map_location, encoding)
        return _load(ArchiveReader(f, bool(mmap)), make, map_location)
    label = "the given file object"
    for method in ("read", "seek", "tell"):
        if not hasattr(f, method):
            raise AttributeError(
                f"'{type(f).__name__}' object has no attribute '{method}'. You can only torch.load from a "
                "file that is seekable. Please pre-load the data into a buffer like io.BytesIO and try to "
                "load from it instead."
            )
    if _legacy.is_legacy(f):  # type: ignore[arg-type]
        return _legacy.load(f, label, make, map_location, encoding)  # type: ignore[arg-type]
    return _load(ArchiveReader(f), make, map_location)


def _unpickle(unpickler: SafeUnpickler, label: str) -> Any:
    try:
        return unpickler.load()
    except (RuntimeError, pickle.UnpicklingError) as error:
        # What was wrong, where; the error itself is its cause.
        text = str(error).removeprefix("load: ")
        raise type(error)(f"load: {label} cannot be loaded: {text}") from error.__cause__


def _load(archive: ArchiveReader, make: Callable[..., Any], map_location: MapLocation) -> Any:
    loaded: dict[str, StorageRef] = {}

    def load_storage(kind: _pickling.StorageType, key: str, location: str, count: int) -> StorageRef:
        if key not in loaded:
            data = _tensors.truth(archive.storage(f"data/{key}"), kind.dtype)
            expected = count * (1 if kind.dtype is None else kind.dtype.itemsize)
            if data.nbytes != expected:
                raise RuntimeError(f"storage {key} has {data.nbytes} bytes, not {expected}")
            data = _tensors.swapped(data, kind.dtype, order)
            loaded[key] = StorageRef(_tensors.place(data, location, map_location), kind.dtype)
        if loaded[key].dtype is not kind.dtype:
            raise RuntimeError(f"storage {key} is of two types")
        return loaded[key]

    try:
        order = archive.byteorder
        pickled = archive.read("data.pkl")
        return make(io.BytesIO(pickled), len(pickled), load_storage, archive.space)
    finally:
        archive.close()


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Allows classes and functions in files that are loaded with ``weights_only=True``.

    Their code can then run while a file is loaded, with arguments the file gives.

    Args:
        safe_globals: classes, functions, or pairs (it, 'the.name.in.the.file').

    Example:
        >>> import collections, io
        >>> import tritonnn as torch
        >>> file = io.BytesIO()
        >>> torch.save(collections.deque([1]), file)
        >>> _ = file.seek(0)
        >>> with torch.serialization.safe_globals([collections.deque]):
        ...     torch.load(file)
        deque([1])
    """
    _pickling.add_names(safe_globals)


def get_safe_globals() -> list[Any]:
    """What ``add_safe_globals`` has allowed."""
    return list(_pickling.safe_table().values())


def clear_safe_globals() -> None:
    """Takes back what ``add_safe_globals`` has allowed."""
    _pickling.safe_table().clear()


class safe_globals:
    """Context manager: allows classes and functions for a while.

    Args:
        safe_globals: as for ``add_safe_globals``.

    Example:
        >>> import tritonnn as torch
        >>> with torch.serialization.safe_globals([range]):
        ...     torch.serialization.get_safe_globals()
        [<class 'range'>]
        >>> torch.serialization.get_safe_globals()
        []
    """

    def __init__(self, safe_globals: list[Any]) -> None:
        self.items = safe_globals

    def __enter__(self) -> None:
        self.before = dict(_pickling.safe_table())
        _pickling.add_names(self.items)

    def __exit__(self, *exc: object) -> None:
        _pickling.safe_table().clear()
        _pickling.safe_table().update(self.before)
