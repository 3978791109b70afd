"""torch.hub: models from folders, files from URLs whole and checked or not at all, repositories that are trusted."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import threading
import zipfile
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest

import tritonnn as torch
from tritonnn.hub import _files, _github

HUBCONF = '''
dependencies = ["json"]
from helper import scale
def linear(features, bias=True):
    """A linear layer."""
    import tritonnn as torch
    return torch.nn.Linear(features * scale, 1, bias=bias)
def _hidden(): ...
value = 3
'''


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    return tmp_path / "home" / "hub"


@pytest.fixture
def repo(tmp_path):
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "hubconf.py").write_text(HUBCONF)
    (folder / "helper.py").write_text("scale = 2\n")
    return folder


def test_local(repo):
    layer = torch.hub.load(repo, "linear", 3, bias=False, source="local")
    assert layer.in_features == 6 and layer.bias is None
    assert torch.hub.help(str(repo), "linear", source="local") == "A linear layer."
    assert torch.hub.list(str(repo), source="local") == ["linear"]


def test_local_errors(repo, tmp_path):
    for model, error, says in (
        ("missing", RuntimeError, "Cannot find callable missing in hubconf"),
        ("value", RuntimeError, "Cannot find callable value"), (3, ValueError, "should be a string"),
    ):  # fmt: skip
        with pytest.raises(error, match=says):
            torch.hub.load(repo, model, source="local")
    with pytest.raises(ValueError, match='Unknown source: "ftp"'):
        torch.hub.load(repo, "linear", source="ftp")
    with pytest.raises(FileNotFoundError, match=r"no hubconf\.py"):
        torch.hub.load(tmp_path, "linear", source="local")
    (repo / "hubconf.py").write_text("dependencies = ['no_such_package', 'os']\ndef f(): ...")
    with pytest.raises(RuntimeError, match=r"Missing dependencies: no_such_package$"):
        torch.hub.load(repo, "f", source="local")


def test_folders(home, tmp_path, monkeypatch):
    assert torch.hub.get_dir() == str(home) and torch.hub._get_torch_home() == str(home.parent)
    torch.hub.set_dir(tmp_path / "other")
    assert torch.hub.get_dir() == str(tmp_path / "other")
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert torch.hub.get_dir() == "/cache/torch/hub"


def saved(folder: Path) -> tuple[Path, str]:
    path = folder / "model.pth"
    torch.save({"w": torch.arange(3.0)}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    named = path.rename(folder / f"model-{digest[:8]}.pth")
    return named, digest


def test_weights_from_a_file_url(home, tmp_path, capsys):
    path, _ = saved(tmp_path)
    got = torch.hub.load_state_dict_from_url(path.as_uri(), check_hash=True, progress=False)
    assert got["w"].tolist() == [0, 1, 2] and os.listdir(home / "checkpoints") == [path.name]
    assert f'Downloading: "{path.as_uri()}"' in capsys.readouterr().err
    path.unlink()  # it is in the cache now
    assert torch.hub.load_state_dict_from_url(path.as_uri(), map_location="cpu")["w"].tolist() == [0, 1, 2]
    assert "Downloading" not in capsys.readouterr().err
    from tritonnn.utils.model_zoo import load_url

    assert load_url is torch.hub.load_state_dict_from_url


def test_another_hash_keeps_nothing(home, tmp_path):
    wrong = tmp_path / "model-00000000.pth"
    torch.save(1, wrong)
    with pytest.raises(RuntimeError, match='invalid hash value \\(expected "00000000"'):
        torch.hub.load_state_dict_from_url(wrong.as_uri(), check_hash=True, progress=False)
    assert os.listdir(home / "checkpoints") == []
    target = tmp_path / "kept"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="invalid hash value"):
        torch.hub.download_url_to_file(wrong.as_uri(), str(target), "ff", progress=False)
    assert target.read_text() == "old" and sorted(os.listdir(tmp_path)) == ["home", "kept", wrong.name]


def test_code_in_weights_does_not_run(home, tmp_path):
    class Runs:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save(Runs(), tmp_path / "evil.pth")
    with pytest.raises(Exception, match="mkdir"):
        torch.hub.load_state_dict_from_url((tmp_path / "evil.pth").as_uri(), progress=False)
    assert not (tmp_path / "ran").exists()


def test_weights_in_an_archive(home, tmp_path):
    path, _ = saved(tmp_path)
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        archive.write(path, f"../{path.name}")
    path.unlink()
    got = torch.hub.load_state_dict_from_url(
        (tmp_path / "old.zip").as_uri(), progress=False, file_name="x.zip"
    )
    assert got["w"].tolist() == [0, 1, 2]
    assert sorted(os.listdir(home / "checkpoints")) == sorted(["x.zip", path.name])


@pytest.fixture
def server(tmp_path):
    """A server of files, which cuts off those whose name begins with `short`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        agents: list = []

        def do_GET(self):
            self.agents.append(self.headers["User-Agent"])
            path = tmp_path / self.path.lstrip("/")
            if not path.is_file():
                self.send_error(404)
                return
            if path.name.startswith("chunks"):  # of unknown length; the last one, of none, does not come
                self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n")
                return
            data = path.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:-5] if path.name.startswith("short") else data)

        def log_message(self, *args):
            pass

    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{serving.server_port}", Handler
    serving.shutdown()
    serving.server_close()


