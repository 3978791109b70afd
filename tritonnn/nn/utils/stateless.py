"""A module called with other tensors in place of its parameters and buffers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.nn.module import Module

__all__ = ["functional_call"]

# What stands for a place where a module has no tensor of that name.
_ABSENT: Any = object()


def functional_call(
    module: Module, parameters_and_buffers: dict[str, Any], args: object = None, kwargs: dict[str, Any] | None = None,
    *, tie_weights: bool = True, strict: bool = False,
) -> Any:  # fmt: skip
    """Deprecated name of `torch.func.functional_call`."""
    warnings.warn(
        "`torch.nn.utils.stateless.functional_call` is deprecated as of PyTorch 2.0 and will be removed in a future "
        "version of PyTorch. Please use `torch.func.functional_call` instead which is a drop-in replacement.",
        FutureWarning,
        stacklevel=2,
    )
    return call(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)


def call(
    module: Module, tensors: dict[str, Any], args: object, kwargs: dict[str, Any] | None, *, tie_weights: bool,
    strict: bool,
) -> Any:  # fmt: skip
    """`module(*args, **kwargs)` with the tensors of the given names."""
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, tensors, tie_weights, strict):
        return module(*args, **({} if kwargs is None else kwargs))


@contextmanager
def _replaced(module: Module, tensors: dict[str, Any], tie_weights: bool, strict: bool) -> Iterator[None]:
    """Puts the tensors into their places for the block; what forward has put there instead goes back to `tensors`."""
    everything = _named(module)
    wanted = _with_ties(everything, tensors) if tie_weights else dict(tensors)
    if strict:
        _check_names(module, everything, wanted)
    places = [(name, *_place(module, name)) for name in wanted]
    kept: list[tuple[dict, str, Any]] = []
    try:
        for path, owner, name in places:
            tensor = wanted[path]
            if not isinstance(tensor, Tensor) and tensor is not None:
                raise TypeError(f"{tensor} is not an instance of torch.Tensor")
            registry = _registry(owner, name)
            kept.append((registry, name, registry.get(name, _ABSENT)))
            registry[name] = tensor
        yield
    finally:
        after = {path: _registry(owner, name).get(name, _ABSENT) for path, owner, name in places[: len(kept)]}
        for registry, name, tensor in reversed(kept):
            if tensor is _ABSENT:
                registry.pop(name, None)
            else:
                registry[name] = tensor
        tensors.update({path: after[path] for path in tensors if after.get(path, _ABSENT) is not _ABSENT})


def _named(module: Module) -> dict[str, Any]:
    return {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }


def _with_ties(everything: dict[str, Any], tensors: dict[str, Any]) -> dict[str, Any]:
    """`tensors` and the other names of the tensors that they replace."""
    names: dict[int, list[str]] = {}
    for name, tensor in everything.items():
        names.setdefault(id(tensor), []).append(name)
    result = dict(tensors)
    for tied in names.values():
        given = [name for name in tied if name in tensors]
        if len({id(tensors[name]) for name in given}) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(tied)}, which are tied. Consider using "
                "tie_weights=False"
            )
        if given:
            result.update(dict.fromkeys(tied, tensors[given[0]]))
    return result


def _check_names(module: Module, everything: dict[str, Any], given: dict[str, Any]) -> None:
    problems = [
        f"\n\t{kind} key(s): {', '.join(repr(name) for name in sorted(names))}."
        for kind, names in (
            ("Unexpected", given.keys() - everything.keys()),
            ("Missing", everything.keys() - given.keys()),
        )
        if names
    ]
    if problems:
        raise RuntimeError(f"Error(s) in reparametrizing for {module._get_name()}:{''.join(problems)}")


def _place(module: Module, path: str) -> tuple[Any, str]:
    """The module that has the tensor of a dotted name, and the name there."""
    above, _, name = path.rpartition(".")
    if name == "":
        raise KeyError('tensor name can\'t be empty string ""')
    return module.get_submodule(above), name


def _registry(owner: Module, name: str) -> dict[str, Any]:
    """Where a module keeps the tensor, or would keep an attribute of that name."""
    if name in owner._parameters:
        return owner._parameters
    if name in owner._buffers:
        return owner._buffers
    return owner.__dict__
