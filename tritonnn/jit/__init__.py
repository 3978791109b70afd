"""torch.jit, for programs that also run without it: what is scripted or traced stays the Python that it is.

TorchScript is a language of PyTorch's own with a compiler and a file format. None of the three exists here. A function
or module that `script` or `trace` is given comes back as it is, runs eagerly and computes the same; what only
TorchScript can do, its files first of all, is refused. A traced function therefore still follows its `if`s, where
PyTorch's follows the example's.
"""

from __future__ import annotations

import builtins
import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeVar, get_args, get_origin

from tritonnn.futures import Future, fork, wait
from tritonnn.nn.module import Module

__all__ = [
    "Attribute", "CompilationUnit", "Error", "Final", "Future", "RecursiveScriptModule", "ScriptFunction",
    "ScriptModule", "TracerWarning", "TracingCheckError", "annotate", "enable_onednn_fusion", "export",
    "export_opnames", "fork", "freeze", "fuser", "ignore", "interface", "is_scripting", "is_tracing", "isinstance",
    "load", "onednn_fusion_enabled", "optimize_for_inference", "optimized_execution", "run_frozen_optimizations",
    "save", "script", "script_if_tracing", "script_method", "set_fusion_strategy", "strict_fusion", "trace",
    "trace_module", "unused", "wait",
]  # fmt: skip

F = TypeVar("F")


class Error(RuntimeError):
    """What running TorchScript raises in PyTorch.

    >>> import tritonnn as torch
    >>> issubclass(torch.jit.Error, RuntimeError)
    True
    """


class TracerWarning(Warning):
    """What tracing warns of in PyTorch; never given, as nothing is frozen here."""


class TracingCheckError(Exception):
    """What PyTorch raises where a trace computes something else than the function."""


class ScriptFunction:
    """The class of PyTorch's scripted functions. There are none here: a function stays one of Python's.

    >>> import tritonnn as torch
    >>> isinstance(torch.jit.script(lambda x: x), torch.jit.ScriptFunction)
    False
    """


class ScriptModule(Module):
    """A module whose methods may be marked with `script_method`; they are Python's.

    >>> import tritonnn as torch
    >>> isinstance(torch.jit.script(torch.nn.ReLU()), torch.jit.ScriptModule)
    False
    """


class RecursiveScriptModule(ScriptModule):
    """The class of PyTorch's scripted modules. `script` makes none here: it gives the module itself."""


class Attribute:
    """A value with the type that TorchScript should take it for."""

    def __init__(self, value: Any, type: Any) -> None:
        self.value, self.type = value, type


