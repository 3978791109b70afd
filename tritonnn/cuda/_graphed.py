"""`make_graphed_callables`: modules and functions whose forward and backward pass are CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.autograd import grad
from tritonnn.autograd.function import Function, once_differentiable
from tritonnn.cuda.graphs import CUDAGraph, MemPoolHandle, graph
from tritonnn.cuda.streams import Stream, StreamContext, current_stream


def make_graphed_callables(
    callables: Any,
    sample_args: tuple,
    num_warmup_iters: int = 3,
    allow_unused_input: bool = False,
    pool: MemPoolHandle | None = None,
) -> Any:
    """Versions of modules or functions that replay CUDA graphs, forward and backward.

    Args:
        callables: a module or function of tensors, or a tuple of them in the order they will run. A module is
            changed in place; it must have no hooks.
        sample_args: a tuple of GPU tensors, or one such tuple per callable: later arguments must have the
            same shapes, dtypes and `requires_grad`.
        num_warmup_iters: runs before the capture, in which kernels are compiled.
        allow_unused_input: whether an input may be left without a gradient.
        pool: memory to share, from `graph_pool_handle()`.

    Returns:
        What was given, with graphs inside. The results of a call are overwritten by the next one.

    Raises:
        TypeError: an argument is not a tensor.
        RuntimeError: a module has hooks.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     layer, x = torch.nn.Linear(3, 2, device="cuda"), torch.ones(4, 3, device="cuda")
    ...     layer = torch.cuda.make_graphed_callables(layer, (x,))
    ...     layer(x).sum().backward()
    """
    several = isinstance(callables, tuple)
    given = callables if several else (callables,)
    arguments = sample_args if several else (sample_args,)
    if len(given) != len(arguments):
        raise ValueError(f"{len(given)} callables, but sample arguments for {len(arguments)}")
    for function, args in zip(given, arguments, strict=True):
        _check(function, args)
    handle = MemPoolHandle() if pool is None else pool
    captures = [_Capture(f, args, allow_unused_input) for f, args in zip(given, arguments, strict=True)]
    for capture in captures:
        capture.warm_up(num_warmup_iters)
    for capture in captures:
        capture.record_forward(handle)
    for capture in reversed(captures):  # the order in which they will run: memory is shared in that order
        capture.record_backward(handle)
    graphed = tuple(_install(f, capture) for f, capture in zip(given, captures, strict=True))
    return graphed if several else graphed[0]


def _check(function: object, args: tuple) -> None:
    for i, arg in enumerate(args):
        if not isinstance(arg, Tensor):
            raise TypeError(
                f"make_graphed_callables: argument {i} is {type(arg).__name__}, only tensors are taken"
            )
    for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks"):
        if getattr(function, kind, None):
            raise RuntimeError(
                "make_graphed_callables: modules must not have hooks; register them afterwards"
            )


class _Capture:
    """A callable's graphs and the tensors they read and write."""

    def __init__(self, function: Any, args: tuple, allow_unused: bool) -> None:
        self.function = function.forward if hasattr(function, "parameters") else function
        self.args = args
        self.allow_unused = allow_unused
        parameters = tuple(function.parameters()) if hasattr(function, "parameters") else ()
        self.inputs: tuple[Any, ...] = (*args, *parameters)
        self.wanted = tuple(t for t in self.inputs if t.requires_grad)
        self.forward_graph, self.backward_graph = CUDAGraph(), CUDAGraph()
        self.single = False
        self.outputs: tuple[Any, ...] = ()
        self.grad_outputs: tuple[Any, ...] = ()
        self.grad_inputs: tuple[Any, ...] = ()

    def _run(self) -> tuple:
        results = self.function(*self.args)
        self.single = isinstance(results, Tensor)
        return (results,) if self.single else tuple(results)

    def warm_up(self, count: int) -> None:
        """Run forward and backward on a side stream, so that the capture finds every kernel compiled."""
        side = Stream()
        side.wait_stream(current_stream())
        with StreamContext(side):
            for _ in range(count):
                outputs = self._run()
                self._grads(outputs, tuple(o.detach().clone() for o in outputs if o.requires_grad))
        current_stream().wait_stream(side)

    def record_forward(self, pool: MemPoolHandle) -> None:
        """Capture the forward pass."""
        with graph(self.forward_graph, pool=pool):
            self.outputs = self._run()

    def record_backward(self, pool: MemPoolHandle) -> None:
        """Capture the backward pass."""
        from tritonnn import empty_like

        self.grad_outputs = tuple(empty_like(o) if o.requires_grad else None for o in self.outputs)
        given = tuple(g for g in self.grad_outputs if g is not None)
        if not given or not self.wanted:
            self.grad_inputs = (None,) * len(self.inputs)
            return
        with graph(self.backward_graph, pool=pool):
            grads = iter(self._grads(self.outputs, given))
            self.grad_inputs = tuple(next(grads) if t.requires_grad else None for t in self.inputs)

    def _grads(self, outputs: tuple, given: tuple) -> tuple:
        roots = tuple(o for o in outputs if o.requires_grad)
        if not roots or not self.wanted:
            return ()
        return grad(roots, self.wanted, given, only_inputs=True, allow_unused=self.allow_unused)


def _install(function: Any, capture: _Capture) -> Any:
    replayed = _replaying(capture)
    if not hasattr(function, "parameters"):
        return replayed
    training, eager = function.training, function.forward

    def forward(*args: Any) -> Any:
        # The graphs hold what the module did in the mode it was captured in.
        return replayed(*args) if function.training == training else eager(*args)

    function.forward = forward
    return function


def _replaying(capture: _Capture) -> Callable[..., Any]:
    count = len(capture.args)

    class Replay(Function):
        @staticmethod
        def forward(ctx: object, *inputs: Any) -> tuple:
            for static, new in zip(capture.args, inputs[:count], strict=True):
                if static.data_ptr() != new.data_ptr():
                    static.detach().copy_(new)
            capture.forward_graph.replay()
            return tuple(o.detach() for o in capture.outputs)

        @staticmethod
        @once_differentiable
        def backward(ctx: object, *grads: Any) -> tuple:
            for static, new in zip(capture.grad_outputs, grads, strict=True):
                if static is not None and new is not None and static.data_ptr() != new.data_ptr():
                    static.copy_(new)
                elif static is not None and new is None:
                    static.zero_()
            if any(g is not None for g in capture.grad_inputs):
                capture.backward_graph.replay()
            return tuple(None if g is None else g.detach() for g in capture.grad_inputs)

    def call(*args: object) -> Any:
        results = Replay.apply(*args, *capture.inputs[count:])
        return results[0] if capture.single else results

    return call
