"""torch.hub: models from a folder, from a repository, and weights from a URL.

A repository lists its models as functions of a file `hubconf.py`. `list`, `help` and `load` import that file: its code
runs with all that you may do, so ask only for repositories you trust. `load_state_dict_from_url` runs no code of the
file it loads, unless it is told to with `weights_only=False`, which is PyTorch's default.

What a `hubconf.py` imports as torch is tritonnn where tritonnn is served (`python -m tritonnn run`).
"""

from __future__ import annotations

import builtins
import importlib.util
import os
import sys
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from urllib.parse import urlparse

from tritonnn.hub import _github
from tritonnn.hub._files import HASH_REGEX as HASH_REGEX
from tritonnn.hub._files import READ_DATA_CHUNK as READ_DATA_CHUNK
from tritonnn.hub._files import download_url_to_file, progress_bar
from tritonnn.hub._github import ENV_GITHUB_TOKEN as ENV_GITHUB_TOKEN
from tritonnn.serialization import load as _load_file

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]

ENV_TORCH_HOME, ENV_XDG_CACHE_HOME, DEFAULT_CACHE_DIR = "TORCH_HOME", "XDG_CACHE_HOME", "~/.cache"
MODULE_HUBCONF, VAR_DEPENDENCY = "hubconf.py", "dependencies"
_hub_dir: str | None = None


def __getattr__(name: str) -> Any:
    """`tqdm`, which older programs take from here, is imported when it is asked for."""
    if name == "tqdm":
        return progress_bar()
    raise AttributeError(f"tritonnn has no torch.hub.{name}")


def _get_torch_home() -> str:
    cache = os.getenv(ENV_XDG_CACHE_HOME, DEFAULT_CACHE_DIR)
    return os.path.expanduser(os.getenv(ENV_TORCH_HOME, os.path.join(cache, "torch")))


def get_dir() -> str:
    """The folder that repositories and weights are kept in: `$TORCH_HOME/hub`, where `set_dir` has named no other.

    >>> import tritonnn as torch
    >>> torch.hub.get_dir().endswith("hub")
    True
    """
    if os.getenv("TORCH_HUB"):
        warnings.warn("TORCH_HUB is deprecated, please use env TORCH_HOME instead")
    return os.path.join(_get_torch_home(), "hub") if _hub_dir is None else _hub_dir


def set_dir(d: str | os.PathLike[str]) -> None:
    """Keep repositories and weights in this folder."""
    global _hub_dir
    _hub_dir = os.path.expanduser(d)


@contextmanager
def _importable(folder: str) -> Iterator[None]:
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _hubconf(folder: str) -> ModuleType:
    """The repository's list of models; its code runs."""
    path = os.path.join(folder, MODULE_HUBCONF)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"torch.hub: there is no {MODULE_HUBCONF} in {folder!r}")
    spec = importlib.util.spec_from_file_location(MODULE_HUBCONF, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _entry(module: ModuleType, model: str) -> Any:
    """The function of a model.

    Raises:
        ValueError: a name that is no string. RuntimeError: packages that it needs are missing, or there is none such.
    """
    if not isinstance(model, str):
        raise ValueError("Invalid input: model should be a string of function name")
    needed = getattr(module, VAR_DEPENDENCY, None) or ()
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}")
    function = getattr(module, model, None)
    if not callable(function):
        raise RuntimeError(f"Cannot find callable {model} in hubconf")
    return function


def _folder(
    repo: str,
    source: str,
    force_reload: bool,
    trust_repo: bool | str,
    skip_validation: bool,
    verbose: bool,
    verb: str,
) -> str:
    source = source.lower()
    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    if source == "local":
        return os.path.expanduser(repo)
    return _github.cached(
        repo,
        get_dir(),
        force_reload=force_reload,
        trust_repo=trust_repo,
        skip_validation=skip_validation,
        verbose=verbose,
        verb=verb,
    )


