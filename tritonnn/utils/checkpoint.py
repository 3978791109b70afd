"""Trading time for memory: a part of a model is computed again in backward instead of being kept."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.amp._settings import Kept
from tritonnn.autograd.function import Function
from tritonnn.recording.grad_mode import state
from tritonnn.recording.packing import saved_tensors_hooks
from tritonnn.utils._checkpoint_modes import (
    SAC_IGNORED_OPS,
    CheckpointPolicy,
    SelectiveCheckpointContext,
    Trace,
    create_selective_checkpoint_contexts,
)
from tritonnn.utils._checkpoint_parts import (
    DefaultDeviceType,
    check_backward_validity,
    detach_variable,
    get_device_states,
    set_device_states,
)

__all__ = [
    "SAC_IGNORED_OPS", "CheckpointError", "CheckpointFunction", "CheckpointPolicy", "DefaultDeviceType",
    "SelectiveCheckpointContext", "check_backward_validity", "checkpoint", "checkpoint_sequential",
    "create_selective_checkpoint_contexts", "detach_variable", "get_device_states", "noop_context_fn",
    "set_checkpoint_debug_enabled", "set_checkpoint_early_stop", "set_device_states",
]  # fmt: skip

Contexts = tuple[contextlib.AbstractContextManager, contextlib.AbstractContextManager]


class CheckpointError(RuntimeError):
    """The second computation did not save what the first one did."""


class _Enough(Exception):
    """Ends a recomputation that has made all that is needed."""


_early_stop = True


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Within the block, whether checkpoints stop computing again as soon as all that is needed is there.

    Example:
        >>> from tritonnn.utils.checkpoint import set_checkpoint_early_stop
        >>> with set_checkpoint_early_stop(False):
        ...     pass
    """
    global _early_stop
    before, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = before


