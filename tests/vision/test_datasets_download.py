"""Files of datasets over HTTP: whole and checked or not at all, cut connections carried on with."""

from __future__ import annotations

import errno
import gzip
import hashlib
import multiprocessing
import os
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest
from fake_files import idx_bytes, random
from file_server import serving

from tritonnn.vision.datasets import MNIST, _download, utils
from tritonnn.vision.datasets.utils import download_url

DATA = bytes(range(256)) * 40
MD5 = hashlib.md5(DATA).hexdigest()


@pytest.fixture
def server():
    with serving() as one:
        one.files["/a.bin"] = DATA
        yield one


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    monkeypatch.setattr(_download, "PAUSE", 0.0)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_plain(server, tmp_path, capsys):
    download_url(f"{server.url}/a.bin", tmp_path / "new" / "folder", md5=MD5)
    assert (tmp_path / "new" / "folder" / "a.bin").read_bytes() == DATA
    assert left(tmp_path / "new" / "folder") == ["a.bin"] and "10.0k" in capsys.readouterr().err
    download_url(f"{server.url}/a.bin", tmp_path / "new" / "folder", md5=MD5)
    download_url(f"{server.url}/a.bin", tmp_path / "new" / "folder")
    assert server.count("/a.bin") == 1  # it is there


def test_progress_without_tqdm(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    server.files["/big"] = bytes(3 << 20)
    download_url(f"{server.url}/big", tmp_path)
    assert "3.0 of 3.0 MiB (100%)" in capsys.readouterr().err


def test_wrong_md5(server, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"older")
    with pytest.raises(
        RuntimeError, match=f"File not found or corrupted: .*a.bin gave {len(DATA)} bytes .*{MD5}"
    ) as error:
        download_url(f"{server.url}/a.bin", tmp_path, md5="0" * 32)
    assert str(tmp_path / "a.bin") in str(error.value)
    assert left(tmp_path) == ["a.bin"] and (tmp_path / "a.bin").read_bytes() == b"older"


@pytest.mark.parametrize("md5", [MD5, None])
@pytest.mark.parametrize("query", ["cut=3000&etag", "cut=3000&norange&etag", "cut=0&times=3"])
def test_cut_connection(server, tmp_path, query, md5):
    download_url(f"{server.url}/a.bin?{query}", tmp_path, "a.bin", md5)
    assert (tmp_path / "a.bin").read_bytes() == DATA and left(tmp_path) == ["a.bin"]


def test_resume_asks_for_the_rest_only(server, tmp_path):
    download_url(f"{server.url}/a.bin?cut=3000", tmp_path, "a.bin", MD5)
    assert [asked for _, asked in server.requests] == [None, "bytes=3000-"]


def test_resume_without_md5_needs_the_servers_word(server, tmp_path):
    for query, second in (("cut=3000&etag", "bytes=3000-"), ("cut=3000", None)):
        server.requests.clear()
        download_url(f"{server.url}/a.bin?{query}", tmp_path, f"{query}.bin")
        assert [asked for _, asked in server.requests] == [None, second]
        assert (tmp_path / f"{query}.bin").read_bytes() == DATA


def test_what_an_earlier_attempt_left(server, tmp_path):
    url = f"{server.url}/a.bin?cut=1000&times=9"
    with pytest.raises(OSError, match="the connection ended after 4000 of 10240 bytes"):
        download_url(url, tmp_path, "a.bin", MD5)
    assert left(tmp_path) == ["a.bin.part"] and (tmp_path / "a.bin.part").read_bytes() == DATA[:4000]
    server.requests.clear()
    download_url(f"{server.url}/a.bin", tmp_path, "a.bin", MD5)
    assert server.requests == [("/a.bin", "bytes=4000-")]
    assert (tmp_path / "a.bin").read_bytes() == DATA and left(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("part", [b"x" * 100, DATA + b"more", DATA], ids=["another", "longer", "whole"])
def test_part_of_another_file(server, tmp_path, part):
    """Bytes that do not belong to it, more than there are, and all of them: the server answers 416 to the last two."""
    (tmp_path / "a.bin.part").write_bytes(part)
    download_url(f"{server.url}/a.bin", tmp_path, "a.bin", MD5)
    assert (tmp_path / "a.bin").read_bytes() == DATA and left(tmp_path) == ["a.bin"]
    (tmp_path / "b.bin.part").write_bytes(part)
    download_url(f"{server.url}/a.bin", tmp_path, "b.bin")
    assert (tmp_path / "b.bin").read_bytes() == DATA


def test_without_md5_nothing_is_left(server, tmp_path):
    with pytest.raises(OSError, match="ended after"):
        download_url(f"{server.url}/a.bin?cut=1000&times=9", tmp_path, "a.bin")
    assert left(tmp_path) == []


def test_another_part_than_asked_for(server, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(DATA[:100])
    with pytest.raises(OSError, match="asked for byte 100 and what follows, the server sent byte 99"):
        download_url(f"{server.url}/a.bin?shift", tmp_path, "a.bin", MD5)
    assert not (tmp_path / "a.bin").exists()


def test_changed_meanwhile(server, tmp_path):
    """The server's file is another one when the rest is asked for: it is sent as a whole."""
    server.then = lambda: server.files.update({"/a.bin": b"new" * 1000})
    download_url(f"{server.url}/a.bin?cut=10&etag", tmp_path, "a.bin")
    assert [asked for _, asked in server.requests] == [None, "bytes=10-"]
    assert (tmp_path / "a.bin").read_bytes() == b"new" * 1000


def test_server_that_has_nothing_behind_any_part(server, tmp_path):
    server.files["/a.bin"] = b""
    (tmp_path / "a.bin.part").write_bytes(b"x")
    with pytest.raises(RuntimeError, match="gave 0 bytes"):
        download_url(f"{server.url}/a.bin", tmp_path, "a.bin", MD5)
    assert left(tmp_path) == []


def test_busy_and_missing(server, tmp_path):
    download_url(f"{server.url}/a.bin?busy=2", tmp_path, "a.bin", MD5)
    assert (tmp_path / "a.bin").read_bytes() == DATA and server.count("/a.bin") == 3
    with pytest.raises(HTTPError, match="404"):
        download_url(f"{server.url}/b.bin", tmp_path)
    assert server.count("/b.bin") == 1 and left(tmp_path) == ["a.bin"]


def test_redirection(server, tmp_path):
    download_url(f"{server.url}/a.bin?hops=3", tmp_path, "a.bin", MD5)
    assert (tmp_path / "a.bin").read_bytes() == DATA
    with pytest.raises(RecursionError, match="exceeded 3 redirects"):
        download_url(f"{server.url}/a.bin?hops=4", tmp_path, "b.bin", MD5)
    download_url(f"{server.url}/a.bin?hops=4", tmp_path, "b.bin", MD5, max_redirect_hops=4)
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    with pytest.raises(ValueError, match="redirects to the local file"):
        download_url(f"{server.url}/a.bin?to={secret.as_uri()}", tmp_path, "c.bin")
    assert left(tmp_path) == ["a.bin", "b.bin", "secret"]


def test_other_urls(tmp_path):
    (tmp_path / "a file").write_bytes(DATA)
    download_url((tmp_path / "a file").as_uri(), tmp_path / "new", md5=MD5)
    assert (tmp_path / "new" / "a file").read_bytes() == DATA
    with pytest.raises(URLError):
        download_url((tmp_path / "none").as_uri(), tmp_path / "new")
    with pytest.raises(ValueError, match="file, http or https"):
        download_url("ftp://example.org/a", tmp_path / "new")
    with pytest.raises(URLError):
        download_url("http://127.0.0.1:9/a", tmp_path / "new")  # nobody listens
    assert left(tmp_path / "new") == ["a file"]


def test_google_drive(server, tmp_path, monkeypatch):
    monkeypatch.setattr(utils, "DRIVE", f"{server.url}/{{}}")
    server.files["/1d"] = DATA
    utils.download_file_from_google_drive("1d", tmp_path, "a.bin", MD5)
    download_url("https://drive.google.com/file/d/1d/view?usp=sharing", tmp_path, "b.bin", MD5)
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes() == DATA
    server.files["/2d"], server.kinds["/2d"] = b"<html>too many", "text/html; charset=utf-8"
    with pytest.raises(
        RuntimeError, match=r"web page.*Save https://drive.google.com/file/d/2d/view .* as .*c.bin"
    ):
        utils.download_file_from_google_drive("2d", tmp_path, "c.bin")
    assert left(tmp_path) == ["a.bin", "b.bin"]


def test_mirrors(server, tmp_path, monkeypatch):
    files = {}
    for part, count in (("train", 3), ("t10k", 2)):
        files[f"{part}-images-idx3-ubyte.gz"] = idx_bytes(random(count, 28, 28))
        files[f"{part}-labels-idx1-ubyte.gz"] = idx_bytes(random(count, high=10))
    packed = {name: gzip.compress(data) for name, data in files.items()}
    for name, data in packed.items():
        server.files[f"/second/{name}"] = data
    server.files["/first/t10k-images-idx3-ubyte.gz"] = b"damaged"
    monkeypatch.setattr(MNIST, "resources", [(n, hashlib.md5(d).hexdigest()) for n, d in packed.items()])
    monkeypatch.setattr(MNIST, "mirrors", [f"{server.url}/first/", f"{server.url}/second/"])
    digits = MNIST(tmp_path, download=True)
    assert len(digits) == 3 and len(MNIST(tmp_path, train=False, download=True)) == 2
    assert server.count("/first/t10k-images-idx3-ubyte.gz") == 1
    monkeypatch.setattr(MNIST, "mirrors", [f"{server.url}/none/", f"{server.url}/first/"])
    with pytest.raises(
        RuntimeError, match=r"Error downloading train-images.*\nTried .*/none/, got:\nHTTP Error 404"
    ):
        MNIST(tmp_path / "other", download=True)


def test_file_system_without_locks(server, tmp_path, monkeypatch):
    def flock(file, how):
        raise OSError(number, "no locks")

    monkeypatch.setattr(_download.fcntl, "flock", flock)
    number = errno.ENOLCK
    download_url(f"{server.url}/a.bin", tmp_path, md5=MD5)
    number = errno.EIO
    with pytest.raises(OSError, match="no locks"):
        download_url(f"{server.url}/a.bin", tmp_path, "b.bin", MD5)


def _fetch(url: str, folder: str) -> None:
    download_url(url, folder, "a.bin", MD5)


@pytest.mark.skipif(os.name == "nt", reason="locks are POSIX's")
def test_processes_that_want_the_same(server, tmp_path):
    """As those of one training do: one fetches, the others wait for it."""
    processes = [
        multiprocessing.get_context("fork").Process(
            target=_fetch, args=(f"{server.url}/a.bin", str(tmp_path))
        )
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert (tmp_path / "a.bin").read_bytes() == DATA and left(tmp_path) == ["a.bin"]
    assert server.count("/a.bin") == 1
