"""Functions of C source text that take numbers and buffers: finding them, and calling them with tensors."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.autograd.graph import increment_version

_TYPES: dict[str, Any] = {
    "void": None, "bool": ctypes.c_bool, "_Bool": ctypes.c_bool, "char": ctypes.c_char,
    "signed char": ctypes.c_byte, "unsigned char": ctypes.c_ubyte, "short": ctypes.c_short,
    "unsigned short": ctypes.c_ushort, "int": ctypes.c_int, "signed": ctypes.c_int, "unsigned": ctypes.c_uint,
    "unsigned int": ctypes.c_uint, "long": ctypes.c_long, "long int": ctypes.c_long,
    "unsigned long": ctypes.c_ulong, "long long": ctypes.c_longlong, "unsigned long long": ctypes.c_ulonglong,
    "float": ctypes.c_float, "double": ctypes.c_double, "size_t": ctypes.c_size_t, "ptrdiff_t": ctypes.c_ssize_t,
    "ssize_t": ctypes.c_ssize_t,
    **{f"{sign}int{bits}_t": getattr(ctypes, f"c_{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)},
}  # fmt: skip
_QUALIFIERS = {"const", "volatile", "restrict", "__restrict__", "__restrict", "extern", "struct", "std::"}
_HEADER = re.compile(r"([A-Za-z_][\w\s*:]*?[\s*])([A-Za-z_]\w*)\s*\(([^(){};]*)\)\s*(?:noexcept\s*)?(?=[{;])")
_NOISE = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*',
    re.S | re.M,
)


class Kind(NamedTuple):
    """A C type: a number, or the address of numbers, which the function may write to where it is not const."""

    text: str
    number: Any
    pointer: bool
    const: bool


class Function(NamedTuple):
    """A function of the source: what it returns and takes, by name."""

    name: str
    returns: Kind
    names: tuple[str, ...]
    takes: tuple[Kind, ...]
    before: str
    inside: str

    @property
    def declaration(self) -> str:
        """As it stands in the source."""
        return f"{self.before} {self.name}({self.inside})"

    def exported(self, symbol: str) -> str:
        """A definition in C++ that calls it, under a name that is not mangled."""
        call = f"{self.name}({', '.join(self.names)})"
        return f'extern "C" {self.before} {symbol}({self.inside}) {{ return {call}; }}\n'


def _kind(text: str) -> Kind | None:
    """The meaning of a type, such as `const float *`; None for one that is neither a number nor a buffer."""
    words = text.replace("*", " * ").replace("std::", "").split()
    stars = words.count("*")
    base = " ".join(word for word in words if word not in _QUALIFIERS and word != "*")
    if base not in _TYPES or stars > 1:
        return None
    return Kind(" ".join(words), _TYPES[base], bool(stars), "const" in words)


def _outer(source: str) -> str:
    """The text outside of all braces, but for those of `extern "C"`; a body leaves `{`."""
    source = re.sub(r'extern\s+"C"\s*\{', " ", source)
    source = re.sub(r'extern\s+"C"', " ", source)
    source = _NOISE.sub(" ", source)
    depth, kept = 0, []
    for char in source:
        if char == "}" and depth:
            depth -= 1
            kept.append(";" if not depth else "")
            continue
        if not depth:
            kept.append(char)
        depth += char == "{"
    return "".join(kept)


def functions(source: str) -> Iterator[Function]:
    """The functions that a source defines or declares and that a program can call: not static, with known types."""
    for match in _HEADER.finditer(_outer(source)):
        before, name, inside = match.groups()
        words = before.replace("*", " ").split()
        if {"static", "inline", "template", "typedef", "return", "else"} & {*words}:
            continue
        parts = [part.strip() for part in inside.split(",") if part.strip() not in ("", "void")]
        split = [re.fullmatch(r"(.*?[\s*])([A-Za-z_]\w*)\s*(\[\s*\d*\s*\])?", part, re.S) for part in parts]
        texts = [m[1] + ("*" if m[3] else "") if m else part for m, part in zip(split, parts)]
        kinds = [_kind(text) for text in texts]
        returns = _kind(before)
        if returns is None or None in kinds or (returns.pointer and returns.number is not ctypes.c_char):
            continue
        names = tuple(m[2] if m else f"argument {i}" for i, m in enumerate(split, 1))
        written = " ".join(before.split()), name, " ".join(inside.split())
        yield Function(name, returns, names, tuple(kind for kind in kinds if kind), *written[::2])


def bind(library: ctypes.CDLL, function: Function, symbol: str = "") -> Callable:
    """The function of a library, to be called with tensors, arrays and numbers."""
    called = getattr(library, symbol or function.name)
    called.restype = ctypes.c_char_p if function.returns.pointer else function.returns.number
    called.argtypes = [ctypes.c_void_p if kind.pointer else kind.number for kind in function.takes]

    def call(*args: Any) -> Any:
        if len(args) != len(function.takes):
            raise TypeError(
                f"{function.declaration}: expected {len(function.takes)} arguments, but got {len(args)}"
            )
        given = [
            _address(function, name, kind, value) if kind.pointer else _number(function, name, kind, value)
            for name, kind, value in zip(function.names, function.takes, args)
        ]
        result = called(*given)
        written = [v for v, kind in zip(args, function.takes) if isinstance(v, Tensor) and not kind.const]
        for tensor in written:
            increment_version(tensor)
        return result

    call.__name__ = call.__qualname__ = function.name
    call.__doc__ = f"`{function.declaration}`, of C."
    return call


def _number(function: Function, name: str, kind: Kind, value: Any) -> Any:
    if isinstance(value, (Tensor, np.generic)):
        value = value.item()
    whole = kind.number not in (ctypes.c_float, ctypes.c_double)
    if not isinstance(value, int if whole else (int, float)):
        raise TypeError(
            f"{function.declaration}: expected a number for '{name}', but got {type(value).__name__}"
        )
    if whole and kind.number is not ctypes.c_bool and kind.number(value).value != value:
        raise OverflowError(f"{function.declaration}: {value} of '{name}' does not fit {kind.text}")
    return value


def _dtype_of(kind: Kind) -> np.dtype | None:
    return None if kind.number is None else np.dtype(np.int8 if kind.number is ctypes.c_char else kind.number)


def _address(function: Function, name: str, kind: Kind, value: Any) -> int | bytes | None:
    """Where a buffer begins that a function takes, after a look at what it holds."""
    if value is None or (isinstance(value, bytes) and kind.const and kind.number is ctypes.c_char):
        return value
    where = f"{function.declaration}: argument '{name}'"
    if isinstance(value, Tensor):
        if value.device.type != "cpu":
            raise RuntimeError(f"{where} is on {value.device}, and functions of C take tensors of the CPU")
        if value.requires_grad and not kind.const:
            raise RuntimeError(
                f"{where} requires grad and may be written to: pass detach(), or make it const in C"
            )
        held, contiguous, address = value.dtype.name, value.is_contiguous(), value.data_ptr()
    elif isinstance(value, np.ndarray):
        if not (kind.const or value.flags.writeable):
            raise ValueError(f"{where} may be written to, but the array is read-only")
        held, contiguous, address = value.dtype.name, value.flags.c_contiguous, value.ctypes.data
    else:
        raise TypeError(f"{where}: expected a tensor for {kind.text}, but got {type(value).__name__}")
    expected = _dtype_of(kind)
    if expected is not None and held != expected.name and not (held == "bool" and expected.itemsize == 1):
        raise TypeError(f"{where}: expected {expected.name} for {kind.text}, but got {held}")
    if not contiguous:
        raise RuntimeError(f"{where} is not contiguous: pass contiguous()")
    return address
