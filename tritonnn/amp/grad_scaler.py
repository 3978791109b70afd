"""Scaling of the loss, so that gradients in float16 are not rounded to zero."""

from __future__ import annotations

import inspect
import warnings
from collections import abc, defaultdict
from collections.abc import Iterable
from typing import Any, overload

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.amp._scaler_state import OptState, ScalerState, _refresh_per_optimizer_state
from tritonnn.device import device as Device
from tritonnn.ops.optimizer.amp import _amp_foreach_non_finite_check_and_unscale_, _amp_update_scale_
from tritonnn.optim.optimizer import Optimizer

__all__ = ["GradScaler", "OptState"]


class _Copies:
    """A tensor on every device that it is asked for on."""

    def __init__(self, master: Tensor) -> None:
        self.master = master
        self.copies: dict[Device, Tensor] = {}

    def get(self, device: Device) -> Tensor:
        if device not in self.copies:
            self.copies[device] = self.master.to(device=device, non_blocking=True)
        return self.copies[device]


class GradScaler(ScalerState):
    """Scales the loss up and its gradients down again, and finds the largest scale at which nothing overflows.

    Gradients that are computed in float16 are rounded to zero where they are small. Of a loss times the scale they are
    larger by the scale; `step` divides them by it, and leaves the step out where one of them is infinite or NaN.
    `update` then makes the scale smaller, or larger after `growth_interval` steps that were all right. Only `step` and
    `get_scale` wait for the device.

    Args:
        device: of the scale.
        init_scale: what the scale starts at.
        growth_factor: times what it is after `growth_interval` good steps in a row.
        backoff_factor: times what it is after a step that was left out.
        growth_interval: see above.
        enabled: False makes every method do what a program without it does.

    Raises:
        AssertionError: a growth factor that is not above 1, or a backoff factor that is not below.

    >>> import tritonnn as torch
    >>> w = torch.ones(2, requires_grad=True)
    >>> optimizer = torch.optim.SGD([w], lr=0.5)
    >>> scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    >>> scaler.scale(w.sum()).backward()
    >>> w.grad
    tensor([8., 8.])
    >>> scaler.step(optimizer)
    >>> scaler.update()
    >>> w.detach(), scaler.get_scale()
    (tensor([0.5000, 0.5000]), 8.0)
    """

    # ---- the steps of an iteration ------------------------------------------------------------------------------

    @overload
    def scale(self, outputs: Tensor) -> Tensor: ...
    @overload
    def scale(self, outputs: list[Tensor]) -> list[Tensor]: ...
    @overload
    def scale(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]: ...
    @overload
    def scale(self, outputs: Iterable[Tensor]) -> Iterable[Tensor]: ...
    def scale(self, outputs: object) -> Any:
        """A tensor, or tensors however nested, times the scale.

        Args:
            outputs: the loss, or what `backward` is called on.

        Raises:
            ValueError: something else than tensors and iterables of them.

        >>> import tritonnn as torch
        >>> torch.amp.GradScaler("cpu", init_scale=4.0).scale([torch.ones(2), torch.tensor(3.0)])
        [tensor([4., 4.]), tensor(12.)]
        """
        if not self._enabled:
            return outputs
        copies: list[_Copies] = []

        def scaled(value: object) -> Any:
            if isinstance(value, Tensor):
                if not copies:
                    if self._scale is None:
                        self._lazy_init_scale_growth_tracker(value.device)
                    copies.append(_Copies(self._scale))  # type: ignore[arg-type]
                return value * copies[0].get(value.device)
            if isinstance(value, (list, tuple)):
                return type(value)(map(scaled, value))
            if isinstance(value, abc.Iterable) and not isinstance(value, str):
                return map(scaled, value)
            raise ValueError(
                f"outputs must be a Tensor or an iterable of Tensors, not {type(value).__name__}"
            )

        return scaled(outputs)

    def _unscale_grads_(
        self, optimizer: Optimizer, inv_scale: Tensor, found_inf: Tensor, allow_fp16: bool
    ) -> dict[Device, Tensor]:
        """Divide the gradients by the scale; by device, whether one of them is not finite."""
        inverses, found = _Copies(inv_scale), _Copies(found_inf)
        by_device: dict[Device, list[Tensor]] = {}
        with tritonnn.no_grad():
            for group in optimizer.param_groups:
                for param in group["params"]:
                    if param.grad is None:
                        continue
                    if not allow_fp16 and param.grad.dtype is tritonnn.float16:
                        raise ValueError("Attempting to unscale FP16 gradients.")
                    if param.grad.is_sparse and param.grad.dtype is tritonnn.float16:
                        param.grad = param.grad.coalesce()  # sums may overflow where their terms do not
                    grad = param.grad._values() if param.grad.is_sparse else param.grad
                    by_device.setdefault(grad.device, []).append(grad)
            for device, grads in by_device.items():
                _amp_foreach_non_finite_check_and_unscale_(grads, found.get(device), inverses.get(device))
        return found.copies

    def unscale_(self, optimizer: Optimizer) -> None:
        """Divide the gradients of an optimizer's parameters by the scale, in place, to look at or clip them.

        `step` does it where this was not called. After all gradients of the step are there, once per step.

        Args:
            optimizer: whose gradients.

        Raises:
            RuntimeError: called twice since `update`, or after `step`. ValueError: a gradient is float16, which has
                no room to be unscaled: keep parameters in float32.

        >>> import tritonnn as torch
        >>> w = torch.ones(2, requires_grad=True)
        >>> optimizer, scaler = torch.optim.SGD([w], lr=0.5), torch.amp.GradScaler("cpu")
        >>> scaler.scale((3 * w).sum()).backward()
        >>> scaler.unscale_(optimizer)
        >>> w.grad
        tensor([3., 3.])
        """
        if not self._enabled:
            return
        scale, _ = self._check_scale_growth_tracker("unscale_")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        inverse = scale.double().reciprocal().float()  # rounded once
        found = tritonnn.zeros((), dtype=tritonnn.float32, device=scale.device)
        state["found_inf_per_device"] = self._unscale_grads_(optimizer, inverse, found, False)
        state["stage"] = OptState.UNSCALED

    def _maybe_opt_step(self, optimizer: Optimizer, state: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The step, where all gradients are finite."""
        if any(found.item() for found in state["found_inf_per_device"].values()):
            return None
        return optimizer.step(*args, **kwargs)

    def step(self, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
        """Unscale the gradients where that is not done yet, and call `optimizer.step` unless one is not finite.

        An optimizer that says `_step_supports_amp_scaling` is called in any case, with tensors `grad_scale` and
        `found_inf` as attributes: it unscales, and leaves its step out, without a wait for the device.

        Args:
            optimizer: what updates the parameters.
            args, kwargs: for its `step`.

        Returns:
            What its `step` returns, None where it was left out.

        Raises:
            RuntimeError: called twice since `update`, or with a closure.

        >>> import tritonnn as torch
        >>> w = torch.ones(1, requires_grad=True)
        >>> optimizer, scaler = torch.optim.SGD([w], lr=0.5), torch.amp.GradScaler("cpu")
        >>> scaler.scale((w * float("inf")).sum()).backward()
        >>> scaler.step(optimizer)
        >>> w.detach()
        tensor([1.])
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._check_scale_growth_tracker("step")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if getattr(optimizer, "_step_supports_amp_scaling", False):
            result = self._scaling_step(optimizer, state, args, kwargs)
        else:
            if state["stage"] is OptState.READY:
                self.unscale_(optimizer)
            assert state["found_inf_per_device"], "No inf checks were recorded for this optimizer."
            result = self._maybe_opt_step(optimizer, state, *args, **kwargs)
        state["stage"] = OptState.STEPPED
        return result

    def _scaling_step(
        self, optimizer: Any, state: dict[str, Any], args: tuple, kwargs: dict[str, Any]
    ) -> Any:
        """The step of an optimizer that unscales by itself."""
        if "grad_scaler" in inspect.signature(optimizer.step).parameters:
            warnings.warn(
                "GradScaler is going to stop passing itself as a keyword argument to the passed optimizer. In the "
                "near future GradScaler registers `grad_scale: Tensor` and `found_inf: Tensor` to the passed "
                "optimizer and let the optimizer use them directly.",
                FutureWarning,
                stacklevel=3,
            )
            return optimizer.step(*args, **kwargs, grad_scaler=self)
        scale, _ = self._check_scale_growth_tracker("step")
        if state["stage"] is OptState.READY:
            self._check_inf_per_device(optimizer)
        found = list(state["found_inf_per_device"].values())
        total = tritonnn.zeros((), dtype=tritonnn.float32, device=scale.device)
        for other in found:
            total = total + other.to(scale.device, non_blocking=True)
        optimizer.grad_scale = None if state["stage"] is OptState.UNSCALED else scale
        optimizer.found_inf = total
        try:
            return optimizer.step(*args, **kwargs)
        finally:
            del optimizer.grad_scale, optimizer.found_inf

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Make the scale smaller after a step that was left out, larger after enough that were not; once a step.

        Args:
            new_scale: what it is to be instead; a tensor of one element or a float.

        Raises:
            AssertionError: there was no step since the last call, or `new_scale` is no number or such a tensor.

        >>> import tritonnn as torch
        >>> scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
        >>> _ = scaler.scale(torch.ones(1))
        >>> scaler.update(16.0)
        >>> scaler.get_scale()
        16.0
        """
        if not self._enabled:
            return
        scale, tracker = self._check_scale_growth_tracker("update")
        if new_scale is not None:
            self._set_scale(scale, new_scale)
        else:
            found = [
                found.to(device=scale.device, non_blocking=True)
                for state in self._per_optimizer_states.values()
                for found in state["found_inf_per_device"].values()
            ]
            assert found, "No inf checks were recorded prior to update."
            total = found[0]
            for other in found[1:]:
                total = total + other
            _amp_update_scale_(
                scale, tracker, total, self._growth_factor, self._backoff_factor, self._growth_interval
            )
        self._per_optimizer_states = defaultdict(_refresh_per_optimizer_state)

    def _set_scale(self, scale: Tensor, new_scale: object) -> None:
        if isinstance(new_scale, (int, float)) and not isinstance(new_scale, bool):
            scale.fill_(float(new_scale))
            return
        reason = (
            "new_scale should be a float or a 1-element torch.cuda.FloatTensor or torch.FloatTensor with "
            "requires_grad=False."
        )
        assert isinstance(new_scale, Tensor), f"{reason} Got {type(new_scale).__name__}"
        assert new_scale.device.type == self._device, reason
        assert new_scale.numel() == 1, reason
        assert not new_scale.requires_grad, reason
        scale.copy_(new_scale.reshape(()))

    # ---- looking alone ------------------------------------------------------------------------------------------

    def _check_inf_per_device(self, optimizer: Optimizer) -> dict[Device, Tensor]:
        """Whether gradients are finite, leaving them as they are."""
        scale, _ = self._check_scale_growth_tracker("_check_inf_per_device")
        one = tritonnn.full((), 1.0, dtype=tritonnn.float32, device=scale.device)
        found = tritonnn.zeros((), dtype=tritonnn.float32, device=scale.device)
        state = self._per_optimizer_states[id(optimizer)]
        state["found_inf_per_device"] = self._unscale_grads_(optimizer, one, found, True)
        return state["found_inf_per_device"]

    def _found_inf_per_device(self, optimizer: Optimizer) -> dict[Device, Tensor]:
        return self._per_optimizer_states[id(optimizer)]["found_inf_per_device"]
