"""Schemas that PyTorch infers, and what operators of programs do in both libraries."""

from __future__ import annotations

from typing import Any, Sequence  # noqa: UP035  # both spellings

import pytest
import torch as reference
from outcomes import check

import tritonnn as torch
from tritonnn import library


def functions(t: Any) -> dict[str, Any]:
    """Functions annotated with a library's own classes."""
    Tensor = t.Tensor

    def plain(
        x: Tensor, y: int, z: float = 1.0, *, w: bool = True, s: str = "a", n: int | None = None
    ) -> Tensor: ...
    def lists(
        x: Tensor, ys: Sequence[Tensor], n: list[int], o: Tensor | None, d: t.dtype
    ) -> tuple[Tensor, Tensor]: ...
    def nothing(x: Tensor) -> None: ...
    def several(x: list[Tensor]) -> list[Tensor]: ...
    def modern(x: Tensor | None, y: list[float], z: Sequence[Tensor | None]) -> int: ...
    def bare(x: Tensor, y) -> Tensor: ...
    def mapping(x: dict) -> Tensor: ...
    def unsaid(x: Tensor): ...
    def inline(*x: Tensor) -> Tensor: ...

    made = {f.__name__: f for f in (plain, lists, nothing, several, modern, bare, mapping, unsaid, inline)}
    for function in made.values():
        function.__annotations__ = {
            name: eval(note, {**globals(), "t": t, "Tensor": Tensor})
            for name, note in function.__annotations__.items()
        }
    return made


@pytest.mark.parametrize("mutates", [(), ("x",), ("x", "ys"), "unknown", ("q",), ("y",), "all"])
@pytest.mark.parametrize("name", functions(torch))
def test_schemas(name: str, mutates: Any) -> None:
    def program(t: Any) -> Any:
        infer = library.infer_schema if t is torch else reference.library.infer_schema
        return infer(functions(t)[name], mutates_args=mutates)

    check(program, same_words=False)


def test_names_of_the_module() -> None:
    missing = {n for n in reference.library.__all__ if not hasattr(library, n)}
    assert missing == {
        "fallthrough_kernel", "impl_abstract", "register_autocast", "register_torch_dispatch",
    } & set(reference.library.__all__)  # fmt: skip


ATEN = [
    "add", "sub", "mul", "div", "sin", "exp", "mm", "addmm", "sum", "mean", "max", "view", "permute", "transpose",
    "softmax", "log_softmax", "clone", "cat", "stack", "pow", "relu", "sigmoid", "select", "squeeze", "unsqueeze",
    "where", "index", "gather", "scatter_add", "cumsum", "var", "std", "any", "all", "clamp", "matmul", "bmm",
    "eq", "lt", "gelu", "tanh", "rsqrt", "maximum", "split", "expand", "t", "neg", "abs", "add_", "mul_", "relu_",
    "reshape", "detach", "fill_", "zero_", "copy_", "flatten", "dropout", "embedding", "min",
]  # fmt: skip


@pytest.mark.parametrize("name", ATEN)
def test_overloads_are_those_of_aten(name: str) -> None:
    theirs = getattr(reference.ops.aten, name).overloads()
    assert set(getattr(torch.ops.aten, name).overloads()) <= set(theirs)
