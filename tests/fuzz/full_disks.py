"""Saves where there is no room, or where nothing may be written: the error says so, and the old file is untouched.

`python -m fuzz.full_disks` (with tests/ on PYTHONPATH). The disk is a limit on the size of files; with `--mount`, a
small tmpfs where one may be mounted.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fuzz.kills import WAYS, read, write

SIZES = (1, 100, 4_000, 60_000, 250_000, 1_000_000)  # elements of four bytes, for a disk of a megabyte
NOBODY = 65534


def save(path: Path, way: str, count: int, limit: int = 0, user: int = 0) -> str:
    """What a process of its own, with a limit on files and another user, says of a save: 'saved' or the error."""
    reading, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            _saved(
                Path(os.devnull), way, count
            )  # whatever is loaded when first used: the user may not read this tree
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            if user:
                os.setgroups([])
                os.setuid(user)
            os.write(told, _saved(path, way, count).encode())
        finally:
            os._exit(1)
    os.close(told)
    with open(reading, encoding="utf-8") as text:
        said = text.read()
    os.waitpid(child, 0)
    return said or "the process ended"


def _saved(path: Path, way: str, count: int) -> str:
    try:
        write(way, path, 2.0, count)
    except BaseException as error:
        return f"{type(error).__name__} {error}"
    return "saved"


@contextlib.contextmanager
def small_disk(mount: bool) -> Iterator[tuple[Path, int]]:
    """A folder on a disk of a megabyte and 0; or any folder and the length that files may have in it."""
    with tempfile.TemporaryDirectory() as name:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", name]
        mounted = (
            os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
        )
        try:
            yield Path(name), 0 if mounted else 1 << 20
        finally:
            if mounted:
                subprocess.run(["umount", name], check=True)


def run(mount: bool) -> tuple[int, int, str, list[str]]:
    """(saves, how many of them failed, what the disk was, findings)."""
    findings: list[str] = []
    saves = failed = 0
    with small_disk(mount) as (folder, limit):
        for way in WAYS:
            path = folder / way
            path.write_bytes(b"old")
            for count in SIZES:
                said = save(path, way, count, limit)
                saves += 1
                failed += said != "saved"
                findings += _wrong(way, count, said, path)
                path.write_bytes(b"old")
            path.unlink()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kept").write_bytes(b"old")
        folder.chmod(0o555)
        user = NOBODY if os.geteuid() == 0 else 0
        for way in WAYS:
            for path, old in ((folder / "kept", b"old"), (folder / "new", None)):
                said = save(path, way, 1, 0, user)
                saves, failed = saves + 1, failed + 1
                state = "is as it was before" if old else "does not exist"
                right = (
                    said.startswith("PermissionError") and f"cannot write '{path}'" in said and state in said
                )
                if not right or (path.read_bytes() if path.exists() else None) != old:
                    findings.append(f"{way} into a folder that may not be written: {said}")
        if os.listdir(folder) != ["kept"]:
            findings.append(f"a folder that may not be written: {os.listdir(folder)}")
        folder.chmod(0o755)
    return saves, failed, "a limit on files" if limit else "a tmpfs of a megabyte", findings


def _wrong(way: str, count: int, said: str, path: Path) -> list[str]:
    if said == "saved":
        right = read(way, path).tolist() == [2.0] * count
    else:
        right = "cannot write" in said and "is as it was before" in said and path.read_bytes() == b"old"
        right = right and 4 * count > 500_000
    left = [entry for entry in os.listdir(path.parent) if entry.endswith(".tmp")]
    return [] if right and not left else [f"{way} of {count}: {said}, left {left}"]


def main(mount: bool) -> int:
    """The command line."""
    saves, failed, disk, findings = run(mount)
    print(
        f"{saves} saves on {disk} and into a folder that may not be written, {failed} of them failed as they must"
    )
    print("\n".join(f"FOUND {finding}" for finding in findings))
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main("--mount" in sys.argv))
