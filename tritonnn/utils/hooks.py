"""Handles of registered hooks."""

from __future__ import annotations

import itertools
import warnings
import weakref
from collections.abc import MutableMapping
from typing import Any

__all__ = ["RemovableHandle", "unserializable_hook", "warn_if_has_hooks"]

_ids = itertools.count()


class RemovableHandle:
    """What a ``register_*_hook`` method returns: ``remove()`` takes the hook out again.

    It refers to the dictionary of hooks weakly, so it does not keep a module or an optimizer alive, and it
    works as a context manager.

    Args:
        hooks_dict: the dictionary that holds the hook under ``handle.id``.
        extra_dict: further dictionaries (one, or a list) whose entry of the same id goes with it.

    Example:
        >>> from collections import OrderedDict
        >>> from tritonnn.utils.hooks import RemovableHandle
        >>> hooks = OrderedDict()
        >>> handle = RemovableHandle(hooks)
        >>> hooks[handle.id] = print
        >>> handle.remove()
        >>> len(hooks)
        0
    """

    def __init__(self, hooks_dict: MutableMapping[int, Any], *, extra_dict: Any = None) -> None:
        self.id = next(_ids)
        self.hooks_dict_ref: Any = weakref.ref(hooks_dict)
        extra = [] if extra_dict is None else extra_dict if isinstance(extra_dict, list) else [extra_dict]
        self.extra_dict_ref: tuple[Any, ...] = tuple(weakref.ref(d) for d in extra)

    def remove(self) -> None:
        """Takes the hook out; a second call does nothing."""
        for ref in (self.hooks_dict_ref, *self.extra_dict_ref):
            hooks = ref()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __getstate__(self) -> tuple[Any, int, tuple[Any, ...]]:
        return self.hooks_dict_ref(), self.id, tuple(ref() for ref in self.extra_dict_ref)

    def __setstate__(self, state: tuple[Any, int, tuple[Any, ...]]) -> None:
        hooks, self.id, extra = state
        # The dictionary may be gone by now: an empty one of its own keeps remove() harmless.
        self.hooks_dict_ref = weakref.ref(hooks) if hooks is not None else (lambda: None)
        self.extra_dict_ref = tuple(weakref.ref(d) for d in extra if d is not None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def unserializable_hook(f: Any) -> Any:
    """Mark a hook as one that need not survive saving: `warn_if_has_hooks` passes it over.

    >>> from tritonnn.utils.hooks import unserializable_hook
    >>> @unserializable_hook
    ... def hook(grad):
    ...     return grad
    """
    f.__torch_unserializable__ = True
    return f


def warn_if_has_hooks(tensor: Any) -> None:
    """Warn of the hooks of a tensor that is saved, which are not."""
    for hook in list((tensor._hooks or {}).values()):
        if not hasattr(hook, "__torch_unserializable__"):
            warnings.warn(
                f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, you can decorate the "
                "function with @torch.utils.hooks.unserializable_hook to suppress this warning",
                stacklevel=2,
            )
