"""The step shared by the optimizers that update each element from its own gradient and state alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.optim.optimizer import Group, Optimizer, ParamsT

State = dict[str, Any]

#: device types whose kernels can be captured into a graph, so that nothing may be read on the host
CAPTURABLE_DEVICES = ("cuda",)


class ElementwiseOptimizer(Optimizer):
    """Collects the parameters that have a gradient, sees to their state, and applies the update formula.

    A subclass gives ``_new_state(group, p)`` and ``_formula(group, p, g, state)``; the formula is written
    with Tensor operations and changes ``p`` and the state in place. The options all of these optimizers share
    mean:

    - ``foreach=True`` (or ``fused=True``): parameters of a group that have seen the same number of steps are
      laid end to end and the formula runs once over all of them; the results are the same, fewer operations
      are issued, and more memory is needed. With ``capturable=True`` the counts cannot be compared, so each
      parameter runs for itself.
    - ``capturable=True``: the count of steps stands on the parameter's device and is never read on the host.
    - ``differentiable=True``: autograd records the step.
    """

    #: how to name this optimizer where a sparse gradient is refused
    _sparse_hint = ""
    #: state entries that hold one number per parameter instead of one per element
    _counters: tuple[str, ...] = ("step",)

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        _check_defaults(defaults)
        super().__init__(params, defaults)
        if defaults.get("fused"):
            if defaults["differentiable"]:
                raise RuntimeError("`fused` does not support `differentiable`")
            if defaults["foreach"]:
                raise RuntimeError("`fused` and `foreach` cannot be `True` together.")

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.defaults.setdefault("differentiable", False)
        for group in self.param_groups:
            # What a checkpoint of an older version does not know about stays at its default.
            for name, default in self.defaults.items():
                group.setdefault(name, default)
            for p in group["params"]:
                kept = self.state.get(p)
                if kept and "step" in kept and not isinstance(kept["step"], Tensor):
                    kept["step"] = new_counter(group, p, float(kept["step"]))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates the parameters once from their ``grad``.

        Args:
            closure: clears the gradients, computes the loss, calls ``backward`` and returns the loss.

        Returns:
            What the closure returned, or None without one.
        """
        loss = None
        if closure is not None:
            with tritonnn.enable_grad():
                loss = closure()
        with tritonnn.set_grad_enabled(bool(self.defaults["differentiable"])):
            for group in self.param_groups:
                params = [p for p in group["params"] if p.grad is not None]
                if params:
                    self._prepare(group, params)
                    self._step_group(group, params)
        return loss

    def _prepare(self, group: Group, params: list[Tensor]) -> None:
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
            if p.grad.is_sparse:  # type: ignore[union-attr]
                raise RuntimeError(f"{name} does not support sparse gradients{self._sparse_hint}")
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

    def _step_group(self, group: Group, params: list[Tensor]) -> None:
        if group["foreach"] or group.get("fused"):
            for bucket in self._buckets(group, params):
                self._step_flat(group, bucket)
            return
        for p in params:
            self._apply(group, p, p.grad, self.state[p])  # type: ignore[arg-type]

    def _step_flat(self, group: Group, params: list[Tensor]) -> None:
        """Runs the formula once over the concatenation of ``params`` and their state, then copies back."""
        states = [self.state[p] for p in params]
        spread = [k for k, v in states[0].items() if isinstance(v, Tensor) and k not in self._counters]
        state = {k: states[0][k] for k in states[0] if k not in spread}
        state.update((k, _flatten(s[k] for s in states)) for k in spread)
        p_flat = _flatten(params)
        self._apply(group, p_flat, _flatten(p.grad for p in params), state)  # type: ignore[misc]
        _scatter(p_flat, params)
        for k in spread:
            _scatter(state[k], [s[k] for s in states])
        for other in states[1:]:
            for k in self._counters:
                other[k].copy_(state[k])

    def _buckets(self, group: Group, params: list[Tensor]) -> Iterable[list[Tensor]]:
        """Groups the parameters that one run of the formula serves: same dtypes, device and counters."""
        if group.get("capturable"):
            return [[p] for p in params]
        found: dict[Any, list[Tensor]] = {}
        for p in params:
            counters = tuple(self.state[p][k].item() for k in self._counters)
            found.setdefault((p.dtype, p.grad.dtype, p.device, counters), []).append(p)  # type: ignore[union-attr]
        return found.values()

    def _apply(self, group: Group, p: Tensor, g: Tensor, state: State) -> None:
        if group["maximize"]:
            g = -g
        if p.is_complex():
            # The update of a complex number is that of its two real parts, each for itself.
            p, g = tritonnn.view_as_real(p), tritonnn.view_as_real(g)
            state = {k: tritonnn.view_as_real(v) if _is_complex(v) else v for k, v in state.items()}
        self._formula(group, p, g, state)

    def _new_state(self, group: Group, p: Tensor) -> State:
        raise NotImplementedError

    def _formula(self, group: Group, p: Tensor, g: Tensor, state: State) -> None:
        raise NotImplementedError