@pytest.mark.parametrize("bar", ["tqdm", "own"])
def test_http(server, home, tmp_path, monkeypatch, capsys, bar):
    if bar == "own":
        monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    path, digest = saved(tmp_path)
    address, handler = server
    torch.hub.download_url_to_file(f"{address}/{path.name}", str(tmp_path / "copy"), digest)
    assert (tmp_path / "copy").read_bytes() == path.read_bytes() and handler.agents[-1] == "torch.hub"
    assert "100%" in capsys.readouterr().err
    with pytest.raises(HTTPError, match="404"):
        torch.hub.download_url_to_file(f"{address}/none", str(tmp_path / "none"), progress=False)
    assert not (tmp_path / "none").exists()


def test_a_download_that_is_cut_off(server, tmp_path):
    (tmp_path / "short").write_bytes(b"0123456789")
    with pytest.raises(RuntimeError, match="ended after 5 of 10 bytes"):
        torch.hub.download_url_to_file(f"{server[0]}/short", str(tmp_path / "copy"), progress=False)
    assert os.listdir(tmp_path) == ["short"]


def test_a_download_of_unknown_length_that_is_cut_off(server, tmp_path):
    (tmp_path / "chunks").write_bytes(b"0123456789")
    with pytest.raises(RuntimeError, match="chunks: the download ended early: IncompleteRead"):
        torch.hub.download_url_to_file(f"{server[0]}/chunks", str(tmp_path / "copy"), progress=False)
    assert os.listdir(tmp_path) == ["chunks"]


def test_what_cannot_be_fetched_names_address_and_place(server, home, tmp_path):
    """There is nothing at one address, nobody at the other; a copy at the named place is then taken."""
    place = home / "checkpoints" / "model.pth"
    for address, error in ((f"{server[0]}/model.pth", HTTPError), ("http://127.0.0.1:1/model.pth", URLError)):
        with pytest.raises(error, match=f"{address} cannot be fetched.*as the file {place}") as raised:
            torch.hub.load_state_dict_from_url(address, progress=False)
        assert type(raised.value) is error and os.listdir(place.parent) == []
    torch.save({"w": torch.ones(2)}, place)
    assert torch.hub.load_state_dict_from_url(address)["w"].tolist() == [1, 1]


def test_repositories_that_cannot_be_fetched(home, repo, monkeypatch):
    def offline(url, **headers):
        raise URLError("no route")

    monkeypatch.setattr(_github, "request", offline)
    monkeypatch.setattr(_files, "request", offline)
    for name, skip in (("a/b", False), ("a/b:main", False), ("a/b:main", True)):
        with pytest.raises((RuntimeError, URLError)) as raised:
            torch.hub.load(name, "linear", 3, trust_repo=True, skip_validation=skip)
        assert "no route" in str(raised.value) and "https://github.com/a/b" in str(raised.value)
        assert str(raised.value).count(f"{home}/a_b_main") == 1 and ".zip" not in str(raised.value)
    repo.rename(home / "a_b_main")
    assert torch.hub.load("a/b", "linear", 3).in_features == 6


def test_a_token_goes_to_github_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(_files, "urlopen", lambda question: asked.append(question) or Answer(b"[]"))
    for token in (None, "0123"):
        monkeypatch.delenv("GITHUB_TOKEN", raising=False)
        if token:
            monkeypatch.setenv("GITHUB_TOKEN", token)
        with pytest.raises(ValueError, match="Cannot find x"):
            _github.check_belongs("a", "b", "x")
        assert asked[-1].get_header("Authorization") == (token and f"token {token}")
    _files.request("http://127.0.0.1/model.pth")
    assert asked[-1].get_header("Authorization") is None


