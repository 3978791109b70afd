"""Lazy layers: parameters get their shape from the first input, then the layer becomes its ordinary class."""

from __future__ import annotations

from typing import Any

from tritonnn._parameter import is_lazy
from tritonnn._tensor import Tensor

__all__ = ["LazyModuleMixin"]


class LazyModuleMixin:
    """Put before the layer's class among the bases; the subclass defines `initialize_parameters`.

    A dry run on a small batch must come before parameters are used otherwise, as by an optimizer. Moving,
    casting
    and state_dict work before it; loading initialised tensors materialises the parameters.
    """

    # The class to turn into once the parameters exist; None keeps the lazy class.
    cls_to_become: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        module: Any = self
        self._load_hook = module._register_load_state_dict_pre_hook(_materialize_from_state, with_module=True)
        self._initialize_hook = module.register_forward_pre_hook(_initialize, with_kwargs=True)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Materialise the parameters for these inputs of forward."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Whether some parameter or buffer of this module has no shape yet."""
        module: Any = self
        return any(is_lazy(tensor) for tensor in (*module._parameters.values(), *module._buffers.values()))


class LazyExtent(LazyModuleMixin):
    """Learns one extent from the first input: the attribute that `_extent` names, 0 until then.

    The subclass defines `_learn` and `_shapes`.
    """

    _extent: str

    def _learn(self, input: Tensor) -> int:
        """The extent that the layer needs for this input."""
        raise NotImplementedError

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of parameters and buffers, by name, once the extent is known."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        if not self.has_uninitialized_params() and getattr(self, self._extent) != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        if getattr(self, self._extent) == 0:
            setattr(self, self._extent, self._learn(input))
        if self.has_uninitialized_params():  # else they have been loaded
            for name, shape in self._shapes().items():
                tensor = getattr(self, name)
                if is_lazy(tensor):
                    tensor.materialize(shape)
            self.reset_parameters()


def _initialize(module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
    """Forward pre-hook of a lazy module; runs once."""
    module.initialize_parameters(*args, **kwargs)
    if module.has_uninitialized_params():
        raise RuntimeError(f"module {module._get_name()} has not been fully initialized")
    module._initialize_hook.remove()
    module._load_hook.remove()
    del module._initialize_hook
    del module._load_hook
    if module.cls_to_become is not None:
        module.__class__ = module.cls_to_become


def _materialize_from_state(
    module: Any,
    state_dict: dict[str, Any],
    prefix: str,
    metadata: dict[str, Any],
    strict: bool,
    *reports: Any,
) -> None:
    """Before loading: give uninitialised tensors the shapes of those to be loaded."""
    for name, tensor in (*module._parameters.items(), *module._buffers.items()):
        given = state_dict.get(prefix + name)
        if is_lazy(tensor) and isinstance(given, Tensor) and not is_lazy(given):
            tensor.materialize(given.shape)
