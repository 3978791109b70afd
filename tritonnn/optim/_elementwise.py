"""The step shared by the optimizers that update each element from its own gradient and state alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ClassVar

import tritonnn
from tritonnn._sparse import Sparse
from tritonnn._tensor import Tensor
from tritonnn.ops.optimizer.optimizer import advance_steps, elementwise_step, has_kernel
from tritonnn.optim.optimizer import Group, Optimizer, ParamsT, one_element, run_closure

State = dict[str, Any]
#: what gradients were scaled by, and what is not 0 where a step is left out; None where there is none
Scaling = tuple[Tensor | None, Tensor | None]
#: what a formula computes with: Tensors, or the symbols of cpu_fallback/optimizer/_trace.py
Array = Any
#: numbers, or tensors of one element where the host must not read them or autograd records
Number = Any

#: device types whose kernels can be captured into a graph, so that nothing may be read on the host
CAPTURABLE_DEVICES = ("cuda",)
#: what the options mean that an optimizer shares with others; it stands in the docstring of each that has them
SHARED = {
    "foreach": "None or True updates all parameters of a group in one call, False one by one.",
    "maximize": "ascend instead of descend.",
    "capturable": "keep the count of steps on the device and never read it on the host; CUDA parameters only.",
    "differentiable": "let autograd record the step.",
    "fused": "True as ``foreach=True``, with the count of steps on the device, and unscaling and leaving out of a step "
    "by a GradScaler too, so that nothing waits for the device; floating point parameters only.",
}


class ElementwiseOptimizer(Optimizer):
    """Collects the parameters that have a gradient, sees to their state, and applies the update formula.

    A subclass is its options, the state it keeps and its formula. The formula takes a parameter, its gradient
    and, by keyword, its states and the options it names, and returns the new values of the parameter and of
    each state, in the order of its signature and None for a state that is not kept. It is written with operators
    and the methods that ``cpu_fallback/optimizer/_trace.py:Symbol`` has, which are those of Tensors: from this
    one text come the NumPy calls of the CPU and the operations that autograd records. A GPU runs the function of
    the same name in ``kernels/optimizer/_formulas.py``, and the formula's operations where there is none.

    The options that optimizers share are handled here, so that no formula sees them: ``maximize`` and
    ``weight_decay``, ``foreach``, ``fused``, ``capturable`` and ``differentiable``. A subclass hands them on by
    keyword, after the options of its own. Pairs reach the formula as two numbers: ``betas`` as ``beta1`` and ``beta2``;
    ``step`` is the number of this step.

    Example:
        >>> import tritonnn as torch
        >>> from tritonnn.optim._elementwise import ElementwiseOptimizer
        >>> def lion(p, g, exp_avg, *, lr, beta1, beta2):
        ...     ahead = exp_avg * beta1 + g * (1 - beta1)
        ...     return p - ahead.sign() * lr, exp_avg * beta2 + g * (1 - beta2)
        >>> class Lion(ElementwiseOptimizer):
        ...     _formula = staticmethod(lion)
        ...     _state = {"exp_avg": 0}
        ...     def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, *, maximize=False):
        ...         options = {"lr": lr, "betas": betas, "weight_decay": weight_decay}
        ...         super().__init__(params, {**options, "decoupled_weight_decay": True}, maximize=maximize)
        >>> w = torch.tensor([1.0, -2.0], requires_grad=True)
        >>> opt = Lion([w], lr=0.25, maximize=True)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([ 1.2500, -2.2500])
    """

    #: the update of a parameter and its states
    _formula: ClassVar[Callable[..., Any]]
    #: numbers kept per parameter, and states, which have its shape; with the value each starts from: a number, or
    #: the name of the option that gives it
    _counters: ClassVar[dict[str, float | str]] = {"step": 0}
    _state: ClassVar[dict[str, float | str]] = {}
    #: states that are kept only where an option is set, and that option
    _kept_if: ClassVar[dict[str, str]] = {}

    #: the formula with the shared options around it, and what it takes
    _update: ClassVar[Callable[..., Any]]
    _takes: ClassVar[frozenset[str]]

    def __init_subclass__(cls) -> None:
        if cls.__doc__:
            known = inspect.signature(cls.__init__).parameters
            cls.__doc__ = "\n".join(
                line for text in cls.__doc__.split("\n") for line in _described(text, known)
            )
        if "_formula" in vars(cls):
            update, cls._takes = _with_shared_options(cls._formula)
            cls._update = staticmethod(update)

    def __init__(self, params: ParamsT, defaults: dict[str, Any], **shared: Any) -> None:
        _check_defaults(defaults)
        defaults = defaults | shared  # the order stays: it is that of a group's options
        for name, default in (("foreach", None), ("maximize", False), ("differentiable", False)):
            defaults.setdefault(name, default)  # what an optimizer without the option does
        if not isinstance(defaults["differentiable"], bool):
            raise TypeError(f"differentiable must be bool, not {type(defaults['differentiable']).__name__}")
        super().__init__(params, defaults)
        if defaults.get("fused"):
            if defaults["differentiable"]:
                raise RuntimeError("`fused` does not support `differentiable`")
            if defaults["foreach"]:
                raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
            # tells GradScaler to leave unscaling, and whether there is a step at all, to the step
            self._step_supports_amp_scaling = True

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if self.defaults.get("fused"):
            self._step_supports_amp_scaling = True
        for group in self.param_groups:
            # What a checkpoint of an older version does not know about stays at its default.
            for name, default in self.defaults.items():
                group.setdefault(name, default)
            for p in group["params"]:
                kept = self.state.get(p)
                if kept and "step" in kept and not isinstance(kept["step"], Tensor):
                    kept["step"] = _counter(group, p, float(kept["step"]))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates the parameters once from their ``grad``.

        Args:
            closure: clears the gradients, computes the loss, calls ``backward`` and returns the loss.

        Returns:
            What the closure returned, or None without one.
        """
        self._check_scaling()
        loss = run_closure(closure)
        with tritonnn.set_grad_enabled(bool(self.defaults["differentiable"])):
            for group in self.param_groups:
                params = [p for p in group["params"] if p.grad is not None]
                if params:
                    if sparse := self._prepare(group, params):
                        params = [p for p in params if not isinstance(p.grad, Sparse)]
                        for p in sparse:
                            self._step_sparse(group, p)
                    single = group["foreach"] is False and not group.get("fused")
                    for batch in [[p] for p in params] if single else _by_device(params):
                        self._step_batch(group, batch)
        return loss

    def _prepare(self, group: Group, params: list[Tensor]) -> list[Tensor]:
        """See to the state of the parameters; returns those whose gradient is sparse."""
        sparse = []
        name = type(self).__name__
        if group.get("differentiable") and group.get("foreach"):
            raise AssertionError(
                f"{name}: foreach=True does not support autograd: leave it out with differentiable"
            )
        if self._counters and not group.get("capturable") and params[0].is_cuda:
            # A replay would repeat the step with the count that the host had during the capture.
            if tritonnn.cuda.is_current_stream_capturing():
                raise RuntimeError(
                    f"Attempting CUDA graph capture of step() for an instance of {name} but param_groups' "
                    "capturable is False."
                )
        capturable, fused, differentiable = map(group.get, ("capturable", "fused", "differentiable"))
        for p in params:
            if isinstance(p.grad, Sparse):
                self._check_sparse(group)
                sparse.append(p)
            if capturable and p.device.type not in CAPTURABLE_DEVICES:
                raise AssertionError(
                    f"{name}: If capturable=True, params and state_steps must be on supported devices: "
                    f"{list(CAPTURABLE_DEVICES)}, but a parameter is on {p.device}"
                )
            if fused and not p.is_floating_point():
                raise RuntimeError(
                    f"{name}: `fused=True` requires all the params to be floating point Tensors, but one is "
                    f"{p.dtype}"
                )
            if not self.state.get(p) and (fresh := self._new_state(group, p)):
                self.state[p].update(fresh)
            if differentiable:
                step = self.state.get(p, {}).get("step")
                if step is not None and step.requires_grad:
                    raise RuntimeError("`requires_grad` is not supported for `step` in differentiable mode")
        return sparse

    def _check_sparse(self, group: Group) -> None:
        """Refuse sparse gradients; optimizers that take them refuse options that do not go with them."""
        raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")

    def _step_sparse(self, group: Group, p: Tensor) -> None:
        """The step of a parameter whose gradient is sparse."""
        raise NotImplementedError(f"{type(self).__name__} has no step for sparse gradients")

    def _new_state(self, group: Group, p: Tensor) -> State:
        state: State = {
            name: _counter(group, p, _start(group, start)) for name, start in self._counters.items()
        }
        for name in self._kept(group):
            value = _start(group, self._state[name])
            full = complex(value, value) if p.is_complex() else value
            state[name] = tritonnn.full_like(p, full) if value else tritonnn.zeros_like(p)
        return state

    def _kept(self, group: Group) -> tuple[str, ...]:
        """Names of the states that a parameter of the group has."""
        needed = self._kept_if
        return tuple([name for name in self._state if name not in needed or group[needed[name]]])

    def _numbers(self, group: Group, p: Tensor, state: State) -> dict[str, Any]:
        """What the formula takes that is a matter of each parameter; it also brings counters up to date."""
        return {"step": read(group, state["step"])} if "step" in self._takes else {}

    def _step_batch(self, group: Group, params: list[Tensor]) -> None:
        kept = self._kept(group)
        # A parameter for which nothing is kept has no entry in the state.
        states = [self.state[p] if kept or self._counters else {} for p in params]
        scaling = self._scaling(params[0].device)
        if self._counters:
            advance_steps([state["step"] for state in states], scaling[1])
        options = self._options(group)
        counted = params[0].is_cuda and (group.get("capturable") or group.get("fused"))
        unread = counted and (len(self._counters) > 1 or _any_on_device(options))
        if group["differentiable"] or unread or not has_kernel(self._update, params[0].device):
            for p, state in zip(params, states, strict=True):
                options_of = options | self._numbers(group, p, state)
                self._step_tensors(group, p, state, kept, options_of, scaling)
            return
        options = {name: v.item() if isinstance(v, Tensor) else v for name, v in options.items()}
        if counted and "step" in self._takes:
            self._step_arrays(params, states, kept, [state["step"] for state in states], options, scaling)
            return
        batches: dict[tuple, tuple[list[Tensor], list[State]]] = {}
        for p, state in zip(params, states, strict=True):
            members = batches.setdefault(tuple(self._numbers(group, p, state).items()), ([], []))
            members[0].append(p)
            members[1].append(state)
        for numbers, (some, theirs) in batches.items():
            self._step_arrays(some, theirs, kept, [], options | dict(numbers), scaling)

    def _check_scaling(self) -> None:
        """Refuse what a scaler leaves to this step where a group's counts stand on the host."""
        left = [name for name in ("grad_scale", "found_inf") if getattr(self, name, None) is not None]
        for group in self.param_groups if left and "fused" in self.defaults else ():
            if not group["fused"]:
                raise AssertionError(
                    f"{type(self).__name__}: {' and '.join(left)} are for groups with fused=True, but a group has "
                    f"fused={group['fused']}"
                )

    def _scaling(self, device: Any) -> Scaling:
        """What a scaler leaves to this step: the scale, unless gradients are unscaled, and if one was not finite."""
        if "fused" not in self.defaults:
            return None, None
        given = [getattr(self, name, None) for name in ("grad_scale", "found_inf")]
        scale, found = (None if t is None else t.to(device, non_blocking=True) for t in given)
        return scale, found

    def _options(self, group: Group) -> dict[str, Any]:
        """The options that the formula takes, with one number for each of a pair: betas as beta1 and beta2."""
        options = {}
        for name, value in group.items():
            if name in self._takes:
                options[name] = value
            elif isinstance(value, (tuple, list)) and name not in ("params", "param_names"):
                each = {f"{name[:-1]}{i}": v for i, v in enumerate(value, 1)}
                options.update((name, v) for name, v in each.items() if name in self._takes)
        return options

    def _step_arrays(
        self, params: list[Tensor], states: list[State], kept: tuple[str, ...], counts: list[Tensor],
        options: dict[str, Any], scaling: Scaling,
    ) -> None:  # fmt: skip
        """All parameters in one call of the backend."""
        elementwise_step(
            _real(params),
            _real([p.grad for p in params]),  # type: ignore[misc]
            _real([state[name] for name in kept for state in states]),
            counts,
            self._update,
            kept,
            options,
            *scaling,
        )

    def _step_tensors(
        self, group: Group, p: Tensor, state: State, kept: tuple[str, ...], options: dict[str, Any],
        scaling: Scaling,
    ) -> None:  # fmt: skip
        """One parameter by Tensor operations."""
        p, g, *states = _real([p, p.grad, *[state[name] for name in kept]])  # type: ignore[list-item]
        # Derivatives need the values of this step, which the next one overwrites.
        old = [t.clone() for t in (p, *states)] if group["differentiable"] else [p, *states]
        scale, found = scaling
        unscaled = g if scale is None else g * scale.double().reciprocal().float()
        new = self._update(old[0], unscaled, **dict(zip(kept, old[1:], strict=True)), **options)
        changed = [*zip((p, *states), [v for v in new if v is not None], strict=True)]
        for target, value in changed if scale is None else [(g, unscaled), *changed]:
            target.copy_(value if found is None else target.where(found != 0, value))


