"""Settings of loading and saving, and questions about files, as programs ask `torch.serialization`."""

from __future__ import annotations

import mmap
import pickle
import pickletools
import warnings
from collections.abc import Iterator
from typing import IO, Any

from tritonnn._refusals import refusing
from tritonnn.device import device as Device
from tritonnn.serialization import _pickling
from tritonnn.serialization._archive import ArchiveReader
from tritonnn.serialization._endianness import LoadEndianness as LoadEndianness
from tritonnn.serialization._endianness import get_default_load_endianness as get_default_load_endianness
from tritonnn.serialization._endianness import set_default_load_endianness as set_default_load_endianness
from tritonnn.serialization._files import PathLike

MAP_PRIVATE, MAP_SHARED = getattr(mmap, "MAP_PRIVATE", 2), getattr(mmap, "MAP_SHARED", 1)
STORAGES = "tensors of a file go where map_location says; there are no devices of a program's own"

register_package = refusing("torch.serialization.register_package", STORAGES)
skip_data = refusing(
    "torch.serialization.skip_data",
    "torch.save writes the bytes of every tensor; save meta tensors instead",
)


def get_default_mmap_options() -> int:
    """How files are mapped: MAP_PRIVATE, so that what is written to a tensor does not reach the file.

    >>> import mmap
    >>> import tritonnn as torch
    >>> torch.serialization.get_default_mmap_options() == mmap.MAP_PRIVATE
    True
    """
    return MAP_PRIVATE


class set_default_mmap_options:
    """How files are mapped, from now on or within a block: MAP_PRIVATE, which it always is.

    Raises:
        ValueError: a flag that is none. NotImplementedError: MAP_SHARED.
    """

    def __init__(self, flags: int) -> None:
        if flags not in (MAP_PRIVATE, MAP_SHARED):
            raise ValueError(
                "Invalid argument in function set_default_mmap_options, expected mmap.MAP_PRIVATE or mmap.MAP_SHARED, "
                f"but got {flags}"
            )
        if flags == MAP_SHARED:
            raise NotImplementedError(
                "torch.serialization.set_default_mmap_options: files are mapped with MAP_PRIVATE alone, so that "
                "writing to a tensor cannot change the file"
            )

    def __enter__(self) -> None: ...

    def __exit__(self, *exc_info: object) -> None: ...


def get_crc32_options() -> bool:
    """True: every record of a file has a checksum."""
    return True


def set_crc32_options(compute_crc32: bool) -> None:
    """Whether records have checksums, which they have.

    Raises:
        NotImplementedError: False.
    """
    if not compute_crc32:
        raise NotImplementedError(
            "torch.serialization.set_crc32_options(False): tritonnn writes checksums into every file"
        )


def location_tag(storage: Any) -> str:
    """Where a storage lies, as files say it: 'cpu', 'cuda:0'.

    >>> import tritonnn as torch
    >>> torch.serialization.location_tag(torch.ones(1).untyped_storage())
    'cpu'
    """
    return str(storage.device)


def default_restore_location(storage: Any, location: str) -> Any:
    """A storage on the device that a file names.

    Raises:
        RuntimeError: there is no such device.

    >>> import tritonnn as torch
    >>> torch.serialization.default_restore_location(torch.ones(1).untyped_storage(), "cpu").device
    device(type='cpu')
    """
    try:
        place = Device(location)
    except RuntimeError:
        raise RuntimeError(
            f"don't know how to restore data location of {type(storage).__name__} (tagged with {location})"
        ) from None
    return storage.cpu() if place.type == "cpu" else storage.to(device=place)


def normalize_storage_type(storage_type: Any) -> Any:
    """The class of a storage."""
    return storage_type


def check_module_version_greater_or_equal(
    module: Any, req_version_tuple: tuple, error_if_malformed: bool = True
) -> bool:
    """Whether a module's version is at least the one that a tuple says.

    >>> import types
    >>> import tritonnn as torch
    >>> torch.serialization.check_module_version_greater_or_equal(types.SimpleNamespace(__version__="1.10"), (1, 9))
    True
    """
    try:
        parts = module.__version__.split(".")[: len(req_version_tuple)]
        version = tuple(type(wanted)(part) for wanted, part in zip(req_version_tuple, parts, strict=True))
    except Exception as error:
        text = (
            f"'{module.__name__}' module version string is malformed '{module.__version__}' and cannot be compared "
            f"with tuple {req_version_tuple}"
        )
        if error_if_malformed:
            raise RuntimeError(text) from error
        warnings.warn(f"{text}, but continuing assuming that requirement is met")
        return True
    return version >= req_version_tuple


def get_unsafe_globals_in_checkpoint(f: PathLike | IO[bytes]) -> list[str]:
    """What a file names that `torch.load(f, weights_only=True)` refuses; the file's pickle is read and not run.

    Raises:
        ValueError: it is not in the zip format. pickle.UnpicklingError: its pickle is damaged.

    >>> import datetime, io
    >>> import tritonnn as torch
    >>> file = io.BytesIO()
    >>> torch.save([torch.ones(1), datetime.timedelta(1)], file)
    >>> torch.serialization.get_unsafe_globals_in_checkpoint(file)
    ['datetime.timedelta']
    """
    try:
        archive = ArchiveReader(f)
    except RuntimeError as error:
        raise ValueError(
            "Expected input to be a checkpoint returned by torch.save in the zip format"
        ) from error
    try:
        names = list(_globals(archive.read("data.pkl")))
    finally:
        archive.close()
    found = [_pickling.find_known(*name) for name in dict.fromkeys(names)]
    return [f"{module}.{name}" for module, name, known in found if known is None]


def _globals(data: bytes) -> Iterator[tuple[str, str]]:
    """(module, name) of all that a pickle names."""
    texts: list[str] = []
    memo: dict[int, str] = {}
    try:
        for opcode, given, _ in pickletools.genops(data):
            argument: Any = given
            if opcode.name in ("GLOBAL", "INST"):
                module, _, name = str(argument).partition(" ")
                yield module, name
            elif opcode.name == "STACK_GLOBAL":
                yield texts[-2], texts[-1]
            elif opcode.name in ("MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT") and texts:
                memo[len(memo) if opcode.name == "MEMOIZE" else int(argument)] = texts[-1]
            elif opcode.name in ("BINGET", "LONG_BINGET", "GET"):
                texts.append(memo.get(int(argument), ""))
            elif isinstance(argument, str):
                texts.append(argument)
    except (ValueError, IndexError) as error:
        raise pickle.UnpicklingError(f"the pickle of the file is damaged: {error}") from error
