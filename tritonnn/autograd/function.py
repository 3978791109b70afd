"""Custom differentiable functions: subclass `Function`, write forward and backward, call `apply`."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tritonnn._levels import highest
from tritonnn._levels import state as transforms
from tritonnn._tensor import Tensor
from tritonnn.autograd import function_defaults
from tritonnn.autograd.function_saved import SavedValue, tensor_places
from tritonnn.autograd.transformed import batched_apply, check_transformable, transposed
from tritonnn.recording.grad_mode import no_grad, state
from tritonnn.recording.graph import (
    Node,
    _sequence,
    edge_of,
    rewrite_history,
    view_of,
)
from tritonnn.recording.refusals import check_recorded_write
from tritonnn.recording.tracing import trace_here


class FunctionCtx:
    """What forward hands to backward; `ctx` of a static function, `self` of an old-style one.

    The node refers to it; it refers to the node weakly, so that graphs are freed by counting.
    """

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward (inputs, results or others; None allowed); read them from `saved_tensors`."""
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, Tensor):
                raise TypeError(f"save_for_backward can only save variables, but got {type(tensor).__name__}")
        self.to_save = tensors

    save_for_forward = save_for_backward

    def mark_dirty(self, *args: Tensor) -> None:
        """Declare inputs that forward modified in place; they must be among the results."""
        self.dirty = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Declare results that have no gradient."""
        self.non_differentiable = args

    def mark_shared_storage(self, *pairs: object) -> None:
        """Older declaration of results that look into inputs; sharing is seen without it."""

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (True, the default) or None for results that received no gradient."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple:
        """The tensors given to `save_for_backward`, after checking that none was modified in place."""
        if self._saved is None:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved tensors after they "
                "have already been freed). Saved intermediate values of the graph are freed when you call "
                ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the graph "
                "a second time or if you need to access saved tensors after calling backward."
            )
        return tuple([saved.unpacked(self._node()) for saved in self._saved])

    saved_variables = saved_tensors

    @property
    def _raw_saved_tensors(self) -> tuple:
        return tuple(self._saved or ())

    @property
    def needs_input_grad(self) -> tuple[bool, ...]:
        """Which inputs of forward need a gradient."""
        return self._needs  # type: ignore[attr-defined]

    @property
    def next_functions(self) -> tuple:
        """The graph edges of the inputs."""
        return self._node().next_functions

    to_save: tuple = ()
    dirty: tuple = ()
    non_differentiable: tuple = ()
    materialize_grads = True
    _saved: Sequence[SavedValue] | None = ()
    _node: Any = staticmethod(lambda: None)


class FunctionNode(Node):
    """The node of one call of a custom function; it has the attributes that forward gave to `ctx`."""

    __slots__ = ("ctx", "function", "input_count", "tensor_places")

    ctx: Any

    def name(self) -> str:
        """Such as 'MyFunctionBackward'."""
        return self.function.__name__ + "Backward"

    def __getattr__(self, name: str) -> Any:
        if name == "ctx":
            raise AttributeError(name)  # not set yet
        return getattr(self.ctx, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _NODE_FIELDS:
            object.__setattr__(self, name, value)
        else:
            setattr(self.ctx, name, value)

    def release(self) -> None:
        """Free what was saved; a backward that reads none of it can run again."""
        self.ctx._saved = None

    def apply(self, grads: list[Tensor | None]) -> list[Tensor | None]:
        """Run the user's backward and check what it returns."""
        if state.forward and self.function.jvp is not Function.jvp:
            return transposed(self, grads)
        if self.ctx.materialize_grads:
            from tritonnn.ops.creation.creation import zeros

            grads = [
                zeros(shape, dtype=dtype, device=device) if grad is None and dtype is not None else grad
                for grad, (shape, dtype, device) in zip(grads, self.meta, strict=True)
            ]
        returned = self.function._run_backward(self.ctx, grads)
        returned = list(returned) if isinstance(returned, (tuple, list)) else [returned]
        while len(returned) > self.input_count and returned[-1] is None:
            returned.pop()
        if len(returned) != self.input_count:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {self.input_count}, got "
                f"{len(returned)})"
            )
        if self.input_count > len(self.tensor_places):
            self._refuse_gradients_of_constants(returned)
        results = []
        for place in self.tensor_places:
            grad = returned[place]
            if grad is not None and not isinstance(grad, Tensor):
                raise RuntimeError(
                    f"{self.name()}: expected Variable or None (got {type(grad).__name__}) at index {place}"
                )
            # An alias, so that a gradient the function also saved or shares is never taken over as `.grad`.
            results.append(grad if grad is None or state.enabled else _shared(grad))
        return results

    def _refuse_gradients_of_constants(self, returned: list) -> None:
        for place, grad in enumerate(returned):
            if grad is not None and place not in self.tensor_places:
                raise RuntimeError(
                    f"function {self.name()} returned a gradient different than None at position {place + 1}, but the "
                    "corresponding forward input was not a Variable"
                )


