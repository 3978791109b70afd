"""torch.compiler: what programs say to PyTorch's compiler; tritonnn has none, and runs all of it eagerly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from tritonnn._dynamo import config
from tritonnn._dynamo.decorators import (
    allow_in_graph,
    assume_constant_result,
    disable,
    reset,
    substitute_in_graph,
)
from tritonnn._dynamo.eval_frame import BACKENDS, compile, default_backend, list_backends
from tritonnn._dynamo.exc import InvalidBackend

__all__ = [
    "allow_in_graph", "assume_constant_result", "compile", "config", "cudagraph_mark_step_begin", "disable",
    "get_default_backend", "is_compiling", "is_dynamo_compiling", "is_exporting", "list_backends",
    "nested_compile_region", "reset", "set_default_backend", "set_stance", "substitute_in_graph", "wrap_numpy",
]  # fmt: skip

STANCES = (
    "default", "eager_then_compile", "aot_eager_then_compile", "fail_on_recompile", "force_eager", "eager_on_recompile",
)  # fmt: skip


def is_compiling() -> bool:
    """False: nothing is compiled."""
    return False


def is_dynamo_compiling() -> bool:
    """False."""
    return False


def is_exporting() -> bool:
    """False."""
    return False


def cudagraph_mark_step_begin() -> None:
    """Nothing: no CUDA graph keeps results of an earlier step."""


class set_stance:
    """How PyTorch treats functions that are to be compiled; a call, a block or a decorator.

    Args:
        stance: one of PyTorch's names.
    """

    def __init__(
        self, stance: str = "default", *, skip_guard_eval_unsafe: bool = False, force_backend: object = None
    ) -> None:
        if stance not in STANCES:
            raise RuntimeError(
                f"invalid torch.compile stance '{stance}': expected one of {', '.join(STANCES)}"
            )
        self.stance = stance

    def __enter__(self) -> None: ...

    def __exit__(self, *exception: object) -> None: ...

    def __call__(self, fn: Callable) -> Callable:
        return fn


def set_default_backend(backend: str | None) -> None:
    """Take a backend where `compile` is given none; None stands for PyTorch's own. Refuses what is no backend."""
    backend = "inductor" if backend is None else backend
    if backend not in BACKENDS:
        raise InvalidBackend(str(backend))
    default_backend(backend)


def get_default_backend() -> str:
    """The name that `compile` takes where none is given: 'inductor', or what `set_default_backend` was given."""
    return default_backend()


def nested_compile_region(
    fn: Callable | None = None,
    *,
    options: object = None,
    max_reuse_entries: int = 8,
    reuse_hash_fn: object = None,
) -> Any:
    """The function itself; without one, a decorator."""
    return (lambda fn: fn) if fn is None else fn


def wrap_numpy(fn: Callable) -> NoReturn:
    """Refused: it would make a function of tensors from one of arrays, which only a compiler can."""
    raise NotImplementedError("torch.compiler.wrap_numpy: tritonnn has no graph compiler")