def require(valid: bool, what: str, value: Any) -> None:
    """Raises ValueError naming the option ``what`` unless ``valid``."""
    if not valid:
        raise ValueError(f"Invalid {what}: {value}")


def _check_defaults(defaults: dict[str, Any]) -> None:
    """Checks the options that mean the same for every optimizer."""
    for name in ("lr", "weight_decay"):
        value = defaults.get(name)
        if isinstance(value, Tensor) and value.numel() != 1:
            raise ValueError(f"Tensor {name} must be 1-element")
    names = {"lr": "learning rate", "eps": "epsilon value", "weight_decay": "weight_decay value"}
    for name, what in names.items():
        if name in defaults:
            require(bool(defaults[name] >= 0.0), what, defaults[name])
    for i, beta in enumerate(defaults.get("betas", ())):
        require(bool(0.0 <= beta < 1.0), f"beta parameter at index {i}", beta)


def _is_complex(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_complex()


def new_counter(group: Group, p: Tensor, value: float = 0.0) -> Tensor:
    """A number kept per parameter: on the host, unless the step has to run without reading it there."""
    if group.get("capturable") or group.get("fused"):
        return tritonnn.full((), value, dtype=tritonnn.float32, device=p.device)
    wide = tritonnn.get_default_dtype() is tritonnn.float64
    return tritonnn.tensor(value, dtype=tritonnn.float64 if wide else tritonnn.float32)  # type: ignore[operator]


def advance(group: Group, state: State) -> Any:
    """Counts one step and returns the count: a number, or a tensor where the host must not read it."""
    state["step"] += 1
    return state["step"] if group.get("capturable") else state["step"].item()


def snapshot(group: Group, value: Tensor) -> Tensor:
    """``value`` for a formula whose derivative needs it, where a later step changes it in place."""
    return value.clone() if group["differentiable"] else value


def decayed(group: Group, p: Tensor, g: Tensor) -> Tensor:
    """The gradient with the L2 penalty's own gradient added to it."""
    decay = group["weight_decay"]
    if isinstance(decay, Tensor):
        # p changes in place below, while the derivative for the decay still needs its present value.
        return g + (p.clone() if decay.requires_grad else p) * decay
    return g.add(p, alpha=decay) if decay != 0 else g


def decayed_or_shrunk(group: Group, p: Tensor, g: Tensor) -> Tensor:
    """Applies the weight decay to the gradient, or, where it is decoupled, to the parameter in place."""
    if not group["decoupled_weight_decay"]:
        return decayed(group, p, g)
    if group["weight_decay"] != 0:
        p.mul_(1 - group["lr"] * group["weight_decay"])
    return g


def _flatten(tensors: Iterable[Tensor]) -> Tensor:
    return tritonnn.cat([t.reshape(-1) for t in tensors])


def _scatter(flat: Tensor, tensors: list[Tensor]) -> None:
    start = 0
    for t in tensors:
        t.copy_(flat.narrow(0, start, t.numel()).view(t.shape))
        start += t.numel()