def _with_shared_options(formula: Callable[..., Any]) -> tuple[Callable[..., Any], frozenset[str]]:
    """The formula for the gradient of what is minimised, weight decay included, and the options that it takes."""
    takes = frozenset(inspect.signature(formula).parameters)

    @wraps(formula)
    def update(
        p: Any, g: Any, *, maximize: bool = False, weight_decay: Any = 0.0, decoupled_weight_decay: bool = False,
        lr: Any = 0.0, **others: Any,
    ) -> Any:  # fmt: skip
        if isinstance(weight_decay, (int, float)) and weight_decay == 0:
            g = -g if maximize else g
        elif decoupled_weight_decay:
            p, g = p * (1 - lr * weight_decay), -g if maximize else g
        else:
            g = p * weight_decay - g if maximize else p * weight_decay + g
        if "lr" in takes:
            others["lr"] = lr
        return formula(p, g, **others)

    return update, takes | {"maximize", "weight_decay", "decoupled_weight_decay", "lr"}


def choose(condition: Any, a: Any, b: Any) -> Any:
    """In a formula: a where the condition holds, else b; of numbers, or per element."""
    if isinstance(condition, bool):
        return a if condition else b
    return a.where(condition, b)


def require(valid: bool, what: str, value: Any) -> None:
    """Raises ValueError naming the option ``what`` unless ``valid``."""
    if not valid:
        raise ValueError(f"Invalid {what}: {value}")