class CompilationUnit:
    """Refused: it compiles TorchScript's source.

    >>> import tritonnn as torch
    >>> torch.jit.CompilationUnit("def f(x): return x")
    Traceback (most recent call last):
    RuntimeError: torch.jit.CompilationUnit: tritonnn has neither TorchScript's compiler nor its files. ...
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        _refuse("CompilationUnit")


def _refuse(name: str) -> NoReturn:
    raise RuntimeError(
        f"torch.jit.{name}: tritonnn has neither TorchScript's compiler nor its files. Hint: keep the model's Python "
        "source, and save its state_dict() with torch.save"
    )


def script(
    obj: F, optimize: None = None, _frames_up: int = 0, _rcb: object = None, example_inputs: object = None
) -> F:
    """The function, class or module itself, which runs as Python.

    Args:
        obj: what PyTorch would compile.
        optimize: deprecated in PyTorch, as is `example_inputs`; both concern the compiler.

    >>> import tritonnn as torch
    >>> @torch.jit.script
    ... def twice(x: torch.Tensor) -> torch.Tensor:
    ...     return x + x
    >>> twice(torch.ones(2))
    tensor([2., 2.])
    """
    if not callable(obj):
        raise TypeError(
            f"torch.jit.script: expected a function, class or module, but got {type(obj).__name__}"
        )
    return obj


def trace(
    func: F,
    example_inputs: Any = None,
    optimize: None = None,
    check_trace: bool = True,
    check_inputs: object = None,
    check_tolerance: float = 1e-5,
    strict: bool = True,
    _force_outplace: bool = False,
    _module_class: object = None,
    _compilation_unit: object = None,
    example_kwarg_inputs: dict[str, Any] | None = None,
    _store_inputs: bool = True,
) -> F:
    """The function or module itself, after a call with the example's inputs.

    Args:
        func: what PyTorch would record.
        example_inputs: a tensor, or a tuple of positional arguments.
        example_kwarg_inputs: keyword arguments, instead.
        check_trace, check_inputs, check_tolerance, strict: concern what a recording could get wrong.

    >>> import tritonnn as torch
    >>> torch.jit.trace(torch.nn.ReLU(), torch.ones(1))
    ReLU()
    """
    if not callable(func):
        raise RuntimeError(f"torch.jit.trace: expected a function or module, but got {type(func).__name__}")
    if example_inputs is None and example_kwarg_inputs is None:
        raise RuntimeError("torch.jit.trace: example_inputs or example_kwarg_inputs must be given")
    if example_kwarg_inputs is not None:
        func(**example_kwarg_inputs)
    else:
        func(*(example_inputs if builtins.isinstance(example_inputs, (tuple, list)) else (example_inputs,)))
    return func


def trace_module(
    mod: Any,
    inputs: dict[str, Any],
    optimize: None = None,
    check_trace: bool = True,
    check_inputs: object = None,
    check_tolerance: float = 1e-5,
    strict: bool = True,
    _force_outplace: bool = False,
    _module_class: object = None,
    _compilation_unit: object = None,
    example_inputs_is_kwarg: bool = False,
    _store_inputs: bool = True,
) -> Any:
    """The module itself, after a call of each named method with its example inputs; see `trace`."""
    for name, given in inputs.items():
        method = mod if name == "forward" else getattr(mod, name)
        trace(
            method,
            None if example_inputs_is_kwarg else given,
            example_kwarg_inputs=given if example_inputs_is_kwarg else None,
        )
    return mod


def _mark(fn: F) -> F:
    """The function itself: how TorchScript is to take it concerns nobody here."""
    return fn


unused = export = interface = script_if_tracing = script_method = _mark


def ignore(drop: Any = False, **kwargs: object) -> Any:
    """The function itself; with or without parentheses."""
    return drop if callable(drop) else _mark


#: methods with a form for each type of argument: the last one, which is to take them all, remains
_overload = _overload_method = _mark


def freeze(mod: F, preserved_attrs: list[str] | None = None, optimize_numerics: bool = True) -> F:
    """The module itself, which has to be in evaluation mode as PyTorch asks."""
    if builtins.isinstance(mod, Module) and mod.training:
        raise RuntimeError(
            "Freezing is currently only implemented for modules in eval mode. Please call .eval() on your module "
            "before freezing."
        )
    return mod


def optimize_for_inference(mod: F, other_methods: list[str] | None = None) -> F:
    """The module itself."""
    return mod


def run_frozen_optimizations(
    mod: object, optimize_numerics: bool = True, preserved_methods: list[str] | None = None
) -> None:
    """Nothing: there is no graph to work on."""


def annotate(the_type: object, the_value: F) -> F:
    """The value."""
    return the_value


_CONTAINERS = (list, dict, tuple)


def isinstance(obj: Any, target_type: Any) -> bool:
    """Whether a value is of a type, such as `list[int]`, down to its elements.

    >>> import tritonnn as torch
    >>> torch.jit.isinstance([1, 2], list[int]), torch.jit.isinstance([1, "a"], list[int])
    (True, False)
    """
    if builtins.isinstance(target_type, tuple):
        return any([isinstance(obj, each) for each in target_type])
    origin: Any = get_origin(target_type)
    args = get_args(target_type)
    if not args and (origin in _CONTAINERS or target_type in _CONTAINERS):
        named = getattr(target_type, "__name__", str(target_type))
        raise RuntimeError(
            f"Attempted to use {named} without a contained type. Please add a contained type, "
            f"e.g. {named}[{'int, int' if 'ict' in named else 'int'}]"
        )
    if target_type is Any:
        return True
    if origin is None:
        return builtins.isinstance(obj, target_type)
    if not builtins.isinstance(origin, type) or origin.__module__ in ("types", "typing"):  # a union
        return any(obj is None if each is type(None) else isinstance(obj, each) for each in args)
    if not builtins.isinstance(obj, origin):
        return False
    return _holds(obj, origin, args)


def _holds(obj: Any, origin: Any, args: tuple) -> bool:
    """Whether the elements of a container are of the types."""
    if origin is dict:
        return all(isinstance(key, args[0]) and isinstance(value, args[1]) for key, value in obj.items())
    if origin is tuple and args[-1:] != (...,):
        return len(obj) == len(args) and all(isinstance(value, each) for value, each in zip(obj, args))
    return all(isinstance(value, args[0]) for value in obj)


def is_scripting() -> bool:
    """False: nothing is compiled."""
    return False


def is_tracing() -> bool:
    """False: nothing is recorded."""
    return False


def save(m: object, f: object, _extra_files: object = None) -> NoReturn:
    """Refused: TorchScript's files hold programs.

    Raises:
        RuntimeError: always.
    """
    _refuse("save")


def load(
    f: Any, map_location: object = None, _extra_files: object = None, _restore_shapes: bool = False
) -> NoReturn:
    """Refused: a file of TorchScript is a program that only PyTorch runs.

    Raises:
        ValueError: there is no such file.
        RuntimeError: else.
    """
    if builtins.isinstance(f, (str, os.PathLike)) and not os.path.exists(f):
        raise ValueError(f"The provided filename {os.fspath(f)} does not exist")
    raise RuntimeError(
        f"torch.jit.load: {f!r:.200} is a program in TorchScript, which tritonnn cannot run. Hint: load it with "
        "PyTorch, save its state_dict() with torch.save, and load that into the model's Python class"
    )


def export_opnames(m: object) -> NoReturn:
    """Refused: there are no operators of a compiled module to list."""
    _refuse("export_opnames")


@contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """A block in which TorchScript would be optimised or not."""
    yield


@contextmanager
def fuser(name: str) -> Iterator[None]:
    """A block in which TorchScript would use the fuser of a name."""
    yield


class strict_fusion:
    """A block within which TorchScript would complain of what it did not fuse."""

    def __enter__(self) -> None: ...

    def __exit__(self, *exception: object) -> None: ...


def set_fusion_strategy(strategy: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The strategy until now; there is no fuser that would have one."""
    return []


def enable_onednn_fusion(enabled: bool) -> None:
    """Nothing: there is no such fuser."""


def onednn_fusion_enabled() -> bool:
    """False."""
    return False


_script_if_tracing = script_if_tracing

del annotations  # of `__future__`: the name is a submodule's


def __getattr__(name: str) -> Any:
    if name in ("annotations", "frontend", "mobile"):
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"tritonnn has no torch.jit.{name}")
