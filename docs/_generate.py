"""A hook of MkDocs: makes the pages that no file of this folder holds, and mends links between the repository's files.

`make docs` builds the site. The pages are written so that links work in the repository, as a forge shows them; here
each is led to the page that the file has become.
"""

from __future__ import annotations

import html
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(ROOT))

import _coverage_pages  # noqa: E402
import _docstrings  # noqa: E402
import _reference  # noqa: E402

#: files at the root of the repository -> pages of the site
FROM_ROOT = {
    "README.md": "index.md", "CONTRIBUTING.md": "contributing/index.md", "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md", "LICENSE": "license.md",
}  # fmt: skip
REPOSITORY = {page: file for file, page in FROM_ROOT.items()}
#: what the navigation has a place for before it is there
OPTIONAL = ("extending.md",)
LINK = re.compile(r"\[([^\[\]]+)\]\(([^)\s]+)\)")


def pages() -> dict[str, str]:
    """Every page that is made here: its path and its Markdown."""
    copies = {page: (ROOT / file).read_text(encoding="utf-8") for file, page in FROM_ROOT.items()}
    return {**copies, **_coverage_pages.pages(), **_reference.pages()}


def led(text: str, target: str, page: str) -> str:
    """A link of a page, as it stands in the repository, as it must be on the site; a file of the source has no page."""
    path, mark, anchor = target.partition("#")
    if not path or re.match(r"\w+:", path):
        return f"[{text}]({target})"
    origin = REPOSITORY.get(page, f"docs/{page}")
    place = posixpath.normpath(posixpath.join(posixpath.dirname(origin), path))
    if not (ROOT / place).exists():
        raise FileNotFoundError(f"{origin} links to {place}, which is not there")
    if place not in FROM_ROOT and not re.fullmatch(r"docs/.*\.(md|png|svg)", place):
        return text if place in text else f"{text} (`{place}`)"
    found = FROM_ROOT.get(place, place.removeprefix("docs/"))
    return f"[{text}]({posixpath.relpath(found, posixpath.dirname(page) or '.')}{mark}{anchor})"


def present(nav: list, made: set[str]) -> list:
    """The navigation with the pages of the reference put in, and without what is not there yet."""
    kept = []
    for entry in nav:
        title, target = next(iter(entry.items())) if isinstance(entry, dict) else (None, entry)
        if target in OPTIONAL and not (HERE / target).exists():
            continue
        if target == "reference":
            target = _reference.navigation(made)
        elif isinstance(target, list):
            target = present(target, made)
        kept.append({title: target} if title else target)
    return kept


_made: dict[str, str] = {}


def on_config(config: Any) -> Any:
    """Make the pages, once, and the navigation to them."""
    _made.update(pages())
    config.nav = present(config.nav, set(_made))
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages that were made."""
    for path, text in _made.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Lead the links of what was written for the repository."""
    path = page.file.src_uri
    if path.startswith(("reference/", "coverage/")):
        return markdown
    return LINK.sub(lambda match: led(match[1], match[2], path), markdown)


def on_page_content(content: str, **_: Any) -> str:
    """Formulas as browsers draw them."""
    formula = re.compile(rf"<code>{_docstrings.FORMULA}(.*?)</code>")
    return formula.sub(lambda match: convert(html.unescape(match[1])), content)