def _check_defaults(defaults: dict[str, Any]) -> None:
    """Checks the options that mean the same for every optimizer."""
    for name in ("lr", "weight_decay"):
        one_element(name, defaults.get(name))
    names = {"lr": "learning rate", "eps": "epsilon value", "weight_decay": "weight_decay value"}
    for name, what in names.items():
        if name in defaults:
            require(bool(defaults[name] >= 0.0), what, defaults[name])
    for i, beta in enumerate(defaults.get("betas", ())):
        require(bool(0.0 <= beta < 1.0), f"beta parameter at index {i}", beta)


def _described(line: str, known: Any) -> Iterator[str]:
    """A line of a docstring; instead of `{shared}` the shared options that are among the arguments `known`."""
    if line.strip() != "{shared}":
        yield line
        return
    indent = line[: line.index("{")]
    yield from (f"{indent}{name}: {SHARED[name]}" for name in known if name in SHARED)


def _counter(group: Group, p: Tensor, value: float) -> Tensor:
    """A number kept per parameter: on the host, unless the step has to run without reading it there."""
    if group.get("capturable") or group.get("fused"):
        return tritonnn.full((), value, dtype=tritonnn.float32, device=p.device)
    wide = tritonnn.get_default_dtype() is tritonnn.float64
    return tritonnn.tensor(value, dtype=tritonnn.float64 if wide else tritonnn.float32)


def read(group: Group, counter: Tensor) -> Any:
    """The value of a counter: a number, or a tensor of its own where the host must not read it."""
    unread = group.get("capturable") or (group.get("fused") and counter.is_cuda)
    # in double precision: 1 - beta**step is a difference of nearly equal numbers
    return counter.to(tritonnn.float64, copy=True) if unread else counter.item()


def write(counter: Tensor, value: Any) -> None:
    """Gives a counter its next value, without reading it on the host."""
    counter.copy_(value) if isinstance(value, Tensor) else counter.fill_(value)


def _start(group: Group, start: float | str) -> float:
    return float(group[start] if isinstance(start, str) else start)


def _any_on_device(options: dict[str, Any]) -> bool:
    return any(isinstance(value, Tensor) and value.is_cuda for value in options.values())


def _by_device(params: list[Tensor]) -> list[list[Tensor]]:
    groups: dict[Any, list[Tensor]] = {}
    for p in params:
        groups.setdefault(p.device, []).append(p)
    return list(groups.values())


def _real(tensors: list[Tensor]) -> list[Tensor]:
    """The tensors, the complex ones as pairs of real numbers: their update is that of each part for itself."""
    return [tritonnn.view_as_real(t) if t.is_complex() else t for t in tensors]
