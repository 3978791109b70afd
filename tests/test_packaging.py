"""The package installs as a wheel and runs from the source tree, backends included."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "tritonnn", "kernels", "cpu_fallback")
USE = (
    "import tritonnn as t, tritonnn.kernels as k, tritonnn.cpu_fallback as c;"
    "print(t.__file__, k.__file__, c.__file__)"
)


def copy_sources(target: Path) -> None:
    """A clean copy of what is packaged: building in the tree would leave files in it."""
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=ignore)
        else:
            shutil.copy(source, target / name)


def imported(path: Path) -> list[str]:
    """Where the library and its backends come from with only `path` to import them from."""
    environ = {**os.environ, "PYTHONPATH": str(path)}
    # -S leaves out site-packages' hooks, and with them this repository's editable install.
    site = next(p for p in sys.path if p.endswith("site-packages"))
    code = f"import sys; sys.path.append({site!r}); {USE}"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=environ, cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.slow
def test_wheel(tmp_path: Path) -> None:
    copy_sources(tmp_path)
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        "out",
        ".",
    ]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "out").glob("tritonnn-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    expected = {
        path.relative_to(ROOT).as_posix()
        if folder == "tritonnn"
        else f"tritonnn/{path.relative_to(ROOT).as_posix()}"
        for folder in ("tritonnn", "kernels", "cpu_fallback")
        for pattern in ("*.py", "*.pyi")
        for path in (ROOT / folder).rglob(pattern)
    }
    assert expected <= names
    assert "tritonnn/py.typed" in names
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"tritonnn"}
    site = str(tmp_path / "site" / "tritonnn")
    assert imported(tmp_path / "site") == [
        f"{site}/__init__.py",
        f"{site}/kernels/__init__.py",
        f"{site}/cpu_fallback/__init__.py",
    ]


def test_source_tree(tmp_path: Path) -> None:
    copy_sources(tmp_path)
    assert imported(tmp_path) == [
        f"{tmp_path}/{name}/__init__.py" for name in ("tritonnn", "kernels", "cpu_fallback")
    ]


def test_every_package_has_an_init() -> None:
    for folder in ("tritonnn", "kernels", "cpu_fallback"):
        for path in (ROOT / folder).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), f"{path.parent} would be left out of the wheel"
