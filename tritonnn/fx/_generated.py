"""Running generated code: with lines that tracebacks can show, and the place of an error in it."""

from __future__ import annotations

import itertools
import linecache
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritonnn.nn.module import Module

_numbers = itertools.count()
_EVAL = "<eval_with_key>"


def execute(src: str, names: dict[str, Any]) -> Callable[..., Any]:
    key = f"{_EVAL}.{next(_numbers)}"
    names = dict(names)
    linecache.cache[key] = (len(src), None, src.splitlines(keepends=True), key)
    exec(compile(src, key, "exec"), names)
    return names["forward"]


class Call:
    """The call of a GraphModule: an error in generated code is shown with the lines around."""

    def __init__(self, cls: Any, own_call: Callable[..., Any] | None) -> None:
        self.cls, self.own_call = cls, own_call

    def __call__(self, module: Module, *args: Any, **kwargs: Any) -> Any:
        try:
            if self.own_call is not None:
                return self.own_call(module, *args, **kwargs)
            return super(self.cls, module).__call__(*args, **kwargs)  # type: ignore[misc]
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            inner = next((f for f in reversed(frames) if _EVAL in f.filename), None)
            if inner is None or getattr(error, "_shown_by_fx", False):
                raise
            own = Path(__file__).parent.parent.as_posix()
            if any(not f.filename.startswith(own) for f in frames[frames.index(inner) + 1 :]):
                raise
            error._shown_by_fx = True  # type: ignore[attr-defined]
            print(_explained(inner), file=sys.stderr)
            raise


def _explained(frame: traceback.FrameSummary) -> str:
    lines = linecache.getlines(frame.filename)
    number = frame.lineno or 1
    text = "".join(lines[max(0, number - 2) : number])
    mark = "~" * len(lines[number - 1].rstrip("\n")) + " <--- HERE"
    return (
        f"Call using an FX-traced Module, line {number} of the traced Module's generated forward function:\n"
        f"{text}\n{mark}\n{''.join(lines[number : number + 2])}"
    )


def readable(module: Module, name: str, depth: int = 0) -> str:
    code = module._code.strip("\n").rstrip()
    head, _, body = code.rpartition("def forward")
    lines = [f"class {name}(torch.nn.Module):"]
    first, _, rest = f"{head}def forward{body}".partition("\n")
    lines += [f"    {first}"] if first else []
    if rest:
        lines += ["        # No stacktrace found for following nodes"]
        lines += [f"    {line}" for line in rest.split("\n")]
    inner = [(n, m) for n, m in module.named_children() if hasattr(m, "_code")]
    text = "\n".join(lines) + "\n"
    for child_name, child in inner:
        text += "\n" + "\n".join(
            [f"    {line}" if line else line for line in readable(child, child_name, depth + 1).split("\n")]
        )
    return text
