"""Archives of datasets: unpacked whole or not at all, and never outside of the folder."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import multiprocessing
import os
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tritonnn.vision.datasets import _archives
from tritonnn.vision.datasets.utils import download_and_extract_archive, extract_archive

OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def tar(path: Path, *members: tuple[str, object], mode: str = "w") -> Path:
    """A tar file: names with bytes, None for a folder, or a TarInfo's fields."""
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o700
            elif isinstance(content, dict):
                for field, value in content.items():
                    setattr(info, field, value)
            data = content if isinstance(content, bytes) else b""
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def link(target: str) -> dict[str, object]:
    return {"type": tarfile.SYMTYPE, "linkname": target}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz"])
def test_tar(suffix, tmp_path):
    kind = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "tbz": "w:bz2", "tbz2": "w:bz2", "xz": "w:xz"}
    mode = kind.get(suffix.rpartition(".")[2], "w")
    path = tar(tmp_path / f"a{suffix}", ("set", None), ("set/1.txt", b"one"), ("./2.txt", b"two"), mode=mode)
    assert extract_archive(path, tmp_path / "new") == tmp_path / "new"
    assert tree(tmp_path / "new") == {"set/1.txt": b"one", "2.txt": b"two"}
    assert extract_archive(str(path)) == str(tmp_path) and (tmp_path / "2.txt").exists()
    extract_archive(path, tmp_path / "other", remove_finished=True)
    assert not path.exists() and not [name for name in os.listdir(tmp_path) if name.startswith(".extracting")]


def test_zip(tmp_path):
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path = tmp_path / f"{method}.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("set/1.txt", b"one" * 100)
        extract_archive(path, tmp_path / str(method))
        assert tree(tmp_path / str(method)) == {"set/1.txt": b"one" * 100}


@pytest.mark.parametrize("suffix", OPENERS)
def test_one_compressed_file(suffix, tmp_path):
    path = tmp_path / f"a.csv{suffix}"
    with OPENERS[suffix](path, "wb") as file:
        file.write(b"1,2\n" * 1000)
    (tmp_path / "new").mkdir()
    assert extract_archive(path, tmp_path / "new") == tmp_path / "new" / "a.csv"
    assert extract_archive(str(path), remove_finished=True) == str(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "new" / "a.csv").read_bytes() == b"1,2\n" * 1000
    assert not path.exists()


def test_names_that_do_not_tell(tmp_path):
    for name, says in (("a", "no suffixes"), ("a.rar", "Unknown compression or archive type: '.rar'")):
        with pytest.raises(RuntimeError, match=says):
            extract_archive(tmp_path / name)


