"""`torch.compile` and what it returns."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn

from tritonnn._dynamo.exc import InvalidBackend
from tritonnn._inductor._options import check
from tritonnn.errors import warn_once
from tritonnn.nn.module import Module

__all__ = ["OptimizedModule", "compile", "explain", "list_backends", "optimize"]

MODES = ("default", "lite", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune")
BACKENDS = {"cudagraphs": "", "inductor": "", "eager": "debug", "aot_eager": "debug"}


class OptimizedModule(Module):
    """A module that PyTorch would have compiled, under `_orig_mod`, as its state_dict's keys say.

    Attributes and methods are those of the module inside; calls run it eagerly.
    """

    _orig_mod: Module

    def __init__(self, mod: Module) -> None:
        super().__init__()
        self._modules["_orig_mod"] = mod
        self.training = mod.training

    def __getattr__(self, name: str) -> Any:
        if name == "_orig_mod":
            return self._modules["_orig_mod"]
        return getattr(self._orig_mod, name)

    def __setattr__(self, name: str, value: Any) -> None:
        inside = self.__dict__.get("_modules", {}).get("_orig_mod")
        if inside is None or name == "_orig_mod" or name in self.__dict__:
            super().__setattr__(name, value)
        else:
            setattr(inside, name, value)

    def __delattr__(self, name: str) -> None:
        if name in self.__dict__:
            super().__delattr__(name)
        else:
            delattr(self._orig_mod, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._orig_mod)})

    def __len__(self) -> int:
        return len(self._orig_mod)

    def __getitem__(self, index: Any) -> Any:
        return self._orig_mod[index]  # type: ignore[index]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """A call of the module inside."""
        return self._orig_mod(*args, **kwargs)


def compile(
    model: Callable | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str | Callable | None = None,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    name: str | None = None,
    disable: bool = False,
    recompile_limit: int | None = None,
    isolate_recompiles: bool = False,
    shapes_spec: object = None,
) -> Any:
    """A function or module as PyTorch's compiler returns it, which runs eagerly here; that is said once.

    Args:
        model: what to compile; without it a decorator is returned.
        backend: one of `list_backends(exclude_tags=())`; default: "inductor". A function, which would get a graph, is
            refused.
        mode: one of "default", "reduce-overhead", "max-autotune" and "max-autotune-no-cudagraphs".
        options: of the backend, of those that `torch._inductor.list_options()` names; not together with `mode`.
        disable: return `model` itself.
        fullgraph, dynamic, name, recompile_limit, isolate_recompiles, shapes_spec: how PyTorch compiles.

    Raises:
        RuntimeError: `mode` and `options` together, or a mode or an option that does not exist.
        InvalidBackend: there is no backend of that name.
        NotImplementedError: `backend` is a function.

    >>> import tritonnn as torch, warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     model = torch.compile(torch.nn.Linear(2, 1))
    >>> list(model.state_dict())
    ['_orig_mod.weight', '_orig_mod.bias']
    """
    if mode is not None and options is not None:
        raise RuntimeError(
            "Either mode or options can be specified, but both can't be specified at the same time."
        )
    if mode is not None and mode not in MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(MODES)}")
    backend = default_backend() if backend is None else backend
    if not isinstance(backend, str):
        raise NotImplementedError(
            f"torch.compile: backend={backend!r:.100} would be handed a graph, and tritonnn has no graph compiler"
        )
    if backend not in BACKENDS:
        raise InvalidBackend(backend)
    if options is not None and backend == "inductor":
        check(options)
    if model is None:
        return lambda model: compile(model, mode=mode, options=options, backend=backend, disable=disable)
    if not callable(model):
        raise AssertionError(f"A callable function is expected, but {type(model)} is provided.")
    if disable:
        return model
    said()
    return OptimizedModule(model) if isinstance(model, Module) else _eager(model)


_default = ["inductor"]


def default_backend(name: str | None = None) -> str:
    """The backend where none is given; with a name, that one from now on."""
    if name is not None:
        _default[:] = [name]
    return _default[0]


def said() -> None:
    """Say once in a process that nothing is compiled."""
    warn_once("compile", "torch.compile: tritonnn has no graph compiler; what is compiled runs eagerly")


def _eager(function: Callable) -> Callable:
    if isinstance(function, type):
        return function

    @functools.wraps(function)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    compiled._torchdynamo_orig_callable = function  # type: ignore[attr-defined]
    return compiled


def optimize(backend: str | Callable = "inductor", **options: object) -> Callable[[Callable], Any]:
    """The older form of `compile`: a decorator."""
    return compile(backend=backend)


def list_backends(exclude_tags: Any = ("debug", "experimental")) -> list[str]:
    """The names that `backend` takes."""
    return sorted(name for name, tag in BACKENDS.items() if not tag or tag not in (exclude_tags or ()))


def explain(f: Callable, *args: object, **kwargs: object) -> NoReturn:
    """Refused: no graph is made that could be explained."""
    raise NotImplementedError("torch._dynamo.explain: tritonnn has no graph compiler, and makes no graph")
