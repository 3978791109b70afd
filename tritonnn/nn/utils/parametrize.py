"""Parameters and buffers that are computed from others: a module's `weight` as a function of what is trained.

A parametrized tensor becomes a property of a class made for its module; what it is computed from stands in
`module.parametrizations.NAME`, a `ParametrizationList`.
"""

from __future__ import annotations

import copy
import copyreg
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tritonnn._parameter import Parameter
from tritonnn.nn.module import Module
from tritonnn.nn.modules.container import ModuleDict
from tritonnn.nn.utils._parametrization_list import ParametrizationList, check_appended, register

__all__ = [
    "ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
    "transfer_parametrizations_and_params", "type_before_parametrizations",
]  # fmt: skip

_cache_depth = 0
_cache: dict[tuple[int, str], Any] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor once inside the block, however often it is read.

    >>> import tritonnn as torch
    >>> from tritonnn.nn.utils import parametrize
    >>> layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 2))
    >>> with parametrize.cached():
    ...     layer.weight is layer.weight
    True
    """
    global _cache_depth
    _cache_depth += 1
    try:
        yield
    finally:
        _cache_depth -= 1
        if not _cache_depth:
            _cache.clear()


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a tensor of the module (None: any) is parametrized; children are not looked at.

    >>> import tritonnn as torch
    >>> torch.nn.utils.parametrize.is_parametrized(torch.nn.Linear(3, 2), "weight")
    False
    """
    lists = getattr(module, "parametrizations", None)
    if not isinstance(lists, ModuleDict):
        return False
    return len(lists) > 0 if tensor_name is None else tensor_name in lists


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Any:
    """Let the tensor `tensor_name` of `module` be computed by `parametrization`, from the tensor that it was.

    Further parametrizations of the same tensor are applied after the first. A parametrization that has a method
    `right_inverse` says what a given value is computed from: a tensor, or a sequence of them where `forward` takes
    several. It is asked for the tensor's present value, and when something is assigned.

    Args:
        module: whose tensor it is; changed (its class too) and returned.
        tensor_name: a parameter or buffer, parametrized already or not.
        parametrization: a module whose `forward` gives the tensor.
        unsafe: leave out the checks that shape and dtype stay what they are.

    Raises:
        ValueError: the module has no such tensor, or shape or dtype would change.

    >>> import tritonnn as torch
    >>> class Symmetric(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).mT
    >>> layer = torch.nn.Linear(2, 2)
    >>> layer = torch.nn.utils.parametrize.register_parametrization(layer, "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.mT).all()), list(layer.state_dict())
    (True, ['bias', 'parametrizations.weight.original'])
    """
    parametrization.train(module.training)
    owner: Any = module
    if is_parametrized(module, tensor_name):
        if not unsafe:
            check_appended(module, tensor_name, parametrization)
        entries = owner.parametrizations[tensor_name]
        entries.append(parametrization)
        entries.unsafe |= unsafe
    elif tensor_name in module._parameters or tensor_name in module._buffers:
        entries = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            module.__class__ = _parametrized_class(type(module))
            owner.parametrizations = ModuleDict()
        setattr(type(module), tensor_name, _property(tensor_name))
        owner.parametrizations[tensor_name] = entries
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    return module


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Any:
    """Make a parametrized tensor a plain parameter or buffer again.

    Args:
        module: whose tensor it is; changed and returned.
        tensor_name: of the tensor.
        leave_parametrized: whether it keeps its computed value, or gets back that which it was computed from.

    Raises:
        ValueError: it is not parametrized, or was computed from several tensors that are asked back.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    owner: Any = module
    entries = owner.parametrizations[tensor_name]
    if not leave_parametrized and not entries.is_tensor:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a "
            "sequence of tensors."
        )
    if entries.is_tensor:
        tensor = entries.original  # the same object, so that an optimizer keeps it
        if leave_parametrized:
            tensor.data = getattr(module, tensor_name).detach()
    else:
        value = getattr(module, tensor_name)
        tensor = Parameter(value.detach()) if value.requires_grad else value
    delattr(type(module), tensor_name)
    del owner.parametrizations[tensor_name]
    register(module, tensor_name, tensor)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that the module had before a tensor of it was parametrized.

    >>> import tritonnn as torch
    >>> layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 2))
    >>> torch.nn.utils.parametrize.type_before_parametrizations(layer).__name__
    'Linear'
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Any:
    """Put the parametrizations of one module onto another, with the tensors that they compute from.

    Args:
        from_module: where they stand; one that has none changes nothing.
        to_module: gets them, and is returned; tensors that it lacks are made.
        tensor_name: of one tensor; None: all.
    """
    if not is_parametrized(from_module):
        return to_module
    lists: Any = from_module.parametrizations
    for name in list(lists) if tensor_name is None else [tensor_name]:
        source = lists[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name)))
        for parametrization in source:
            register_parametrization(to_module, name, parametrization)
        target: Any = to_module.parametrizations[name]
        for original in source.original_names:
            setattr(target, original, getattr(source, original))
    return to_module


def _property(name: str) -> property:
    """The attribute through which a parametrized tensor is read and assigned."""

    def read(self: Any) -> Any:
        entries = self.parametrizations[name]
        if not _cache_depth:
            return entries()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = entries()
        return _cache[key]

    def write(self: Any, value: object) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(read, write)


def _parametrized_class(cls: Any, properties: dict[str, property] | None = None) -> type:
    """A class below `cls` for one module, with room for the properties of that module's tensors."""
    members: dict[str, Any] = {
        "__getstate__": _refuse_to_pickle,
        "__module__": __name__,
        **(properties or {}),
    }
    if not hasattr(cls, "__deepcopy__"):
        members["__deepcopy__"] = _deepcopy
    return type(f"Parametrized{cls.__name__}", (cls,), members)


def _refuse_to_pickle(self: Module) -> Any:
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict(). See:\n"
        "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
        "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training"
    )


def _deepcopy(self: Any, memo: dict[int, Any]) -> Any:
    """A copy with a class of its own, so that what is removed from one stays on the other."""
    if id(self) in memo:
        return memo[id(self)]
    cls: Any = type(self)
    own = {name: value for name, value in vars(cls).items() if isinstance(value, property)}
    replica = cls.__new__(cls)
    replica.__class__ = _parametrized_class(cls.__bases__[0], own)
    memo[id(self)] = replica
    replica.__dict__.update(copy.deepcopy(self.__dict__, memo))
    slots: Callable[[type], Sequence[str]] = copyreg._slotnames  # type: ignore[attr-defined]
    for slot in slots(cls):
        if hasattr(self, slot):
            setattr(replica, slot, copy.deepcopy(getattr(self, slot), memo))
    return replica
