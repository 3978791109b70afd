"""Hooks of modules: registration (per module and global), the call that runs them, gradients at module
borders.
"""

from __future__ import annotations

import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.ops.creation.creation import zeros
from tritonnn.recording.grad_mode import is_grad_enabled
from tritonnn.utils.hooks import RemovableHandle

_global_forward_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_forward_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_forward_hooks_with_kwargs: OrderedDict[int, bool] = OrderedDict()
_global_forward_hooks_always_called: OrderedDict[int, bool] = OrderedDict()
_global_backward_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_backward_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_is_full_backward_hook: bool | None = None
# Every global hook that a call has to look at, so that Module.__call__ asks one dictionary and not four.
_global_call_hooks: OrderedDict[int, bool] = OrderedDict()

_MIXED_HOOKS = (
    "Cannot use both regular backward hooks and full backward hooks {}. Please use only one of them."
)


def _register(
    hooks: OrderedDict[int, Any],
    hook: Callable,
    extra: list[OrderedDict] | None = None,
    prepend: bool = False,
) -> RemovableHandle:
    """Add `hook` under a new id to `hooks` and a mark under the same id to each of `extra`."""
    handle = RemovableHandle(hooks, extra_dict=extra)
    hooks[handle.id] = hook
    for marks in extra or ():
        marks[handle.id] = True
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(module, args)` before every module's forward; what it returns replaces the arguments."""
    return _register(_global_forward_pre_hooks, hook, [_global_call_hooks])


def register_module_forward_hook(
    hook: Callable, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` after every module's forward; what it returns replaces the output."""
    extra = [_global_call_hooks]
    if with_kwargs:
        extra.append(_global_forward_hooks_with_kwargs)
    if always_call:
        extra.append(_global_forward_hooks_always_called)
    return _register(_global_forward_hooks, hook, extra)


def register_module_full_backward_pre_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(module, grad_output)` before every module's backward; what it returns replaces
    grad_output.
    """
    return _register(_global_backward_pre_hooks, hook, [_global_call_hooks])


def register_module_full_backward_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` after every module's backward."""
    return _register_global_backward(hook, True)


def register_module_backward_hook(hook: Callable) -> RemovableHandle:
    """Older form of `register_module_full_backward_hook`: sees the last graph node of a module only."""
    return _register_global_backward(hook, False)


def _register_global_backward(hook: Callable, full: bool) -> RemovableHandle:
    global _global_is_full_backward_hook
    if _global_is_full_backward_hook is (not full):
        raise RuntimeError(_MIXED_HOOKS.format("as a global Module hook"))
    _global_is_full_backward_hook = full
    return _register(_global_backward_hooks, hook, [_global_call_hooks])


