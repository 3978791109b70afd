"""torch.export, refused: there is no graph of a model. What describes the sizes of inputs can be made."""

from __future__ import annotations

from typing import Any

from tritonnn._refusals import GRAPH, refused

_REFUSED = refused(
    "torch.export",
    GRAPH,
    functions="default_decompositions draft_export export export_for_inference export_for_training load "
    "register_dataclass save unflatten",
    classes="AdditionalInputs Constraint CustomDecompTable ExportBackwardSignature ExportGraphSignature "
    "ExportedProgram FlatArgsAdapter ModuleCallEntry ModuleCallSignature ShapesCollection UnflattenedModule",
)
globals().update(_REFUSED)
__all__ = ["Dim", "dims", *_REFUSED]


class _Hint:
    """What an extent may be: any, that of the example, or what is found."""

    def __init__(self, kind: str, min: int | None = None, max: int | None = None) -> None:
        self.kind, self.min, self.max = kind, min, max

    def __repr__(self) -> str:
        return f"DimHint({self.kind})"


class Dim:
    """A name for an extent that inputs may vary in, with its bounds.

    >>> import tritonnn as torch
    >>> torch.export.Dim("batch", min=1, max=64)
    Dim('batch', min=1, max=64)
    """

    AUTO, DYNAMIC, STATIC = _Hint("AUTO"), _Hint("DYNAMIC"), _Hint("STATIC")

    def __init__(self, name: str, *, min: int | None = None, max: int | None = None) -> None:
        low, high = 0 if min is None else min, 2**63 - 1 if max is None else max
        if low > high:
            raise AssertionError(f"Cannot create Dim with inconsistent min={min}, max={max}")
        if not name.isidentifier():
            raise AssertionError(f"Dim name must be a valid identifier, got {name}")
        self.__name__, self.min, self.max = name, low, high

    def __repr__(self) -> str:
        return f"Dim({self.__name__!r}, min={self.min}, max={self.max})"


def dims(*names: str, min: int | None = None, max: int | None = None) -> tuple[Dim, ...]:
    """A Dim for each name.

    >>> import tritonnn as torch
    >>> height, width = torch.export.dims("height", "width", min=16)
    >>> width.min
    16
    """
    return tuple(Dim(name, min=min, max=max) for name in names)


def __getattr__(name: str) -> Any:
    raise AttributeError(f"tritonnn has no torch.export.{name}: {GRAPH}")