_debug: bool | None = None


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Within the block, whether checkpoints note what both runs call; None: as each one's `debug` says.

    Example:
        >>> from tritonnn.utils.checkpoint import set_checkpoint_debug_enabled
        >>> with set_checkpoint_debug_enabled(True):
        ...     pass
    """
    global _debug
    before, _debug = _debug, enabled
    try:
        yield
    finally:
        _debug = before


def noop_context_fn() -> Contexts:
    """Two context managers that do nothing."""
    return contextlib.nullcontext(), contextlib.nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: object,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: object,
) -> Any:
    """Computes ``function(*args, **kwargs)`` without keeping what its ops save; backward computes it again.

    Source: Chen et al., "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174.

    Args:
        function: the part of the model; it must do the same both times.
        args, kwargs: its arguments; with ``use_reentrant=True`` positional ones only.
        use_reentrant: False records the graph and fills in what is missing, and works with ``autograd.grad``,
            keyword arguments and nested tensors; True runs backward within backward. Give it: the default is still
            True, with a warning.
        context_fn: makes two context managers, for the first and for the second run (``use_reentrant=False``).
        determinism_check: 'default' compares shapes, dtypes and devices of both runs, 'none' does not.
        debug: note what both runs call; an error of the second run shows it.
        early_stop: stop the second run when it has made all that is needed.
        preserve_rng_state: give the second run the random numbers of the first.

    Returns:
        What the function returns.

    Raises:
        CheckpointError: the second run saved other tensors than the first. ValueError: arguments that are not
            allowed together.

    Example:
        >>> import tritonnn as torch
        >>> from tritonnn.utils.checkpoint import checkpoint
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> checkpoint(lambda t: (t * t).exp().sum(), x, use_reentrant=False).backward()
        >>> bool((x.grad == 2 * x * (x * x).exp()).all())
        True
    """
    if use_reentrant is None:
        _warn("")
        use_reentrant = True
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of ['default', 'none'], but got {determinism_check}"
        )
    debug_wanted = debug if _debug is None else _debug
    if not use_reentrant:
        traces = (Trace(), Trace()) if debug_wanted else None
        if traces is not None:
            if context_fn is not noop_context_fn:
                raise ValueError("debug=True is incompatible with non-default context_fn")
            context_fn = lambda: traces
        run = _Recomputed(function, args, kwargs, context_fn, preserve_rng_state)
        run.checks, run.stops = determinism_check == "default", early_stop and _early_stop
        run.traces = traces
        return run.first()
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    if context_fn is not noop_context_fn or debug is not False:
        raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
    return CheckpointFunction.apply(function, preserve_rng_state, *args)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Runs a chain of modules in ``segments`` checkpointed parts; the last part is kept.

    Args:
        functions: a Sequential, or a list of functions of one argument.
        segments: number of parts.
        input: what the first one is given.
        use_reentrant: as for ``checkpoint``.
        kwargs: ``preserve_rng_state``.

    Example:
        >>> import tritonnn as torch
        >>> from tritonnn.utils.checkpoint import checkpoint_sequential
        >>> model = torch.nn.Sequential(*[torch.nn.Linear(2, 2) for _ in range(4)])
        >>> x = torch.ones(1, 2, requires_grad=True)
        >>> bool((checkpoint_sequential(model, 2, x, use_reentrant=False) == model(x)).all())
        True
    """
    if use_reentrant is None:
        _warn(".checkpoint_sequential")
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    functions = list(functions.children()) if hasattr(functions, "children") else list(functions)
    if not 0 < segments <= len(functions):
        raise ValueError(f"checkpoint_sequential: segments must be 1 to {len(functions)}, got {segments}")
    size = len(functions) // segments

    def part(chain: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
        def forward(value: Any) -> Any:
            for function in chain:
                value = function(value)
            return value

        return forward

    for i in range(segments - 1):
        chain = part(functions[i * size : (i + 1) * size])
        input = checkpoint(chain, input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return part(functions[(segments - 1) * size :])(input)


def _warn(name: str) -> None:
    import warnings

    warnings.warn(
        f"torch.utils.checkpoint{name}: the use_reentrant parameter should be passed explicitly. "
        "use_reentrant=False is recommended; without it use_reentrant=True is taken.",
        stacklevel=3,
    )


class _RandomState:
    """The state of all random generators in use, to compute with the same numbers again."""

    def __init__(self, kept: bool) -> None:
        self.kept = kept
        if kept:
            self.cpu = tritonnn.get_rng_state()
            self.gpus = tritonnn.cuda.get_rng_state_all() if tritonnn.cuda.is_initialized() else []

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """Within the block the generators repeat; after it they are where they were."""
        if not self.kept:
            yield
            return
        with tritonnn.random.fork_rng():
            tritonnn.set_rng_state(self.cpu)
            if self.gpus:
                tritonnn.cuda.set_rng_state_all(self.gpus)
            yield


class _Slot:
    """Stands on a node in place of a saved tensor."""

    __slots__ = ("__weakref__", "index")

    def __init__(self, index: int) -> None:
        self.index = index


class _Recomputed:
    """One call of a function whose saved tensors are made again when the first of them is asked for."""

    checks = stops = True
    traces: tuple[Trace, Trace] | None = None

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple,
        kwargs: dict[str, Any],
        context_fn: Callable[[], Contexts],
        preserve: bool,
    ) -> None:
        self.call = function, args, kwargs
        self.contexts = context_fn()
        self.random, self.autocast = _RandomState(preserve), Kept()
        # Weak: what no node holds any more needs no recomputation.
        self.slots: list[weakref.ref[_Slot]] = []
        self.kinds: list[tuple] = []
        self.recomputed: dict[int, Tensor] = {}

    def first(self) -> Any:
        """The function's result; what its ops save becomes slots."""
        function, args, kwargs = self.call
        with self.contexts[0], saved_tensors_hooks(self._pack, self._unpack):
            return function(*args, **kwargs)

    def _pack(self, tensor: Tensor) -> _Slot:
        slot = _Slot(len(self.slots))
        self.slots.append(weakref.ref(slot))
        self.kinds.append(_kind(tensor))
        return slot

    def _unpack(self, slot: _Slot) -> Tensor:
        if self.traces is None:
            return self._recalled(slot)
        try:
            return self._recalled(slot)
        except CheckpointError as error:
            first, second = [
                "\n".join([f"    {i}: {line}" for i, line in enumerate(trace.lines)]) for trace in self.traces
            ]
            raise CheckpointError(
                f"{error}\nOperators of the original forward:\n{first}\nOperators of the recomputation:\n{second}\n"
            ) from error

    def _recalled(self, slot: _Slot) -> Tensor:
        if slot.index not in self.recomputed:
            self._again()
        if slot.index not in self.recomputed:
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation: {len(self.slots)} then, {self.count} now. Hint: checkpoint(..., debug=True) shows the "
                "operators of both"
            )
        # Asked for once: with retain_graph=True a second backward computes again.
        return self.recomputed.pop(slot.index)

    def _again(self) -> None:
        function, args, kwargs = self.call
        keep_history = tritonnn.is_grad_enabled()
        last = max(i for i, slot in enumerate(self.slots) if slot() is not None)
        self.count = 0

        def pack(tensor: Tensor) -> Tensor:
            i, self.count = self.count, self.count + 1
            if i < len(self.slots):
                if self.checks and _kind(tensor) != self.kinds[i]:
                    raise CheckpointError(
                        "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata "
                        f"than during the forward pass. tensor at position {i}: saved {self.kinds[i]}, recomputed "
                        f"{_kind(tensor)}"
                    )
                if self.slots[i]() is not None:
                    self.recomputed[i] = tensor if keep_history else tensor.detach()
            elif not self.stops:
                raise CheckpointError(
                    "torch.utils.checkpoint: trying to save more tensors during recomputation than during the "
                    f"original forward pass: {len(self.slots)} then. Hint: checkpoint(..., debug=True) shows the "
                    "operators of both"
                )
            if i == last and self.stops:
                raise _Enough
            return tensor

        self.recomputed.clear()
        hooks = saved_tensors_hooks(pack, lambda tensor: tensor)
        with (
            self.random.again(),
            self.autocast.again(),
            self.contexts[1],
            hooks,
            tritonnn.enable_grad(),
            contextlib.suppress(_Enough),
        ):
            function(*args, **kwargs)


