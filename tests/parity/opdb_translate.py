"""What PyTorch's op database calls and gives, as tritonnn's: tensors with strides, functions by their names.

A function of PyTorch is translated by where it stands (`torch.nn.functional.relu` is `tritonnn.nn.functional.relu`);
one of the database itself, such as a lambda, is made anew with `torch` and all that it calls translated.
"""

from __future__ import annotations

import functools
import inspect
import random
import types
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch as reference
from torch.testing._internal.opinfo.core import OpInfo

import tritonnn as torch

# Where functions of PyTorch are looked for, the place that users know first.
PLACES = (
    "",
    "nn.functional",
    "linalg",
    "fft",
    "special",
    "signal.windows",
    "masked",
    "sparse",
    "nn.init",
    "jit",
)
OF_THE_DATABASE = ("torch.testing._internal",)


ASKED: set[str] = set()  # the names that were looked for


class Missing(Exception):
    """tritonnn has no such name."""


@cache
def _paths() -> dict[int, str]:
    """The identity of each function of PyTorch -> the name under which users find it."""
    paths: dict[int, str] = {}
    for place in PLACES:
        module = _follow(reference, place)
        for name in sorted(dir(module), key=lambda name: name.startswith("_")):
            value = getattr(module, name, None)
            if callable(value) and not isinstance(value, type):
                paths.setdefault(id(value), f"{place}.{name}".lstrip("."))
    for name in dir(reference.Tensor):
        paths.setdefault(id(getattr(reference.Tensor, name, None)), f"Tensor.{name}")
    return paths


def _follow(value: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        value = getattr(value, part)
    return value


def named(path: str) -> Any:
    """What stands at `path` in tritonnn.

    Raises:
        Missing: naming the path.
    """
    ASKED.add(path)
    try:
        return _follow(torch, path)
    except AttributeError:
        raise Missing(path) from None


def tensor(given: reference.Tensor, seen: dict | None = None) -> torch.Tensor:
    """A tensor of the same values, strides and place in its storage, a leaf that requires a gradient if it does."""
    plain = given.detach().resolve_conj().resolve_neg()
    if plain.layout is not reference.strided:
        return _sparse(given)
    dtype = of(plain.dtype)
    base = _memory(plain, {} if seen is None else seen)
    base = base.view(dtype) if base.numel() else torch.empty(0, dtype=dtype)
    result = base.as_strided(plain.size(), plain.stride(), plain.storage_offset()).detach()
    return result.requires_grad_(given.requires_grad)


def _memory(plain: reference.Tensor, seen: dict) -> torch.Tensor:
    """A copy of the bytes of a tensor's storage; tensors that share one share the copy."""
    storage = plain.untyped_storage()
    if not storage.nbytes():  # NumPy would keep it from being resized
        return torch.empty(0, dtype=torch.uint8)
    place = ("storage", storage.data_ptr())
    if place not in seen:
        bytes_ = reference.empty(0, dtype=reference.uint8).set_(storage).numpy().copy()
        seen[place] = (torch.from_numpy(bytes_), storage)
    return seen[place][0]


def _sparse(given: reference.Tensor) -> torch.Tensor:
    plain = given.detach()
    if given.layout is not reference.sparse_coo:
        rows = given.layout in (reference.sparse_csr, reference.sparse_bsr)
        parts = (
            (plain.crow_indices(), plain.col_indices())
            if rows
            else (plain.ccol_indices(), plain.row_indices())
        )
        result = torch.sparse_compressed_tensor(
            *map(tensor, parts), tensor(plain.values()), tuple(plain.shape), layout=of(given.layout)
        )
        return result.requires_grad_(given.requires_grad)
    result = torch.sparse_coo_tensor(tensor(plain._indices()), tensor(plain._values()), tuple(plain.shape))
    return result.requires_grad_(given.requires_grad)


def of(value: Any, seen: dict | None = None) -> Any:
    """`value`, and whatever it holds, as tritonnn's; a tensor that occurs twice stays one."""
    seen = {} if seen is None else seen
    if isinstance(value, reference.Tensor):
        if id(value) not in seen:
            seen[id(value)] = (tensor(value, seen), value)
        return seen[id(value)][0]
    if value is reference:
        return torch
    if isinstance(value, OpInfo):  # some functions of the database are given their own entry
        return value
    if isinstance(value, (reference.dtype, reference.layout, reference.memory_format)):
        return named(str(value).removeprefix("torch."))
    if isinstance(value, reference.device):
        return torch.device(str(value))
    if isinstance(value, reference.Generator):
        return torch.Generator().manual_seed(value.initial_seed())
    if isinstance(value, reference.Size):
        return torch.Size(value)
    if isinstance(value, (tuple, list)):
        items = [of(item, seen) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {key: of(item, seen) for key, item in value.items()}
    if isinstance(value, reference.nn.Module):  # one without parameters
        made = named(f"{type(value).__module__}.{type(value).__name__}".removeprefix("torch."))()
        vars(made).update(
            {name: item for name, item in vars(value).items() if isinstance(item, (int, float))}
        )
        return made
    if isinstance(value, slice):
        return slice(*[of(item, seen) for item in (value.start, value.stop, value.step)])
    return function(value, seen) if callable(value) else value


def function(value: Any, seen: dict) -> Any:
    """A function or class of PyTorch, or one of the database that calls them."""
    if isinstance(value, functools.partial):
        return functools.partial(of(value.func, seen), *of(value.args, seen), **of(value.keywords, seen))
    if isinstance(value, types.FunctionType) and str(value.__module__).startswith(OF_THE_DATABASE):
        return _again(value, seen)
    if id(value) in _paths():
        return named(_paths()[id(value)])
    module = getattr(value, "__module__", None) or ""
    if (
        isinstance(value, types.BuiltinMethodType)
        and isinstance(value.__self__, type)
        and module.startswith("torch")
    ):
        return named(f"{module.removeprefix('torch.')}.{value.__name__}")
    if module.split(".")[0] == "torch":
        return named(f"{module}.{getattr(value, '__qualname__', value)}".removeprefix("torch."))
    return value


def _again(value: types.FunctionType, seen: dict) -> Callable:
    """The function with everything that it refers to translated, its module's names when they are asked for."""
    if id(value) in seen:
        return seen[id(value)][0]
    known = inspect.getclosurevars(value)
    # Functions inside this one look there as well.
    names = {name: torch if inner is reference else inner for name, inner in value.__globals__.items()}
    made = types.FunctionType(value.__code__, names, value.__name__, None, None if value.__closure__ is None else tuple(
        types.CellType(of(cell.cell_contents, seen)) for cell in value.__closure__
    ))  # fmt: skip
    seen[id(value)] = (made, value)
    for name, inner in known.globals.items():
        names[name] = torch if inner is reference else _of_name(inner, seen)
    made.__defaults__ = of(value.__defaults__, seen)
    made.__kwdefaults__ = of(value.__kwdefaults__, seen)
    return made


def _of_name(value: Any, seen: dict) -> Any:
    if isinstance(value, types.ModuleType):
        path = value.__name__
        return named(path.removeprefix("torch.")) if path.startswith("torch.nn") else value
    return of(value, seen)


def seed() -> None:
    """Every source of random numbers that the database draws from starts anew."""
    reference.manual_seed(0)
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