class HookMixin:
    """The part of Module that registers hooks; every method returns a handle with `remove()`."""

    _forward_pre_hooks: OrderedDict[int, Callable]
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks: OrderedDict[int, Callable]
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _backward_pre_hooks: OrderedDict[int, Callable]
    _backward_hooks: OrderedDict[int, Callable]
    _is_full_backward_hook: bool | None

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before each forward.

        Args:
            hook: may return a value or tuple that replaces the positional arguments; with `with_kwargs` it is
                called as `hook(module, args, kwargs)` and may return `(args, kwargs)`.
            prepend: run before the hooks registered so far.
            with_kwargs: whether the hook sees the keyword arguments.
        """
        extra = [self._forward_pre_hooks_with_kwargs] if with_kwargs else None
        return _register(self._forward_pre_hooks, hook, extra, prepend)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after each forward.

        Args:
            hook: may return a value that replaces the output; with `with_kwargs` it is called as
                `hook(module, args, kwargs, output)`.
            prepend: run before the hooks registered so far.
            with_kwargs: whether the hook sees the keyword arguments.
            always_call: call it also when forward raises (the output is then None).

        >>> import tritonnn as torch
        >>> layer, shapes = torch.nn.Linear(3, 2), []
        >>> handle = layer.register_forward_hook(lambda module, args, output: shapes.append(output.shape))
        >>> _ = layer(torch.ones(5, 3))
        >>> shapes
        [torch.Size([5, 2])]
        """
        extra: list[OrderedDict] = []
        if with_kwargs:
            extra.append(self._forward_hooks_with_kwargs)
        if always_call:
            extra.append(self._forward_hooks_always_called)
        return _register(self._forward_hooks, hook, extra, prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the output's gradients are known; a result replaces them."""
        return _register(self._backward_pre_hooks, hook, None, prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the input's gradients are known; a result
        replaces them.
        """
        return self._register_backward(hook, True, prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """Older form of `register_full_backward_hook`: grad_input is that of the last graph node only."""
        return self._register_backward(hook, False, False)

    def _register_backward(self, hook: Callable, full: bool, prepend: bool) -> RemovableHandle:
        if self._is_full_backward_hook is (not full):
            raise RuntimeError(_MIXED_HOOKS.format("on a single Module"))
        self._is_full_backward_hook = full
        return _register(self._backward_hooks, hook, None, prepend)

    def _call_with_hooks(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        call = _HookedCall(self, args, kwargs)
        try:
            return call.run()
        except Exception:
            call.run_always_called()
            raise


class _HookedCall:
    """One call of a module that has hooks, or while global hooks exist."""

    def __init__(self, module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        self.module = module
        self.args = args
        self.kwargs = kwargs
        self.result: Any = None
        self.done: set[int] = set()

    def run(self) -> Any:
        self.run_pre_hooks()
        border = self.border()
        if border is not None:
            self.args = border.enter(self.args)
        self.result = self.module.forward(*self.args, **self.kwargs)
        for key, hook in (*_global_forward_hooks.items(), *self.module._forward_hooks.items()):
            self.done.add(key)
            self.run_forward_hook(key, hook)
        if border is not None:
            self.result = border.leave(self.result)
        self.attach_legacy_hooks()
        return self.result

    def run_pre_hooks(self) -> None:
        module = self.module
        for key, hook in (*_global_forward_pre_hooks.items(), *module._forward_pre_hooks.items()):
            if key in module._forward_pre_hooks_with_kwargs:
                changed = hook(module, self.args, self.kwargs)
                if changed is None:
                    continue
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got "
                        f"{changed}."
                    )
                self.args, self.kwargs = changed
            else:
                changed = hook(module, self.args)
                if changed is not None:
                    self.args = changed if isinstance(changed, tuple) else (changed,)

    def run_forward_hook(self, key: int, hook: Callable) -> None:
        module = self.module
        if key in module._forward_hooks_with_kwargs or key in _global_forward_hooks_with_kwargs:
            changed = hook(module, self.args, self.kwargs, self.result)
        else:
            changed = hook(module, self.args, self.result)
        if changed is not None:
            self.result = changed

    def run_always_called(self) -> None:
        """After an exception: the `always_call` hooks that have not run; what they raise becomes a
        warning.
        """
        always = {**_global_forward_hooks_always_called, **self.module._forward_hooks_always_called}
        for key, hook in (*_global_forward_hooks.items(), *self.module._forward_hooks.items()):
            if key in always and key not in self.done:
                try:
                    self.run_forward_hook(key, hook)
                except Exception as error:
                    warnings.warn(
                        "module forward hook with ``always_call=True`` raised an exception "
                        f"that was silenced as another error was raised in forward: {error}"
                    )

    def _backward_hooks(self, full: bool) -> list[Callable]:
        """Global hooks and the module's own, where they are of this kind: None says that there are none."""
        hooks: list[Callable] = []
        if _global_is_full_backward_hook is full:
            hooks += _global_backward_hooks.values()
        if self.module._is_full_backward_hook is full:
            hooks += self.module._backward_hooks.values()
        return hooks

    def border(self) -> _Border | None:
        """What catches gradients at the module's inputs and outputs, where a hook asks for them."""
        module = self.module
        after = self._backward_hooks(full=True)
        before = [*_global_backward_pre_hooks.values(), *module._backward_pre_hooks.values()]
        return _Border(module, before, after) if before or after else None

    def attach_legacy_hooks(self) -> None:
        hooks = self._backward_hooks(full=False)
        if not hooks:
            return
        output = self.result
        while not isinstance(output, Tensor):
            output = next(iter(output.values())) if isinstance(output, dict) else output[0]
        node = output.grad_fn
        if node is not None:
            reference = weakref.ref(self.module)
            for hook in hooks:
                node.register_hook(lambda grads, outputs, hook=hook: hook(reference(), grads, outputs))


class _Border:
    """The two gates of one call: gradients of the outputs come in at one, leave for the inputs at the
    other.
    """

    def __init__(self, module: Any, before: list[Callable], after: list[Callable]) -> None:
        self.module = module
        self.before = before
        self.after = after
        self.places: list[int] | None = None  # which arguments are tensors; None: none of them requires grad
        self.count = 0
        self.kinds: list[tuple] = []  # shape, dtype and device of the tensors among the arguments
        self.grad_output: tuple | None = None

    def enter(self, args: tuple) -> tuple:
        self.count = len(args)
        args, self.places = _gate(args, self.visit_inputs)
        if self.places is not None:
            self.kinds = [(args[i].shape, args[i].dtype, args[i].device) for i in self.places]
        return args

    def leave(self, result: Any) -> Any:
        if not isinstance(result, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors "
                f"but received {type(result)}"
            )
        outputs = result if isinstance(result, tuple) else (result,)
        places: list[int] | None = None

        def visit(grads: tuple) -> tuple:
            assert places is not None
            return self.visit_outputs(grads, places, len(outputs))

        passed, places = _gate(outputs, visit)
        return passed if isinstance(result, tuple) else passed[0]

    def visit_outputs(self, grads: tuple, places: list[int], count: int) -> tuple:
        grad_output = _spread(places, grads, count)
        for hook in self.before:
            changed = hook(self.module, grad_output)
            if changed is None:
                continue
            changed = changed if isinstance(changed, tuple) else (changed,)
            if len(changed) != count:
                raise RuntimeError(
                    "Backward pre hook returned an invalid number of grad_output, "
                    f"got {len(changed)}, but expected {count}"
                )
            grad_output = changed
        if self.places is None:
            self.fire_without_inputs(grad_output)
        else:
            self.grad_output = grad_output
        return tuple([grad_output[i] for i in places])

    def fire_without_inputs(self, grad_output: tuple) -> None:
        if self.after:
            warnings.warn(
                "Full backward hook is firing when gradients are computed with respect to module outputs "
                "since no inputs require gradients."
            )
        for hook in self.after:
            changed = hook(self.module, (None,) * self.count, grad_output)
            if changed is not None and not (isinstance(changed, tuple) and all(g is None for g in changed)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None "
                    "or None for all gradients."
                )

    def visit_inputs(self, grads: tuple) -> tuple:
        if self.grad_output is None:  # reached without passing the outputs, as in a double backward
            return grads
        assert self.places is not None
        filled = [_zeros(*kind) if grad is None else grad for grad, kind in zip(grads, self.kinds)]
        grad_input = _spread(self.places, filled, self.count)
        for hook in self.after:
            changed = hook(self.module, grad_input, self.grad_output)
            if changed is None:
                continue
            changed = changed if isinstance(changed, tuple) else (changed,)
            if len(changed) != len(grad_input):
                raise RuntimeError(
                    "Backward hook returned an invalid number of grad_input, "
                    f"got {len(changed)}, but expected {len(grad_input)}"
                )
            grad_input = changed
        self.grad_output = None
        return tuple([grad_input[i] for i in self.places])


def _zeros(shape: tuple, dtype: DType | None, device: DeviceLike | None) -> Tensor:
    return zeros(shape, dtype=dtype, device=device)


def _gate(values: tuple, visit: Callable[[tuple], tuple]) -> tuple[tuple, list[int] | None]:
    """Pass the tensors among `values` through a gate; also their places, or None where no gradient will
    flow.
    """
    places = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
    if not (is_grad_enabled() and any(values[i].requires_grad for i in places)):
        return values, None
    from tritonnn.nn._gate import BackwardHookFunction

    passed = list(values)
    for i, tensor in zip(places, BackwardHookFunction.apply(visit, *[values[i] for i in places])):
        passed[i] = tensor
    if hasattr(values, "n_fields"):  # a record of torch.return_types
        return type(values)(passed), places
    return type(values)(*passed) if hasattr(values, "_fields") else tuple(passed), places


def _spread(places: list[int], values: Any, count: int) -> tuple:
    """`values` at their places among `count`, None elsewhere."""
    spread: list[Any] = [None] * count
    for place, value in zip(places, values):
        spread[place] = value
    return tuple(spread)
