"""`torch.hub`: weights from the net, kept in a folder, and models by name from a folder with a `hubconf.py`."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import Request, urlopen

from tritonnn.serialization import load as load_file

try:
    from tqdm.auto import tqdm
except ImportError:

    class tqdm:  # type: ignore[no-redef]
        """How far something is, where the package tqdm is not installed: percent and megabytes."""

        def __init__(self, total: int | None = None, disable: bool = False, **style: Any) -> None:
            self.total, self.disable, self.n = total, disable, 0

        def update(self, n: int) -> None:
            """Note that `n` bytes more are done."""
            self.n += n
            if not self.disable:
                share = f"{self.n / self.total:6.1%} of " if self.total else ""
                size = (self.total or self.n) / 1e6
                print(f"\r{share}{size:.1f} MB", end="", file=sys.stderr, flush=True)

        def close(self) -> None:
            """End the line."""
            if not self.disable:
                print(file=sys.stderr)
            self.disable = True

        def __enter__(self) -> tqdm:
            return self

        def __exit__(self, *exc_info: object) -> None:
            self.close()


__all__ = [
    "download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir",
]  # fmt: skip

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
READ_DATA_CHUNK = 1 << 17
_hub_dir: str | None = None


def _get_torch_home() -> str:
    """The folder that PyTorch keeps downloads in: $TORCH_HOME, or ~/.cache/torch."""
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    return os.path.expanduser(os.getenv("TORCH_HOME", os.path.join(cache, "torch")))


def get_dir() -> str:
    """The folder that downloads are kept in.

    >>> import tritonnn as torch
    >>> torch.hub.set_dir("models")
    >>> torch.hub.get_dir()
    'models'
    """
    return os.path.join(_get_torch_home(), "hub") if _hub_dir is None else _hub_dir


def set_dir(d: str | os.PathLike[str]) -> None:
    """Say in which folder downloads are kept."""
    global _hub_dir
    _hub_dir = os.path.expanduser(d)


def download_url_to_file(url: str, dst: str, hash_prefix: str | None = None, progress: bool = True) -> None:
    """Download a file, which appears under its name once it is there as a whole.

    Args:
        url: where it is.
        dst: the file to write.
        hash_prefix: what its SHA-256 begins with.
        progress: show how far it is.

    Raises:
        RuntimeError: its hash is another.
    """
    dst = os.path.expanduser(dst)
    digest = hashlib.sha256()
    with urlopen(Request(url, headers={"User-Agent": "torch.hub"})) as source:
        total = int(source.headers.get("Content-Length") or 0)
        with tempfile.NamedTemporaryFile(dir=os.path.dirname(dst) or ".", delete=False) as part:
            try:
                with tqdm(total=total or None, disable=not progress, unit="B", unit_scale=True) as bar:
                    while chunk := source.read(READ_DATA_CHUNK):
                        part.write(chunk)
                        digest.update(chunk)
                        bar.update(len(chunk))
                part.close()
                if hash_prefix and not digest.hexdigest().startswith(hash_prefix):
                    raise RuntimeError(
                        f'invalid hash value (expected "{hash_prefix}", got "{digest.hexdigest()[: len(hash_prefix)]}")'
                    )
                shutil.move(part.name, dst)
            finally:
                part.close()
                with contextlib.suppress(FileNotFoundError):
                    os.remove(part.name)


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = True,
) -> dict[str, Any]:
    """What `torch.load` gives of a file from the net, which is downloaded unless it is in the folder already.

    Args:
        url: where it is.
        model_dir: the folder; default: `checkpoints` in that of the hub.
        map_location: the device to load to.
        progress: show how far it is.
        check_hash: the name ends in `-` and the beginning of its SHA-256.
        file_name: what it is called in the folder; default: as in the URL.
        weights_only: load no code. True here, where PyTorch has False: a file from the net then cannot run any.

    Raises:
        RuntimeError: its hash is another.
    """
    folder = model_dir if model_dir is not None else os.path.join(get_dir(), "checkpoints")
    os.makedirs(folder, exist_ok=True)
    name = file_name or os.path.basename(urlparse(url).path)
    file = os.path.join(folder, name)
    if not os.path.exists(file):
        print(f'Downloading: "{url}" to {file}', file=sys.stderr)
        found = HASH_REGEX.search(name) if check_hash else None
        download_url_to_file(url, file, found[1] if found else None, progress)
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            inside = archive.namelist()
            if len(inside) == 1 and not inside[0].endswith("/"):  # an older form: one file, compressed
                file = os.path.join(folder, os.path.basename(inside[0]))
                Path(file).write_bytes(archive.read(inside[0]))
    return load_file(file, map_location=map_location, weights_only=weights_only)


def _entries(name: str, repo_or_dir: str, source: str) -> Any:
    """The `hubconf.py` of a folder, as a module.

    Raises:
        NotImplementedError: it would have to be fetched.
        ValueError: no such kind of source.
    """
    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    if source == "github":
        raise NotImplementedError(
            f"torch.hub.{name}: tritonnn does not download and run programs. Hint: clone {repo_or_dir!r} and give its "
            'folder, with source="local"'
        )
    folder = os.path.expanduser(repo_or_dir)
    spec = importlib.util.spec_from_file_location("hubconf", os.path.join(folder, "hubconf.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    return module


def _entry(module: Any, model: str) -> Callable[..., Any]:
    function = getattr(module, model, None)
    if not callable(function):
        raise RuntimeError(f"Cannot find callable {model} in hubconf")
    missing = [name for name in getattr(module, "dependencies", []) if importlib.util.find_spec(name) is None]
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}")
    return function


def load(repo_or_dir: str, model: str, *args: Any, source: str = "github", **kwargs: Any) -> Any:
    """What the function `model` of a folder's `hubconf.py` gives.

    Args:
        repo_or_dir: the folder.
        model: the function.
        args, kwargs: its arguments; `trust_repo`, `force_reload`, `verbose` and `skip_validation` concern downloads.
        source: "local"; "github" is refused.

    Raises:
        NotImplementedError: it would have to be fetched. RuntimeError: there is no such function.
    """
    for name in ("trust_repo", "force_reload", "verbose", "skip_validation"):
        kwargs.pop(name, None)
    return _entry(_entries("load", repo_or_dir, source), model)(*args, **kwargs)


def help(github: str, model: str, force_reload: bool = False, skip_validation: bool = False, trust_repo: Any = None,
         source: str = "github") -> str | None:  # fmt: skip
    """The docstring of the function `model` of a folder's `hubconf.py`; arguments as of `load`."""
    return _entry(_entries("help", github, source), model).__doc__


def list(github: str, force_reload: bool = False, skip_validation: bool = False, trust_repo: Any = None,
         verbose: bool = True, source: str = "github") -> Any:  # fmt: skip
    """The functions of a folder's `hubconf.py`; arguments as of `load`."""
    module = _entries("list", github, source)
    return [name for name in dir(module) if callable(getattr(module, name)) and not name.startswith("_")]
