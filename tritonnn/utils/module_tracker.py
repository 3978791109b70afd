"""Which modules run, forward or backward: `ModuleTracker`."""

from __future__ import annotations

from collections.abc import Callable
from weakref import ReferenceType, WeakKeyDictionary, WeakSet, ref

from tritonnn._tensor import Tensor
from tritonnn.autograd.graph import register_multi_grad_hook
from tritonnn.nn._hooks import register_module_forward_hook, register_module_forward_pre_hook
from tritonnn.nn.module import Module
from tritonnn.recording.grad_mode import state
from tritonnn.utils._pytree import tree_leaves
from tritonnn.utils.hooks import RemovableHandle

__all__ = ["ModuleTracker"]


class ModuleTracker:
    """Within the block, knows the modules whose forward runs, and those whose backward does.

    The outermost module is known by the name of its class, those within by their path from there. Backward of a
    module begins with the gradients of its outputs and ends with those of its inputs; without an input that requires
    grad it ends with the pass.

    >>> import tritonnn as torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 2))
    >>> with torch.utils.module_tracker.ModuleTracker() as tracker:
    ...     handle = model[0].register_forward_pre_hook(lambda *_: print(sorted(tracker.parents)))
    ...     y = model(torch.ones(1, 2))
    ['Global', 'Sequential', 'Sequential.0']
    """

    def __init__(self) -> None:
        self._running: set[str] = {"Global"}
        self._names: WeakKeyDictionary[Module, str] = WeakKeyDictionary()
        self._walked: WeakSet[Module] = WeakSet()
        self._pass: ReferenceType[object] | None = None  # of backward, in which modules were entered
        self._hooks: list[RemovableHandle] = []

    @property
    def parents(self) -> set[str]:
        """The names of the modules that run now, and "Global"."""
        if self._pass is not None and (state.current is None or self._pass() is None):
            self._running, self._pass = {"Global"}, None  # what that pass left open has ended with it
        return self._running

    @property
    def is_bw(self) -> bool:
        """Whether a pass of backward runs."""
        return state.current is not None

    def __enter__(self) -> ModuleTracker:
        self._handles = [
            register_module_forward_pre_hook(self._before),
            register_module_forward_hook(self._after),
        ]
        return self

    def __exit__(self, *exc_info: object) -> None:
        for handle in (*self._handles, *self._hooks):
            handle.remove()
        self._hooks.clear()

    def _name_of(self, module: Module) -> str:
        name = self._names.setdefault(module, type(module).__name__)
        if module not in self._walked:
            self._walked.add(module)
            for own, child in module.named_children():
                self._names[child] = f"{name}.{own}"
                self._name_of(child)
        return name

    def _before(self, module: Module, args: tuple) -> None:
        name = self._name_of(module)
        self.parents.add(name)
        self._when_known(args, lambda *_: self.parents.discard(name))

    def _after(self, module: Module, args: tuple, output: object) -> None:
        name = self._name_of(module)
        self.parents.discard(name)
        self._when_known(output, lambda *_: self._enter_backward(name))

    def _enter_backward(self, name: str) -> None:
        self.parents.add(name)
        self._pass = ref(state.current)

    def _when_known(self, values: object, hook: Callable[..., None]) -> None:
        """Call the hook when the gradients of all tensors among values are known."""
        tensors = [t for t in tree_leaves(values) if isinstance(t, Tensor) and t.requires_grad]
        if tensors:
            self._hooks.append(register_multi_grad_hook(tensors, hook))
