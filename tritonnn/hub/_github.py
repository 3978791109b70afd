"""Repositories on GitHub: which one a name means, whether it is trusted, and its files in a folder of the cache."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path
from urllib.error import HTTPError, URLError

from tritonnn.hub._files import fetch, reaching, request

MAIN, MASTER = "main", "master"
ENV_GITHUB_TOKEN = "GITHUB_TOKEN"  # a user's own, with which GitHub answers more questions an hour
# Those that PyTorch does not ask about either.
_TRUSTED_OWNERS = ("facebookresearch", "facebookincubator", "pytorch", "fairinternal")


def parse(github: str, hub_dir: str) -> tuple[str, str, str]:
    """Owner, name and branch or tag of 'owner/name:ref'; without a ref the repository's main or master.

    Raises:
        ValueError: a name of another form.
    """
    repo, _, ref = github.partition(":")
    owner, slash, name = repo.partition("/")
    if not (slash and owner and name) or "/" in name:
        raise ValueError(
            f"torch.hub: expected a repository as 'owner/name' or 'owner/name:ref', but got {github!r}"
        )
    if ref:
        return owner, name, ref
    url = f"https://github.com/{owner}/{name}/tree/{MAIN}/"
    try:
        with request(url):
            return owner, name, MAIN
    except HTTPError as error:
        if error.code != 404:
            raise
        return owner, name, MASTER
    except URLError as error:
        for branch in (MAIN, MASTER):
            if os.path.exists(os.path.join(hub_dir, folder_name(owner, name, branch))):
                return owner, name, branch
        raise RuntimeError(
            "It looks like there is no internet connection and the repo could not be found in the cache "
            f"({hub_dir}): {url} cannot be reached ({error.reason}). Put the repository's files into "
            f"{os.path.join(hub_dir, folder_name(owner, name, MAIN))}, or pass their folder with source='local'"
        ) from error


def folder_name(owner: str, name: str, ref: str) -> str:
    """The folder of a repository in the cache."""
    return "_".join((owner, name, ref.replace("/", "_")))


def check_trust(owner: str, name: str, ref: str, trust_repo: bool | str, hub_dir: str, verb: str) -> None:
    """Ask whether code of a repository may run, as `trust_repo` says.

    Args:
        trust_repo: True trusts it and remembers that, False asks, 'check' asks about those that are not remembered.

    Raises:
        ValueError: another `trust_repo`. Exception: the answer was no.
    """
    if trust_repo not in (True, False, "check"):
        raise ValueError(
            f"torch.hub.{verb}: expected trust_repo True, False or 'check', but got {trust_repo!r}"
        )
    key, path = f"{owner}_{name}", os.path.join(hub_dir, "trusted_list")
    trusted = set(Path(path).read_text(encoding="utf-8").split()) if os.path.exists(path) else set()
    # What stands in the cache has been trusted before.
    there = os.path.exists(os.path.join(hub_dir, folder_name(owner, name, ref)))
    known = key in trusted or owner in _TRUSTED_OWNERS or there
    if trust_repo is False or (trust_repo == "check" and not known):
        answer = input(
            f"The repository {owner}/{name} does not belong to the list of trusted repositories and as such cannot be "
            "downloaded: its hubconf.py runs with all that you may do. Do you trust this repository and wish to add "
            "it to the trusted list of repositories (y/N)?"
        )
        if answer.strip().lower() not in ("y", "yes"):
            raise Exception("Untrusted repository.")
    if key not in trusted and (trust_repo != "check" or not known):
        os.makedirs(hub_dir, exist_ok=True)
        with open(path, "a", encoding="utf-8") as file:
            file.write(key + "\n")


def _authorization() -> dict[str, str]:
    token = os.environ.get(ENV_GITHUB_TOKEN)
    return {"Authorization": f"token {token}"} if token else {}


def check_belongs(owner: str, name: str, ref: str) -> None:
    """Look for a branch, tag or commit among the repository's own: GitHub serves commits of forks under its name too.

    Raises:
        ValueError: it is none of them.
    """
    for kind in ("branches", "tags"):
        for page in itertools.count(1):
            url = f"https://api.github.com/repos/{owner}/{name}/{kind}?per_page=100&page={page}"
            with request(url, **_authorization()) as answer:
                rows = json.load(answer)
            if any(row["name"] == ref or row["commit"]["sha"].startswith(ref) for row in rows):
                return
            if not rows:
                break
    raise ValueError(
        f"Cannot find {ref} in https://github.com/{owner}/{name}. If it's a commit from a forked repo, please call "
        "hub.load() with forked repo directly."
    )


def cached(
    github: str,
    hub_dir: str,
    *,
    force_reload: bool,
    trust_repo: bool | str,
    skip_validation: bool,
    verbose: bool,
    verb: str,
) -> str:
    """The folder with a repository's files, which are downloaded where they are not there.

    Raises:
        HTTPError, URLError, RuntimeError: there is no such repository, branch or connection.
    """
    os.makedirs(hub_dir, exist_ok=True)
    owner, name, ref = parse(github, hub_dir)
    folder = os.path.join(hub_dir, folder_name(owner, name, ref))
    check_trust(owner, name, ref, trust_repo, hub_dir, verb)
    if os.path.exists(folder) and not force_reload:
        if verbose:
            sys.stderr.write(f"Using cache found in {folder}\n")
        return folder
    if not skip_validation:
        with reaching(f"https://github.com/{owner}/{name}", f"the folder {folder}"):
            check_belongs(owner, name, ref)
    archive = f"{folder}.zip"
    url = f"https://github.com/{owner}/{name}/zipball/{ref}"
    sys.stderr.write(f'Downloading: "{url}" to {archive}\n')
    fetch(url, archive, None, False, f"the folder {folder}")
    try:
        extract(archive, folder)
    finally:
        os.remove(archive)
    return folder


def extract(archive: str, folder: str) -> None:
    """The one folder that an archive of GitHub's consists of, as `folder`, whose old content goes.

    Raises:
        RuntimeError: a name in the archive that leads out of it, or more than one folder.
    """
    fresh = f"{folder}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            parts = info.filename.replace("\\", "/").split("/")
            if ".." in parts or os.path.isabs(info.filename) or ":" in parts[0]:
                raise RuntimeError(f"torch.hub: {archive} names a file outside of it: {info.filename!r}")
        tops = {info.filename.split("/")[0] for info in file.infolist()}
        if len(tops) != 1:
            raise RuntimeError(
                f"torch.hub: {archive} is no archive of a repository: it holds {sorted(tops)[:5]}"
            )
        file.extractall(fresh)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(os.path.join(fresh, tops.pop()), folder)
    shutil.rmtree(fresh, ignore_errors=True)
