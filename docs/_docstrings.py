"""Docstrings and signatures as Markdown: sections as lists, examples as blocks of code."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

SECTIONS = ("Args", "Attributes", "Example", "Examples", "Raises", "Returns", "Warns", "Yields")
WIDTH = 88
#: how the code of a formula begins; the page made of it has the formula in its place
FORMULA = "formula:"


def markdown(doc: str | None) -> str:
    """The text of a docstring."""
    text = re.sub(
        r":math:`([^`]*)`", lambda m: f"`{FORMULA}{' '.join(m[1].split())}`", inspect.cleandoc(doc or "")
    )
    return "\n\n".join(section(title, body) for title, body in sections(text) if title or body).strip()


def sections(text: str) -> Iterator[tuple[str, str]]:
    """(title, text) of each part; the title is empty between sections."""
    title, body = "", []
    for line in text.splitlines():
        match = re.fullmatch(rf"({'|'.join(SECTIONS)}):\s*(.*)", line)
        if match or (title and line and not line[0].isspace()):
            yield title, "\n".join(body).strip("\n")
            title, body = (match[1], [match[2]] if match[2] else []) if match else ("", [line])
        else:
            body.append(line)
    yield title, "\n".join(body).strip("\n")


def section(title: str, body: str) -> str:
    """One part: examples and text as they are, what is a list of names as a list."""
    body = textwrap.dedent(body)
    if not title:
        return prose(body)
    if title.startswith("Example"):
        return prose(body)
    return f"**{title}**\n\n" + "\n".join(items(body))


def items(body: str) -> Iterator[str]:
    """A list of what is named; lines further in go on with the one before."""
    joined: list[str] = []
    for line in body.splitlines():
        if line[:1].isspace() and joined:
            joined[-1] += " " + line.strip()
        elif line.strip():
            joined.append(line.strip())
    for line in joined:
        match = re.fullmatch(r"(\*{0,2}\w[\w., *]*?): (.*)", line)
        yield f"- `{match[1]}`: {escaped(match[2])}" if match else f"- {escaped(line)}"


def prose(body: str) -> str:
    """Paragraphs, with examples in blocks of code."""
    parts, code = [], False
    for block in re.split(r"\n\s*\n", body):
        if not block.strip():
            continue
        before, mark, example = block.partition(">>> ")
        if mark and (not before or before.endswith("\n") or not before.strip()):
            indent = len(before.rsplit("\n", 1)[-1])
            text = textwrap.dedent(" " * indent + mark + example)
            if before.strip():
                parts.append(escaped(textwrap.dedent(before.rstrip())))
            if code and not before.strip():
                parts[-1] = parts[-1].removesuffix("\n```") + f"\n\n{text}\n```"
            else:
                parts.append(f"```pycon\n{text}\n```")
            code = True
        elif block[:1].isspace():
            parts.append(f"```text\n{textwrap.dedent(block)}\n```")
            code = False
        else:
            parts.append(escaped(block))
            code = False
    return "\n\n".join(parts)


def escaped(text: str) -> str:
    """Text in which only what stands between backticks is marked up."""
    pieces = re.split(r"(``[^`]+``|`[^`]+`)", text)
    for i in range(0, len(pieces), 2):
        pieces[i] = re.sub(r"([*_<\[\]])", r"\\\1", pieces[i])
    return "".join(pieces)


class _Bare(str):
    """A text that a signature shows without quotation marks."""

    def __repr__(self) -> str:
        return str(self)


def signature(name: str, value: Any, method: bool = False) -> str:
    """How a function or class is called, as a block of code; of a method without what it is called on."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    parameters = [_readable(p) for p in found.parameters.values()]
    if method and parameters and parameters[0].name in ("self", "cls"):
        del parameters[0]
    note = found.return_annotation
    back = "" if isinstance(value, type) or note is inspect.Signature.empty else f" -> {_note(note)}"
    text = str(inspect.Signature(parameters))
    if len(name + text + back) > WIDTH and parameters:
        lines = "".join(f"    {part},\n" for part in _parts(parameters))
        text = f"(\n{lines})"
    return f"```python\n{name}{text}{back}\n```"


def _parts(parameters: list[inspect.Parameter]) -> list[str]:
    """The parameters as text, with the marks `/` and `*` between them."""
    parts: list[str] = []
    kinds = [p.kind for p in parameters]
    for i, p in enumerate(parameters):
        starred = p.VAR_POSITIONAL in kinds[:i] or p.KEYWORD_ONLY in kinds[:i]
        if p.kind is p.KEYWORD_ONLY and not starred:
            parts.append("*")
        parts.append(str(p))
        if p.kind is p.POSITIONAL_ONLY and (i + 1 == len(kinds) or kinds[i + 1] is not p.POSITIONAL_ONLY):
            parts.append("/")
    return parts


def _note(note: Any) -> str:
    return note.strip("'\"") if isinstance(note, str) else getattr(note, "__name__", str(note))


def _readable(p: inspect.Parameter) -> inspect.Parameter:
    note = p.annotation if p.annotation is p.empty else _Bare(_note(p.annotation))
    default = p.default
    if default is not p.empty:
        shown = repr(default)
        named = getattr(default, "__name__", "...") if callable(default) else "..."
        default = _Bare(named if " at 0x" in shown or shown.startswith("<") else shown)
    return p.replace(annotation=note, default=default)
