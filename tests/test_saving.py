"""What survives a failure while writing, and what a writer never replaces."""

from __future__ import annotations

import io
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors as library

import tritonnn as torch
from tritonnn.serialization import _files
from tritonnn.utils import safetensors


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    torch.save(torch.ones(2), path)
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        torch.save(lambda: 1, path)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_files.os, "fsync", full)
    with pytest.raises(OSError, match=r"cannot write '.*model\.pt': No space left.*is as it was before"):
        torch.save(torch.zeros(2), path)
    with pytest.raises(OSError, match="does not exist"):
        torch.save(torch.zeros(2), tmp_path / "new.pt")
    with pytest.raises(OSError, match="No space left"):
        safetensors.save_file({"x": torch.zeros(2)}, path)
    assert os.listdir(tmp_path) == ["model.pt"] and torch.load(path).tolist() == [1, 1]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are a matter of POSIX")
@pytest.mark.parametrize("way", ["torch.save({'x': big}, path)", "save_file({'x': big}, path)"])
def test_a_disk_that_is_really_full(tmp_path, way):
    path = tmp_path / "model.bin"
    path.write_bytes(b"old")
    code = (
        "import resource, signal, sys\n"
        "import tritonnn as torch\n"
        "from tritonnn.utils.safetensors import save_file\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"path, big = {str(path)!r}, torch.zeros(10000)\n"
        f"try:\n    {way}\nexcept OSError as error:\n    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "cannot write" in run.stdout and "is as it was before" in run.stdout, run.stderr
    assert not run.stderr
    assert os.listdir(tmp_path) == ["model.bin"] and path.read_bytes() == b"old"


def test_permissions_links_and_devices(tmp_path):
    path, link = tmp_path / "real.pt", tmp_path / "link.pt"
    torch.save(1, path)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(_plain_file(tmp_path).stat().st_mode)
    path.chmod(0o640)
    link.symlink_to(path)
    torch.save(2, link)
    assert link.is_symlink() and torch.load(path) == 2 and stat.S_IMODE(path.stat().st_mode) == 0o640
    torch.save(3, os.devnull)


def _plain_file(folder: Path) -> Path:
    (folder / "plain").write_text("")
    return folder / "plain"


def _ways(path) -> dict:
    """Every function that writes a file by its name."""
    tensors, model = {"x": torch.ones(2)}, torch.nn.Linear(1, 1)
    return {
        "save": lambda: torch.save(tensors, path),
        "save, before 1.6": lambda: torch.save(tensors, path, _use_new_zipfile_serialization=False),
        "save_file": lambda: safetensors.save_file(tensors, path),
        "save_model": lambda: safetensors.save_model(model, path),
    }


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="pipes, locks and signals of POSIX")
WAYS = pytest.mark.parametrize("way", _ways(""))


@POSIX
@WAYS
def test_pipes_and_devices_are_not_replaced(tmp_path, way):
    pipe, link = tmp_path / "pipe", tmp_path / "null"
    os.mkfifo(pipe)
    link.symlink_to(os.devnull)
    reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
    try:
        if way.startswith("save_"):
            for path in (pipe, link, os.devnull):
                with pytest.raises(OSError, match=f"'{path}' is a device or a pipe, not a file"):
                    _ways(path)[way]()
            with pytest.raises(OSError, match="is a device or a pipe"):
                safetensors.load_file(pipe)
            pipe.write_bytes(b"end")
        else:
            with pytest.raises(OSError, match="is a device or a pipe"):
                torch.load(pipe)
            _ways(link)[way]()
            _ways(pipe)[way]()
            assert torch.load(io.BytesIO(reader.stdout.read()))["x"].tolist() == [1, 1]
    finally:
        reader.kill()
        reader.communicate()
    assert stat.S_ISFIFO(pipe.stat().st_mode) and link.is_symlink()
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode) and sorted(os.listdir(tmp_path)) == ["null", "pipe"]


@WAYS
def test_a_folder_is_told(tmp_path, way):
    with pytest.raises(IsADirectoryError):
        _ways(tmp_path)[way]()


