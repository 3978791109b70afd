"""How masked tensors are printed: what does not count as `--`."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor


def shown(data: Tensor, mask: Tensor) -> str:
    """The text of a masked tensor."""
    form = (lambda value: f"{value:8.4f}") if data.dtype.is_floating_point else str
    values, counts = data.detach().tolist(), mask.tolist()
    if not data.ndim:
        return f"MaskedTensor({form(values) if counts else '--'}, {counts})"
    texts = [form(value) for value in data.detach().flatten().tolist()]
    width = max(
        [8 if not counted else len(text) for text, counted in zip(texts, mask.flatten().tolist())] or [8]
    )
    return f"MaskedTensor(\n{_lines(values, counts, form, width, 2)}\n)"


def _lines(values: Any, counts: Any, form: Any, width: int, indent: int) -> str:
    space = " " * indent
    if not values or not isinstance(values[0], list):
        texts = [form(value) if counted else "--".rjust(width) for value, counted in zip(values, counts)]
        return f"{space}[{', '.join(texts)}]"
    parts = [_lines(*part, form, width, indent + 2) for part in zip(values, counts)]
    return f"{space}[\n" + ",\n".join(parts) + f"\n{space}]"
