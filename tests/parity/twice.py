"""A file of programs, each a function without arguments, executed with `torch` as PyTorch and as tritonnn."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch as reference
from outcomes import close, outcome

import tritonnn


@cache
def loaded(file: str, library: Any) -> dict[str, Any]:
    """The names of a file of this folder, in which `torch` is a library."""
    space: dict[str, Any] = {"torch": library, "__name__": f"{file}_of_{library.__name__}"}
    exec(compile((Path(__file__).parent / f"{file}.py").read_text(), f"{file}.py", "exec"), space)
    return space


def programs(file: str) -> list[str]:
    """The names of a file's programs."""
    found = loaded(file, tritonnn).items()
    return [n for n, f in found if inspect.isfunction(f) and f.__module__.startswith(file) and n[0] != "_"]


def hold(file: str, name: str, shown: Callable[[Any], Any] = lambda value: value) -> None:
    """Hold a program to PyTorch's result, or type of exception, and number of warnings."""
    kind, got, warned = outcome(tritonnn, lambda library: shown(loaded(file, library)[name]()))
    wanted_kind, wanted, wanted_warned = outcome(
        reference, lambda library: shown(loaded(file, library)[name]())
    )
    assert kind == wanted_kind, f"{got} instead of {wanted}"
    assert [w[0] for w in warned] == [w[0] for w in wanted_warned], f"{warned} instead of {wanted_warned}"
    if kind == "raised":
        assert got[0] == wanted[0], f"{got} instead of {wanted}"
    else:
        close(got, wanted)