F = TypeVar("F", bound=Callable[..., Any])
_NODE_FIELDS = frozenset((*Node.__slots__, *FunctionNode.__slots__))


def _shared(grad: Tensor) -> Tensor:
    alias = grad.detach()
    alias._shared = True
    return alias


class Function(FunctionCtx):
    """Base of custom differentiable functions.

    Static style: `forward(ctx, *args)` (or `forward(*args)` with `setup_context(ctx, inputs, output)`) and
    `backward(ctx, *grad_outputs)`, called as `MyFunction.apply(*args)`. The old style with instance methods works too.

    >>> import tritonnn as torch
    >>> class Square(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         x, = ctx.saved_tensors
    ...         return 2 * x * grad
    >>> x = torch.tensor(3., requires_grad=True)
    >>> Square.apply(x).backward()
    >>> x.grad
    tensor(6.)
    """

    generate_vmap_rule = False
    _generated = False  # from another, for batches of its arguments
    num_inputs = 0
    num_outputs = 0
    requires_grad = False

    # As values: what subclasses define in their place may take parameters of its own, for type checkers too.
    forward: Callable[..., Any] = staticmethod(function_defaults.forward)
    backward: Callable[..., Any] = staticmethod(function_defaults.backward)
    vjp: Callable[..., Any] = backward
    jvp: Callable[..., Any] = staticmethod(function_defaults.jvp)
    vmap: Callable[..., Any] = staticmethod(function_defaults.vmap)

    @classmethod
    def _is_static(cls) -> bool:
        for owner in cls.__mro__:
            if "forward" in owner.__dict__:
                return isinstance(owner.__dict__["forward"], staticmethod)
        return True

    @classmethod
    def _run_backward(cls, ctx: Any, grads: Sequence[Any]) -> Any:
        if isinstance(ctx, Function):
            return ctx.backward(*grads)
        if cls.backward is Function.backward and cls.vjp is not Function.vjp:
            return cls.vjp(ctx, *grads)
        return cls.backward(ctx, *grads)

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward and record the call."""
        if transforms.stack:
            check_transformable(cls)
            if highest(args):
                return batched_apply(cls, args, cls.vmap is not Function.vmap)
        ctx = FunctionCtx()
        if hasattr(cls, "setup_context"):

            def run(*inputs: Any) -> Any:
                output = cls.forward(*inputs, **kwargs)
                cls.setup_context(ctx, inputs, output)
                return output
        else:

            def run(*inputs: Any) -> Any:
                return cls.forward(ctx, *inputs, **kwargs)

        return _apply(cls, ctx, run, args)

    def __call__(self, *args: Any) -> Any:
        if self._is_static():
            raise RuntimeError(
                "Legacy autograd function object was called on a function with static forward: use .apply"
            )
        return _apply(type(self), self, self.forward, args)


def _apply(cls: Any, ctx: Any, run: Any, args: tuple) -> Any:
    places = tensor_places(cls, args)
    edges = [edge_of(args[i]) if state.enabled else None for i in places]
    if cls.jvp is not Function.jvp:
        ctx._shapes = [
            (args[i].shape, args[i].dtype, args[i].device) if args[i].dtype.kind >= 2 else None
            for i in places
        ]
    needs = {place for place, edge in zip(places, edges, strict=True) if edge is not None}
    ctx._needs = tuple(i in needs for i in range(len(args)))
    with no_grad():
        returned = run(*args)
    outputs = returned if isinstance(returned, tuple) else (returned,)
    if isinstance(returned, list):
        outputs = tuple(returned)
    ctx.num_inputs, ctx.num_outputs, ctx.requires_grad = len(args), len(outputs), bool(needs)
    results = _checked_results(ctx, args, outputs, bool(needs))
    node: Any = None
    differentiable: dict[int, int] = {}
    if needs:
        node = _backward_class(cls)()
        node.ctx, node.function, node.input_count, node.tensor_places = ctx, cls, len(args), places
        node.edges, node.seq = edges, next(_sequence)
        node.trace = trace_here() if state.anomaly else None
        node._hooks = node.tensor_hooks = node.retained = node.op = node.plan = None
        node.saved = node.versions = ()
        node.meta = tuple(
            (o.shape, o.dtype, o.device) if isinstance(o, Tensor) else ((), None, None) for o in results
        )
        ctx._node = weakref.ref(node)
        differentiable = _point_at(node, ctx, outputs, results)
    ctx._saved = [SavedValue(tensor, differentiable.get(id(tensor), -1)) for tensor in ctx.to_save]
    for name in ("to_save", "dirty", "non_differentiable"):  # they may hold results
        ctx.__dict__.pop(name, None)
    return results[0] if not isinstance(returned, (tuple, list)) else results


def _backward_class(cls: Any) -> Any:
    """The class of the function's nodes, named as users see it."""
    node_class = cls.__dict__.get("_backward_cls")
    if node_class is None:
        node_class = cls._backward_cls = type(cls.__name__ + "Backward", (FunctionNode,), {"__slots__": ()})
    return node_class


