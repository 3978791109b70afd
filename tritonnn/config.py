"""The environment variables that tritonnn reads: one table, read once when this module is imported.

Each constant below is one variable, `TRITONNN_` + the constant's name. A bad value is refused, and a
`TRITONNN_*` variable that is not in the table is warned about, since a misspelt switch that silently does
nothing is worse than none. `describe()` prints the table.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar

__all__ = [
    "CACHE_DIR",
    "NAN_POISON",
    "SIMULATED_DEVICES",
    "VERIFY",
    "ConfigError",
    "Variable",
    "describe",
    "table",
]

PREFIX = "TRITONNN_"
T = TypeVar("T")


class ConfigError(ValueError):
    """A TRITONNN_* environment variable has a value that cannot be used."""


class Variable(NamedTuple):
    """One row of the table: the variable's full name, what it accepts, its default, value and purpose."""

    name: str
    accepts: str
    default: object
    value: object
    doc: str


table: dict[str, Variable] = {}


def flag(text: str) -> bool:
    """one of 1, 0, true, false, yes, no, on, off"""
    value = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False}.get(
        text.strip().lower(), False if text.strip().lower() == "off" else None
    )
    if value is None:
        raise ValueError(text)
    return value


def directory(text: str) -> str:
    """a path; ~ is expanded"""
    if not text.strip():
        raise ValueError(text)
    return os.path.abspath(os.path.expanduser(text))


def count(text: str) -> int:
    """a whole number of at least 1"""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def parse(name: str, accept: Callable[[str], T], default: T, environ: Mapping[str, str]) -> T:
    """The value of variable `name` in `environ`, or `default` where it is not set.

    Raises ConfigError where the text is not what `accept` takes.
    """
    text = environ.get(name)
    if text is None:
        return default
    try:
        return accept(text)
    except ValueError:
        raise ConfigError(f"{name}={text!r} is not valid: expected {accept.__doc__}") from None


def _variable(name: str, accept: Callable[[str], T], default: T, doc: str) -> T:
    name = PREFIX + name
    value = parse(name, accept, default, os.environ)
    table[name] = Variable(name, accept.__doc__ or "", default, value, doc)
    return value


def unknown(names: Iterable[str]) -> list[str]:
    """One message for each TRITONNN_* name in `names` that is not in the table, with the nearest match."""
    messages = []
    for name in sorted(names):
        if not name.startswith(PREFIX) or name in table:
            continue
        import difflib  # only a misspelt variable pays for it

        near = difflib.get_close_matches(name, table, n=1, cutoff=0.75)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(table))}"
        messages.append(f"environment variable {name} is not known to tritonnn and has no effect; {hint}")
    return messages


def describe() -> str:
    """The table as text: one variable a line, with its value, default and purpose."""
    lines = []
    for row in table.values():
        lines.append(f"{row.name}={row.value}  (default {row.default}; {row.accepts})\n    {row.doc}")
    return "\n".join(lines)


NAN_POISON = _variable(
    "NAN_POISON",
    flag,
    False,
    "Fill every output with NaN (integers: the largest value) before the backend writes it, so that an "
    "element left unwritten shows.",
)
CACHE_DIR = _variable(
    "CACHE_DIR",
    directory,
    os.path.join(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache"), "tritonnn"),
    "Folder for what is kept between runs, such as autotuning results.",
)
SIMULATED_DEVICES = _variable(
    "SIMULATED_DEVICES", count, 1, "Number of GPUs that the simulated cuda device shows."
)
CHECK_INDICES = _variable(
    "CHECK_INDICES",
    flag,
    False,
    "On a GPU, wait for embeddings, losses and indexing to find out whether an index or class is out of range and "
    "raise the error that the CPU raises. Otherwise such an element reads as NaN (0 for integers) and is not written.",
)

VERIFY = _variable(
    "VERIFY",
    flag,
    False,
    "Run every GPU operation's NumPy twin beside its kernel and raise at the first that differs, and at the first "
    "operation that makes NaN or infinity out of finite numbers: `torch.verify()` for the whole program.",
)

for _message in unknown(os.environ):
    warnings.warn(_message, UserWarning)