@POSIX
@WAYS
def test_what_a_killed_save_left_is_cleaned(tmp_path, way):
    """By the next save to the name, and only what nobody writes any more, of that name."""
    path = tmp_path / "model.pt"
    left, other, own = (
        tmp_path / name for name in (".model.pt.01234567.tmp", ".other.pt.01234567.tmp", ".model.pt.tmp")
    )
    for file in (left, other, own):
        file.write_bytes(b"half")
    writing = tmp_path / ".model.pt.89abcdef.tmp"
    code = "import fcntl, sys\nf = open(sys.argv[1], 'wb')\nfcntl.flock(f, fcntl.LOCK_EX)\nprint(flush=True)\ninput()"
    writer = subprocess.Popen(
        [sys.executable, "-c", code, writing], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        writer.stdout.readline()
        _ways(path)[way]()
        assert {*os.listdir(tmp_path)} == {"model.pt", other.name, own.name, writing.name}
    finally:
        writer.kill()
        writer.communicate()
    _ways(path)[way]()
    assert {*os.listdir(tmp_path)} == {"model.pt", other.name, own.name}


@POSIX
def test_two_writers_of_one_name(tmp_path):
    path = tmp_path / "model.pt"
    with _files.atomic_write(path) as first:
        first.write(b"first")
        with _files.atomic_write(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first" and os.listdir(tmp_path) == ["model.pt"]


def test_a_long_name(tmp_path):
    path = tmp_path / ("n" * 250)
    torch.save(1, path)
    assert torch.load(path) == 1 and os.listdir(tmp_path) == [path.name]


def test_a_folder_that_cannot_be_synced(tmp_path, monkeypatch):
    """The file is in its place by then, and the message does not say otherwise."""
    path = tmp_path / "model.pt"
    torch.save(1, path)

    def fails(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(_files, "_sync", fails)
    with pytest.raises(OSError, match="the file is written, but perhaps not yet in the folder"):
        torch.save(2, path)
    assert torch.load(path) == 2


def test_safetensors_writes_what_the_library_does(tmp_path):
    tensors = {"b": torch.ones(2), "a": torch.zeros(3, dtype=torch.uint8), 'é"': torch.zeros(0, 2)}
    kinds = safetensors._KINDS.keys() - {"float4_e2m1fn_x2"}  # a byte holds two: see test_rare_dtypes.py
    tensors |= {f"as {name}": torch.ones(1).to(getattr(torch, name)) for name in kinds}
    spec = {n: {"dtype": t.dtype.name, "shape": list(t.shape)} for n, t in tensors.items()}
    arrays = {n: np.frombuffer(bytes(t._storage.bytes()), np.uint8) for n, t in tensors.items()}
    if hasattr(library, "TensorSpec"):
        given = {
            n: library.TensorSpec(**spec[n], data_ptr=a.ctypes.data, data_len=a.nbytes)
            for n, a in arrays.items()
        }
    else:
        given = {n: {**spec[n], "data": a.tobytes()} for n, a in arrays.items()}
    wanted = bytes(library.serialize(given, {"a": "<"}))
    safetensors.save_file(tensors, tmp_path / "a", {"a": "<"})
    assert safetensors.save(tensors, {"a": "<"}) == wanted == (tmp_path / "a").read_bytes()
    metadata = {"k": 'vé\n\x01\u2028"', "a": "\x7f"}
    made, again = safetensors.save(tensors, metadata), bytes(library.serialize(given, metadata))
    assert dict(library.deserialize(made)) == dict(library.deserialize(again)) and len(made) == len(again)


class Raw(io.RawIOBase):
    """A raw file, as `open(path, "wb", buffering=0)`: it may write a part of what it is given."""

    def __init__(self, most: int | None, seeks: bool = False) -> None:
        self.held, self.most, self.seeks = bytearray(), most, seeks

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        if not self.seeks:
            raise io.UnsupportedOperation
        return len(self.held)

    def write(self, data: Any) -> int | None:
        if self.most is None:
            return None
        part = bytes(memoryview(data).cast("B")[: self.most])
        self.held += part
        return len(part)


@pytest.mark.parametrize("zipped", (True, False))
def test_a_file_object_that_writes_parts_gets_everything(zipped: bool) -> None:
    x = {"x": torch.arange(1000.0)}
    file = Raw(100)
    torch.save(x, file, _use_new_zipfile_serialization=zipped)
    assert torch.load(io.BytesIO(bytes(file.held)))["x"].equal(x["x"])
    for most, error in ((0, OSError), (None, BlockingIOError)):
        with pytest.raises(error, match="save: the file object"):
            torch.save(x, Raw(most), _use_new_zipfile_serialization=zipped)


def test_a_file_object_that_says_nothing() -> None:
    """Of the user's own: `write` alone, which returns None."""
    parts: list[bytes] = []

    class Own:
        def write(self, data: Any) -> None:
            parts.append(bytes(data))

    torch.save([torch.ones(3)], Own())
    assert torch.load(io.BytesIO(b"".join(parts)))[0].tolist() == [1, 1, 1]