def list(
    github: str,
    force_reload: bool = False,
    skip_validation: bool = False,
    trust_repo: bool | str = "check",
    verbose: bool = True,
    *,
    source: str = "github",
) -> builtins.list[str]:
    """The names of a repository's models. Its `hubconf.py` runs.

    Args:
        github: 'owner/name' or 'owner/name:ref', or a folder with `source="local"`.
        force_reload: download it although it is in the cache.
        skip_validation: do not ask GitHub whether the branch, tag or commit is the repository's own.
        trust_repo: True trusts the repository and remembers that, False asks on the terminal, 'check' asks where it
            is not remembered.
        verbose: say on stderr where the cache is used.
        source: 'github' or 'local'.
    """
    folder = _folder(github, source, force_reload, trust_repo, skip_validation, verbose, "list")
    with _importable(folder):
        module = _hubconf(folder)
    return [name for name in dir(module) if callable(getattr(module, name)) and not name.startswith("_")]


def help(
    github: str,
    model: str,
    force_reload: bool = False,
    skip_validation: bool = False,
    trust_repo: bool | str = "check",
    *,
    source: str = "github",
) -> str | None:
    """The docstring of a repository's model; arguments as of `list`. Its `hubconf.py` runs."""
    folder = _folder(github, source, force_reload, trust_repo, skip_validation, True, "help")
    with _importable(folder):
        return _entry(_hubconf(folder), model).__doc__


def load(
    repo_or_dir: str,
    model: str,
    *args: Any,
    source: str = "github",
    trust_repo: bool | str = "check",
    force_reload: bool = False,
    verbose: bool = True,
    skip_validation: bool = False,
    **kwargs: Any,
) -> Any:
    """What a repository's function `model` makes of the arguments. Its `hubconf.py` runs.

    Args:
        repo_or_dir: 'owner/name' or 'owner/name:ref', or a folder with `source="local"`.
        model: the function's name.
        args, kwargs: for it.
        source: 'github' or 'local'.
        trust_repo, force_reload, verbose: as of `list`; a local folder is not asked about.

    >>> import pathlib, tempfile
    >>> import tritonnn as torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "hubconf.py").write_text("def twice(x): return 2 * x")
    ...     torch.hub.load(folder, "twice", 21, source="local")
    42
    """
    folder = _folder(repo_or_dir, source, force_reload, trust_repo, skip_validation, verbose, "load")
    with _importable(folder):
        return _entry(_hubconf(folder), model)(*args, **kwargs)


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = True,
) -> dict[str, Any]:
    """What `torch.load` gives of the file that a URL names, which is downloaded where it is not there yet.

    Args:
        url: of file, http or https.
        model_dir: where files are kept; `get_dir()/checkpoints` for None.
        map_location: as of `torch.load`.
        progress: show on stderr how far the download is.
        check_hash: compare its SHA-256 with the digits in its name, as in `model-0123abcd.pth`.
        file_name: what it is called in `model_dir`; as in the URL for None.
        weights_only: False runs code that the file contains: only for files you trust. PyTorch's default is False.

    Raises:
        RuntimeError: the file has another hash; it is not kept.
        urllib.error.URLError: it cannot be fetched; the message says where a copy can be put.

    >>> import pathlib, tempfile
    >>> import tritonnn as torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "model.pth")
    ...     torch.save({"weight": torch.ones(2)}, path)
    ...     torch.hub.load_state_dict_from_url(path.as_uri(), model_dir=folder + "/cache", progress=False)
    {'weight': tensor([1., 1.])}
    """
    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir
    os.makedirs(folder, exist_ok=True)
    name = file_name or os.path.basename(urlparse(url).path)
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        sys.stderr.write(f'Downloading: "{url}" to {path}\n')
        found = HASH_REGEX.search(name) if check_hash else None
        download_url_to_file(url, path, found[1] if found else None, progress=progress)
    return _load_file(_unpacked(path, folder), map_location=map_location, weights_only=weights_only)


def _unpacked(path: str, folder: str) -> str:
    """The only file of an archive that old weights were packed into; else the file itself."""
    if not zipfile.is_zipfile(path):
        return path
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) != 1 or members[0].is_dir():
            return path
        members[0].filename = os.path.basename(members[0].filename)
        return archive.extract(members[0], folder)
