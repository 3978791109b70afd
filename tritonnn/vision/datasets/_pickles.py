"""Pickled batches, as CIFAR has them: containers, strings, numbers and arrays of numbers, and nothing else.

A pickle can call whatever it names. Here a few names mean something, each a function or class of this file that keeps
what the pickle says; arrays are made of that. Everything else that a pickle names is refused.
"""

from __future__ import annotations

import io
import os
import pickle
import pickletools
from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn.vision.datasets._named import naming

__all__ = ["read_pickle"]

_NUMBERS = "biufc"


class _Type:
    """What a pickle says of an array's dtype."""

    def __init__(self, code: object, align: object = False, copy: object = True) -> None:
        self.dtype = np.dtype(code if isinstance(code, str) else "O")
        if self.dtype.kind not in _NUMBERS:
            raise pickle.UnpicklingError(f"an array of {code!r}; only numbers are read")

    def __setstate__(self, state: object) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ("<", ">", "=", "|"):
            raise pickle.UnpicklingError(f"a dtype with the byte order {order!r}")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """What a pickle says of an array."""

    def __init__(self, *made_of: object) -> None:
        self.array = np.empty(0, np.uint8)

    def __setstate__(self, state: Any) -> None:
        try:
            _, shape, kind, fortran, data = state
            raw = data.encode("latin1") if isinstance(data, str) else data  # Python 2 wrote str
            self.array = np.frombuffer(raw, kind.dtype).reshape(shape, order="F" if fortran else "C").copy()
        except (AttributeError, TypeError, ValueError) as error:
            raise pickle.UnpicklingError(f"a damaged array: {error}") from error


def _buffered(data: object, kind: object, shape: object, order: object, axes: Any = None) -> _Array:
    """An array as protocol 5 has it."""
    made = _Array()
    made.__setstate__((1, shape, kind, order == "F", data))
    if axes is not None:
        made.array = made.array.transpose(axes)
    return made


def _no_call(*arguments: object) -> None:
    """The class `ndarray` is handed to what makes arrays; called by itself it could take any amount of memory."""
    raise pickle.UnpicklingError("it makes an array in a way that no such file does")


def _encoded(text: object, encoding: object) -> bytes:
    """Bytes, as Python 3 writes them in the older protocols."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")


_NAMES: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _no_call,
    ("_codecs", "encode"): _encoded,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _buffered for core in ("core", "_core")},
}


class _Known:
    """What a name gives: it can be called, and that is all; a state for it would change it for later files."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("it has a state for a function")


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(
                f"it names {module}.{name}, which such a file has no use for: refused"
            )
        return _Known(_NAMES[module, name])

    def persistent_load(self, pid: object) -> Any:
        raise pickle.UnpicklingError("it refers to something outside of the file: refused")


def _plain(value: object) -> Any:
    """With arrays instead of what was said of them, in the containers of the two uppermost levels."""
    if isinstance(value, _Array):
        return value.array
    if isinstance(value, dict):
        return {key: item.array if isinstance(item, _Array) else item for key, item in value.items()}
    if isinstance(value, list):
        return [item.array if isinstance(item, _Array) else item for item in value]
    return value


def _check_places(data: bytes) -> None:
    """Objects are remembered by number, and the reader takes memory for all numbers up to the highest."""
    for opcode, place, _ in pickletools.genops(data):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(place or 0) > len(data):
            raise pickle.UnpicklingError(f"it remembers an object as number {place}")


def _read(data: bytes) -> Any:
    try:
        _check_places(data)
        return _plain(_Reader(io.BytesIO(data), encoding="latin1").load())
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # a damaged pickle fails in as many ways as it has bytes
        raise pickle.UnpicklingError(f"{type(error).__name__}: {error}") from error


def read_pickle(path: str | os.PathLike[str]) -> Any:
    """What a pickle holds, if it is made of plain containers and arrays of numbers.

    Raises pickle.UnpicklingError, which names the file, for one that is damaged, or names anything else.
    """
    with naming(path), open(path, "rb") as file:
        return _read(file.read())
