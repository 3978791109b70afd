"""The TRITONNN_* environment variables."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tritonnn import config

ROOT = Path(__file__).resolve().parent.parent


def import_config(**environ: str) -> subprocess.CompletedProcess[str]:
    """Import the module in a fresh process, without the rest of the library."""
    code = (
        f"import importlib.util as u; s = u.spec_from_file_location('config', {config.__file__!r});"
        "m = u.module_from_spec(s); s.loader.exec_module(m); print(m.NAN_POISON, m.CACHE_DIR)"
    )
    return subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "text, value", [("1", True), ("true", True), ("ON", True), ("0", False), ("no", False), ("off", False)]
)
def test_flag(text: str, value: bool) -> None:
    assert config.parse("TRITONNN_NAN_POISON", config.flag, None, {"TRITONNN_NAN_POISON": text}) is value


@pytest.mark.parametrize("text", ["", "2", "maybe"])
def test_bad_value_is_refused(text: str) -> None:
    with pytest.raises(
        config.ConfigError, match=rf"TRITONNN_NAN_POISON='{text}' is not valid: expected one of 1"
    ):
        config.parse("TRITONNN_NAN_POISON", config.flag, False, {"TRITONNN_NAN_POISON": text})


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_count_is_whole_and_positive(text: str) -> None:
    assert config.parse("X", config.count, 1, {"X": "8"}) == 8
    with pytest.raises(config.ConfigError, match="expected a whole number of at least 1"):
        config.parse("X", config.count, 1, {"X": text})


def test_directory_is_absolute() -> None:
    value = config.parse("X", config.directory, "", {"X": "~/a"})
    assert value == str(Path("~/a").expanduser())
    with pytest.raises(config.ConfigError):
        config.parse("X", config.directory, "", {"X": " "})


def test_unknown_variable_names_the_nearest() -> None:
    (message,) = config.unknown(["TRITONNN_NAN_POISN", "TRITON_INTERPRET", "TRITONNN_NAN_POISON"])
    assert message.startswith("environment variable TRITONNN_NAN_POISN is not known")
    assert message.endswith("did you mean TRITONNN_NAN_POISON?")
    (message,) = config.unknown(["TRITONNN_XYZ"])
    assert message.endswith("known: " + ", ".join(sorted(config.table)))


def test_read_from_the_environment() -> None:
    done = import_config(TRITONNN_NAN_POISON="yes", TRITONNN_CACHE_DIR="/tmp/x")
    assert (done.stdout, done.stderr) == ("True /tmp/x\n", "")
    done = import_config(XDG_CACHE_HOME="/tmp/cache")
    assert done.stdout == "False /tmp/cache/tritonnn\n"
    done = import_config(TRITONNN_NAN_POISON="perhaps")
    assert done.returncode == 1
    assert "ConfigError: TRITONNN_NAN_POISON='perhaps'" in done.stderr
    done = import_config(TRITONNN_CASH_DIR="/tmp/x")
    assert done.returncode == 0
    assert "did you mean TRITONNN_CACHE_DIR?" in done.stderr


def test_describe_lists_every_variable() -> None:
    text = config.describe()
    assert all(f"{row.name}={row.value}" in text and row.doc in text for row in config.table.values())


def test_every_variable_is_used() -> None:
    """A switch in the table that nothing reads would do nothing without a word."""
    files = [p for d in ("tritonnn", "kernels", "cpu_fallback", "perf") for p in (ROOT / d).rglob("*.py")]
    source = "\n".join(path.read_text() for path in files if path.name != "config.py")
    names = {name: name.removeprefix(config.PREFIX) for name in config.table}
    used = r"config\.{0}\b|from tritonnn\.config import .*\b{0}\b"
    unused = [name for name, short in names.items() if not re.search(used.format(short), source)]
    assert not unused


def test_no_variable_is_read_elsewhere() -> None:
    for folder in ("tritonnn", "kernels", "cpu_fallback"):
        for path in (ROOT / folder).rglob("*.py"):
            strings = [n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)]
            names = [s for s in strings if isinstance(s, str) and re.fullmatch(r"TRITONNN_[A-Z_]+", s)]
            assert not names or path.name == "config.py", f"{path} reads {names}: add it to config.py"
