"""Nested tensors of files; what makes them is loaded with the first one."""

from __future__ import annotations

from tritonnn._tensor import Tensor


def load_jagged(*parts: object) -> Tensor:
    """A nested tensor of layout torch.jagged."""
    from tritonnn.nested._saving import rebuild_jagged

    if len(parts) != 1:
        raise RuntimeError("load: the parts of a nested tensor do not fit each other: the file is corrupted")
    return rebuild_jagged(parts[0])


def load_strided(*parts: object) -> Tensor:
    """A nested tensor of layout torch.strided."""
    from tritonnn.nested._saving import rebuild_strided

    if len(parts) != 4:
        raise RuntimeError("load: the parts of a nested tensor do not fit each other: the file is corrupted")
    return rebuild_strided(*parts)
