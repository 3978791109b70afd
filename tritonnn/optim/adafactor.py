"""Adafactor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tritonnn
from tritonnn._sparse import Sparse
from tritonnn._tensor import Tensor
from tritonnn.optim.optimizer import Group, Optimizer, ParamsT, one_element, run_closure

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    r"""Adam's second moment of a matrix kept as one row and one column: memory of n + m instead of n * m.

    With :math:`\beta_t = 1 - t^{c}`, c = ``beta2_decay``: a matrix keeps the running means :math:`R_t`, :math:`C_t` of
    the squared gradient over its columns and over its rows, and :math:`V_t = R_t C_t / mean(R_t)`; other shapes keep
    :math:`V_t` itself. The step is :math:`U_t = g_t / \sqrt{V_t}`, divided by
    :math:`\max(1, rms(U_t) / d)` and scaled by :math:`\max(eps_2, rms(p_{t-1})) \min(lr, 1/\sqrt{t})`. Tensors of more
    than two dimensions count as stacks of matrices. There is no momentum.
    Source: Shazeer, Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", arXiv:1804.04235.

    Args:
        params: parameters, named parameters, or dicts of parameter groups; real numbers only.
        lr: the largest relative step; a 1-element Tensor is allowed.
        beta2_decay: exponent of the decay of the second moment, at most 0.
        eps: the smallest root of the second moment (None: the machine epsilon of the dtype), and the smallest size of
            a parameter that the step is relative to.
        d: the largest root mean square of an update before scaling, at least 1.
        weight_decay: factor by which, times lr, a parameter shrinks each step.
        foreach: None or False; True as these: parameters are updated one after another.
        maximize: ascend instead of descend.

    Raises:
        ValueError: an option is out of its range. RuntimeError: complex parameters or sparse gradients.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.full((2, 3), 4.0, requires_grad=True)
        >>> opt = torch.optim.Adafactor([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> torch.allclose(w, torch.tensor(2.0))  # half of its size
        True
        >>> {name: tuple(value.shape) for name, value in opt.state[w].items()}
        {'step': (), 'row_var': (2, 1), 'col_var': (1, 3)}
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        one_element("lr", lr)
        for name, value, holds, bound in (
            ("Learning rate", lr, lr >= 0.0, ">= 0"),
            ("beta2_decay", beta2_decay, beta2_decay <= 0.0, "<= 0"),
            ("epsilon1", eps[0], eps[0] is None or eps[0] >= 0.0, ">= 0"),
            ("epsilon2", eps[1], eps[1] >= 0.0, ">= 0"),
            ("Clipping threshold d", d, d >= 1.0, ">= 1"),
            ("weight_decay", weight_decay, weight_decay >= 0.0, ">= 0"),
        ):
            if not holds:
                raise ValueError(f"{name} should be {bound} but is: {value}")
        defaults = {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("foreach", None)

    @tritonnn.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates the parameters once from their ``grad``.

        Args:
            closure: clears the gradients, computes the loss, calls ``backward`` and returns the loss.

        Returns:
            What the closure returned, or None without one.
        """
        loss = run_closure(closure)
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            for p in params:
                if isinstance(p.grad, Sparse):
                    raise RuntimeError("Adafactor does not support sparse gradients")
                if p.is_complex():
                    raise RuntimeError("Adafactor does not support complex parameters")
            for p in params:
                _update(p, -p.grad if group["maximize"] else p.grad, self._state_of(p), group)
        return loss

    def _state_of(self, p: Tensor) -> dict[str, Tensor]:
        state = self.state[p]
        if not state:
            state["step"] = tritonnn.tensor(0.0, dtype=tritonnn.float32)
            if p.dim() > 1:
                state["row_var"] = p.new_zeros((*p.shape[:-1], 1))
                state["col_var"] = p.new_zeros((*p.shape[:-2], 1, p.shape[-1]))
            else:
                state["variance"] = tritonnn.zeros_like(p)
        return state


def _update(p: Tensor, g: Tensor, state: dict[str, Tensor], group: Group) -> None:
    """One step of one parameter."""
    if not p.numel():
        state["step"] += 1
        return
    smallest, smallest_size = group["eps"]
    if smallest is None:
        smallest = tritonnn.finfo(p.dtype).eps
    state["step"] += 1
    count, lr = state["step"].item(), group["lr"]
    fresh = count ** group["beta2_decay"]  # 1 - beta_t
    # Numbers of the whole parameter stay on its device: the host waits for none of them.
    size = p.norm(2) / math.sqrt(p.numel())
    rate = size.clamp(min=smallest_size) * min(float(lr), count**-0.5)
    if group["weight_decay"]:
        p.mul_(1 - float(lr) * group["weight_decay"])
    if p.dim() > 1:
        rows, columns = state["row_var"], state["col_var"]
        rows.lerp_(g.norm(dim=-1, keepdim=True).square_() / g.shape[-1], fresh)
        columns.lerp_(g.norm(dim=-2, keepdim=True).square_() / g.shape[-2], fresh)
        variance = rows @ columns
        variance.div_(rows.mean(dim=-2, keepdim=True).clamp_(min=smallest))
    else:
        state["variance"].lerp_(g.square(), fresh)
        variance = state["variance"].clone()
    update = variance.clamp_(min=smallest * smallest).rsqrt_().mul_(g)
    too_large = update.norm(2) / (math.sqrt(p.numel()) * group["d"])
    p.sub_(update.mul_(rate / too_large.clamp(min=1.0)))