def _kind(tensor: Tensor) -> tuple:
    return tuple(tensor.shape), str(tensor.dtype), str(tensor.device)


class CheckpointFunction(Function):
    """Runs the function without a graph, and in backward once more with one."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., Any], preserve: bool, *args: Any) -> Any:
        """The function's result."""
        check_backward_validity(args)
        ctx.function, ctx.random, ctx.autocast = function, _RandomState(preserve), Kept()
        ctx.places = [i for i, arg in enumerate(args) if isinstance(arg, Tensor)]
        ctx.others = [None if isinstance(arg, Tensor) else arg for arg in args]
        ctx.save_for_backward(*[args[i] for i in ctx.places])
        with tritonnn.no_grad():
            return function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Gradients of the arguments."""
        if (
            state.current.wanted is not None
        ):  # the inner pass would give to every parameter, and return nothing
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` "
                "parameter to .backward(). Set use_reentrant=False, or call .backward() without `inputs`."
            )
        args = list(ctx.others)
        for i, tensor in zip(ctx.places, ctx.saved_tensors, strict=True):
            args[i] = tensor.detach().requires_grad_(tensor.requires_grad)
        with ctx.random.again(), ctx.autocast.again(), tritonnn.enable_grad():
            outputs = ctx.function(*args)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        wanted = [
            (out, grad)
            for out, grad in zip(outputs, grads, strict=True)
            if isinstance(out, Tensor) and out.requires_grad
        ]
        if not wanted:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        tritonnn.autograd.backward([out for out, _ in wanted], [grad for _, grad in wanted])
        return (None, None, *[arg.grad if isinstance(arg, Tensor) else None for arg in args])