def _checked_results(ctx: Any, args: tuple, outputs: tuple, recording: bool) -> tuple:
    """The results as they are returned: an input handed back unchanged becomes a tensor of its own."""
    for tensor in ctx.dirty:
        if not any(tensor is out for out in outputs):
            raise RuntimeError(
                "Some elements marked as dirty during the forward method were not returned as output. The inputs that "
                "are modified inplace must all be outputs of the Function."
            )
        if recording:
            _check_dirty(tensor, len(outputs))
        tensor._storage.version += 1
    return tuple(
        [
            view_of(out)
            if isinstance(out, Tensor)
            and any(out is arg for arg in args)
            and not any(out is dirty for dirty in ctx.dirty)
            else out
            for out in outputs
        ]
    )


def _check_dirty(tensor: Tensor, results: int) -> None:
    """Refuse what forward has written where a gradient would be lost."""
    if tensor._base is not None and results > 1:
        raise RuntimeError(
            "If your Function modifies inplace an input that is a view of another Tensor, your Function cannot return "
            "more than one Tensor. You should either make sure the input is not a view (using .clone() for example) "
            "or make your Function only return one Tensor."
        )
    if tensor._rg and tensor._node is None and tensor._base is None:
        raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")
    check_recorded_write(tensor)


def _point_at(node: Any, ctx: Any, outputs: tuple, results: tuple) -> dict[int, int]:
    """Make the differentiable results those of the node; id -> number of each."""
    constant = [id(t) for t in ctx.non_differentiable]
    views = sum(isinstance(out, Tensor) and out._base is not None for out in results)
    numbers = {}
    for number, (out, given) in enumerate(zip(results, outputs, strict=True)):
        if not isinstance(out, Tensor) or out.dtype.kind < 2:
            continue
        if id(given) in constant:
            out._rg = False
            continue
        out._node, out._rg, out._out_nr = node, True, number
        numbers[id(out)] = number
        if any(out is tensor for tensor in ctx.dirty):
            rewrite_history(out, node)
        elif out._base is not None:
            # Writing into it would put the history of its base in place of the function's backward.
            out._creation = "several" if views > 1 else "function"
            out._view_version = out._storage.version
    return numbers


class NestedIOFunction(Function):
    """Old base for functions of nested inputs; here the same as `Function`."""


def once_differentiable(function: F) -> F:
    """Mark a static backward whose result cannot be differentiated again: doing so raises an error."""
    from functools import wraps

    @wraps(function)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            returned = function(ctx, *grads)
        if not state.enabled or not any(isinstance(g, Tensor) and g.requires_grad for g in grads):
            return returned
        results = returned if isinstance(returned, tuple) else (returned,)
        return tuple(_Refuse.apply(r, *grads) if isinstance(r, Tensor) else r for r in results)

    return wrapper  # type: ignore[return-value]


class _Refuse(Function):
    """Passes a value on and refuses to be differentiated."""

    @staticmethod
    def forward(ctx: object, value: Any, *others: object) -> Any:
        return value.clone()

    @staticmethod
    def backward(ctx: object, *grads: object) -> Any:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )
