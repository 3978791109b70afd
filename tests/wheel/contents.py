"""What belongs into an sdist and a wheel, and what does not: problems as lines of text."""

from __future__ import annotations

import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("tritonnn", "kernels", "cpu_fallback")
# Files that the library reads when it runs, or that type checkers read.
KINDS = (".py", ".pyi", ".json", ".toml", ".bin", ".txt", ".typed")
REQUIRED = {"numpy", "ml_dtypes", "safetensors"}


def sources() -> set[str]:
    """The library's files as they stand in the source tree."""
    return {
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in KINDS and "__pycache__" not in path.parts
    }


def installed(source: str) -> str:
    """'kernels/softmax.py' -> 'tritonnn/kernels/softmax.py'."""
    return source if source.startswith("tritonnn/") else f"tritonnn/{source}"


def wheel_problems(wheel: Path) -> list[str]:
    """What a wheel lacks, or has too much."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        information = next(name.split("/")[0] for name in names if ".dist-info/" in name)
        metadata = message_from_bytes(archive.read(f"{information}/METADATA"))
        scripts = archive.read(f"{information}/entry_points.txt").decode()
    own = {name for name in names if not name.startswith(f"{information}/")}
    wanted = {installed(source) for source in sources()}
    problems = [f"{name} is missing" for name in sorted(wanted - own)]
    problems += [f"{name} does not belong there" for name in sorted(own - wanted)]
    if not any(name.endswith("/LICENSE") for name in names - own):
        problems.append("the licence is missing")
    if "tritonnn = tritonnn._command:main" not in scripts:
        problems.append("the command tritonnn is missing")
    required = [r for r in metadata.get_all("Requires-Dist") or () if "extra ==" not in r]
    if {r.split(">")[0].strip() for r in required} != REQUIRED:
        problems.append(f"what it requires without an extra is {required}")
    return problems


def sdist_problems(sdist: Path) -> list[str]:
    """What an sdist lacks, or has too much."""
    with tarfile.open(sdist) as archive:
        names = {m.name.partition("/")[2] for m in archive.getmembers() if m.isfile()}
    wanted = sources() | {"LICENSE", "README.md", "pyproject.toml", "setup.py", "MANIFEST.in"}
    made = {"PKG-INFO", "setup.cfg"}
    problems = [f"{name} is missing" for name in sorted(wanted - names)]
    surplus = {name for name in names - wanted - made if not name.startswith("tritonnn.egg-info/")}
    return problems + [f"{name} does not belong there" for name in sorted(surplus)]