ESCAPES = {
    "above": [("../evil.txt", b"x")],
    "above, later": [("good.txt", b"x"), ("a/../../evil.txt", b"x")],
    "absolute": [("/tmp/evil.txt", b"x")],
    "link above": [("set/out", link("../../outside"))],
    "absolute link": [("out", link("/etc"))],
    "through a link": [("in", None), ("out", link("in")), ("out/evil.txt", b"x")],
    "over a link": [("in.txt", b"x"), ("out", link("in.txt")), ("out", b"evil")],
    "steps of links": [("a", None), ("a/b", None), ("a/b/up", link("../..")), ("far", link("a/b/up/.."))],
    "hard link above": [("out", {"type": tarfile.LNKTYPE, "linkname": "../outside"})],
    "hard link to a link": [
        ("in", b""), ("soft", link("in")), ("out", {"type": tarfile.LNKTYPE, "linkname": "soft"}),
    ],
    "device": [("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})],
    "pipe": [("pipe", {"type": tarfile.FIFOTYPE})],
}  # fmt: skip


@pytest.mark.parametrize("case", ESCAPES)
def test_nothing_gets_out(case, tmp_path):
    path = tar(tmp_path / "evil.tar", *ESCAPES[case])
    inside = tmp_path / "data" / "inside"
    with pytest.raises(RuntimeError, match=r"evil\.tar: its member '.*refused"):
        extract_archive(path, inside)
    assert list(inside.iterdir()) == [] and sorted(os.listdir(tmp_path)) == ["data", "evil.tar"]


def test_nothing_gets_out_of_a_zip(tmp_path):
    for name in ("../evil.txt", "/evil.txt", "a/../../evil.txt"):
        with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
            archive.writestr("good.txt", b"x")
            archive.writestr(name, b"x")
        with pytest.raises(RuntimeError, match=f"member '{name}' would be written outside"):
            extract_archive(tmp_path / "evil.zip", tmp_path / "inside")
        assert tree(tmp_path) == {"evil.zip": (tmp_path / "evil.zip").read_bytes()}


def test_links_inside(tmp_path):
    members = [("set", None), ("set/1.txt", b"one"), ("set/now", link("1.txt")), ("latest", link("set"))]
    hard = ("set/2.txt", {"type": tarfile.LNKTYPE, "linkname": "set/1.txt"})
    extract_archive(tar(tmp_path / "a.tar", *members, hard), tmp_path / "new")
    assert os.readlink(tmp_path / "new" / "set" / "now") == "1.txt"
    for name in ("latest/now", "latest/1.txt", "set/2.txt"):
        assert (tmp_path / "new" / name).read_bytes() == b"one"


def test_rights_and_owners_are_the_users(tmp_path):
    fields = {"mode": 0o4777, "uid": 12345, "gid": 12345, "uname": "somebody", "gname": "somebody"}
    extract_archive(tar(tmp_path / "a.tar", ("tool", fields), ("closed", {"mode": 0})), tmp_path / "new")
    tool, closed = ((tmp_path / "new" / name).stat() for name in ("tool", "closed"))
    assert stat.S_IMODE(tool.st_mode) == 0o755 and stat.S_IMODE(closed.st_mode) == 0o644
    assert tool.st_uid == os.getuid()


def test_damaged_ones(tmp_path):
    whole = tar(tmp_path / "a.tar.gz", ("1.txt", os.urandom(5000)), mode="w:gz").read_bytes()
    zipped = tmp_path / "whole.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("1.txt", bytes(5000))
    for name, data in (
        ("cut.tar.gz", whole[:2000]), ("text.tar", b"no archive"), ("empty.zip", b""),
        ("cut.zip", zipped.read_bytes()[:3000]), ("cut.csv.gz", gzip.compress(os.urandom(5000))[:3000]),
        ("text.csv.xz", b"no archive"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(data)
        with pytest.raises(
            (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError), match=name
        ):
            extract_archive(tmp_path / name, tmp_path / "new")
        assert not (tmp_path / "new").exists() or list((tmp_path / "new").iterdir()) == [], name


def test_folders_grow_together(tmp_path):
    """As those of several archives of one dataset do; what was there is replaced."""
    new = tmp_path / "new"
    extract_archive(tar(tmp_path / "1.tar", ("kit/2007/1.txt", b"old"), ("kit/list", b"x")), new)
    extract_archive(
        tar(tmp_path / "2.tar", ("kit/2007/1.txt", b"new"), ("kit/2012/2.txt", b"2"), ("kit/list/a", b"")),
        new,
    )
    assert tree(new) == {"kit/2007/1.txt": b"new", "kit/2012/2.txt": b"2", "kit/list/a": b""}


def test_interrupted(tmp_path, monkeypatch):
    """Nothing of an archive is there before all of it is."""
    path = tar(tmp_path / "a.tar", ("set/1.txt", b"1"), ("set/2.txt", b"2"))
    take, taken = _archives._Room.take, []

    def second_fails(room, archive, member):
        if taken:
            raise KeyboardInterrupt
        taken.append(member.name)
        take(room, archive, member)

    monkeypatch.setattr(_archives._Room, "take", second_fails)
    with pytest.raises(KeyboardInterrupt):
        extract_archive(path, tmp_path / "new")
    assert taken == ["set/1.txt"] and list((tmp_path / "new").iterdir()) == []


def _unpack(folder: Path, gate: Any) -> None:
    gate.wait()
    for name in ("a.tar", "b.csv.gz"):
        extract_archive(folder / name, folder / "new")


@pytest.mark.skipif(os.name == "nt", reason="processes are forked")
def test_processes_that_unpack_the_same(tmp_path):
    content = {f"set/{i}/{j}.txt": f"{i}{j}".encode() * 1000 for i in range(5) for j in range(20)}
    tar(tmp_path / "a.tar", *content.items())
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(bytes(1000000)))
    (tmp_path / "new").mkdir()
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(4)
    processes = [context.Process(target=_unpack, args=(tmp_path, gate)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert tree(tmp_path / "new") == {**content, "b.csv": bytes(1000000)}


def test_download_and_extract(tmp_path):
    source = tar(tmp_path / "a.tgz", ("1.txt", b"one"), mode="w:gz")
    download_and_extract_archive(
        source.as_uri(), tmp_path / "down", tmp_path / "out", "b.tgz", remove_finished=True
    )
    assert tree(tmp_path / "out") == {"1.txt": b"one"} and tree(tmp_path / "down") == {}
    download_and_extract_archive(source.as_uri(), tmp_path / "down")
    assert set(tree(tmp_path / "down")) == {"1.txt", "a.tgz"}