def test_tqdm_is_found_here(monkeypatch, capsys):
    import tqdm

    from tritonnn.utils import model_zoo

    assert torch.hub.tqdm is model_zoo.tqdm is tqdm.tqdm
    monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    with torch.hub.tqdm(total=4, disable=True, unit="B") as bar:
        bar.set_description("silent")
        bar.update(4)
    assert capsys.readouterr().err == ""
    with model_zoo.tqdm(total=2**20, unit_scale=True) as bar:
        bar.set_description("loud")
        bar.update(2**20)
    assert capsys.readouterr().err == "loud\n\r1.0 of 1.0 MiB (100%)\n"
    for module in (torch.hub, model_zoo):
        with pytest.raises(AttributeError, match=r"tritonnn has no torch\..*nothing"):
            getattr(module, "nothing")  # noqa: B009


def test_other_schemes_are_refused(tmp_path):
    for url in ("ftp://host/a", "data:,a", "/a/path"):
        with pytest.raises(ValueError, match="expected a URL of file, http or https"):
            torch.hub.download_url_to_file(url, str(tmp_path / "copy"))


def test_names_of_repositories(home, monkeypatch):
    assert _github.parse("a/b:v1", str(home)) == ("a", "b", "v1")
    for wrong in ("a", "a/", "/b", "a/b/c:x"):
        with pytest.raises(ValueError, match="owner/name"):
            _github.parse(wrong, str(home))

    def offline(url, **headers):
        raise URLError("no route")

    monkeypatch.setattr(_github, "request", offline)
    with pytest.raises(RuntimeError, match="no internet connection"):
        _github.parse("a/b", str(home))
    (home / "a_b_master").mkdir(parents=True)
    assert _github.parse("a/b", str(home)) == ("a", "b", "master")


class Answer:
    """A response of GitHub's."""

    def __init__(self, data: bytes) -> None:
        self.data, self.headers = data, {"Content-Length": str(len(data))}

    def read(self, count: int = -1) -> bytes:
        count = len(self.data) if count < 0 else count
        head, self.data = self.data[:count], self.data[count:]
        return head

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        pass


@pytest.fixture
def github(home, tmp_path, repo, monkeypatch):
    """GitHub with one repository of one branch, `main`; its list of questions."""
    with zipfile.ZipFile(tmp_path / "repo.zip", "w") as archive:
        for path in repo.iterdir():
            archive.write(path, f"owner-name-123/{path.name}")
    asked: list[str] = []

    def answer(url, **headers):
        asked.append(url)
        if "/tree/main" in url:
            return Answer(b"")
        if "/zipball/" in url:
            return Answer((tmp_path / "repo.zip").read_bytes())
        branches = [{"name": "main", "commit": {"sha": "0123abcd"}}]
        return Answer(json.dumps(branches if "/branches?" in url and "page=1" in url[-6:] else []).encode())

    monkeypatch.setattr(_github, "request", answer)
    monkeypatch.setattr(_files, "request", answer)
    return asked


def test_a_repository(github, home, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: "n")
    with pytest.raises(Exception, match="Untrusted repository"):
        torch.hub.load("owner/name", "linear", 2)
    assert not [url for url in github if "zipball" in url] and not (home / "trusted_list").exists()
    assert torch.hub.load("owner/name", "linear", 2, trust_repo=True).in_features == 4
    assert (home / "trusted_list").read_text() == "owner_name\n"
    assert sorted(os.listdir(home)) == ["owner_name_main", "trusted_list"]
    count = len([url for url in github if "zipball" in url])
    assert torch.hub.list("owner/name:main", verbose=False) == ["linear"]
    assert len([url for url in github if "zipball" in url]) == count == 1
    torch.hub.load("owner/name", "linear", 2, force_reload=True)
    assert len([url for url in github if "zipball" in url]) == 2


def test_answers_are_remembered(github, home, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: "y")
    torch.hub.help("owner/name", "linear", trust_repo=False)
    assert (home / "trusted_list").read_text() == "owner_name\n"
    with pytest.raises(ValueError, match="trust_repo True, False or 'check'"):
        torch.hub.list("owner/name", trust_repo="yes")


def test_commits_of_forks_are_refused(github, home):
    assert torch.hub.load("owner/name:0123", "linear", 1, trust_repo=True).in_features == 2
    with pytest.raises(ValueError, match="commit from a forked repo"):
        torch.hub.load("owner/name:ffff", "linear", 1, trust_repo=True)
    assert torch.hub.load("owner/name:ffff", "linear", 1, skip_validation=True).in_features == 2


@pytest.mark.parametrize("name", ["../out.py", "a/../../out.py", "/out.py"])
def test_archives_stay_in_their_folder(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a/hubconf.py", "")
        archive.writestr(name, "")
    with pytest.raises(RuntimeError, match="names a file outside of it"):
        _github.extract(str(tmp_path / "a.zip"), str(tmp_path / "a"))
    assert os.listdir(tmp_path) == ["a.zip"]
