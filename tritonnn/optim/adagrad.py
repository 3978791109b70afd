"""Adagrad."""

from __future__ import annotations

from typing import Any, ClassVar

from tritonnn._sparse import Sparse, with_values
from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import Array, ElementwiseOptimizer, Number, State, require
from tritonnn.optim._forms import functional
from tritonnn.optim.optimizer import Group, ParamsT

__all__ = ["Adagrad", "adagrad"]


def adagrad_formula(
    p: Array, g: Array, sum: Array, *, step: Number, lr: Number, lr_decay: Number, eps: Number,
) -> tuple[Array, ...]:  # fmt: skip
    sum = sum + g * g
    return p - g / (sum.sqrt() + eps) * (lr / (1 + (step - 1) * lr_decay)), sum


class Adagrad(ElementwiseOptimizer):
    r"""Divides each element's step by the root of the sum of its squared gradients.

    With :math:`s_t = s_{t-1} + g_t^2`: :math:`p_t = p_{t-1} - \frac{lr}{1 + (t-1)\,lr\_decay}
    \frac{g_t}{\sqrt{s_t} + eps}`, where :math:`g_t` includes ``weight_decay * p``.
    Source: Duchi, Hazan, Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization", JMLR 12, 2011.

    Args:
        params: parameters, named parameters, or dicts of parameter groups.
        lr: learning rate.
        lr_decay: decay of the learning rate per step.
        weight_decay: factor of the L2 penalty.
        initial_accumulator_value: value the sum of squares starts from.
        eps: added to the denominator.
        {shared}

    Raises:
        ValueError: ``lr``, ``lr_decay``, ``weight_decay``, ``eps`` or the first value is negative.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0, 10.0], requires_grad=True)
        >>> opt = torch.optim.Adagrad([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([0.5000, 9.5000])
    """

    _formula = staticmethod(adagrad_formula)
    _state: ClassVar[dict[str, float | str]] = {"sum": "initial_accumulator_value"}

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        require(lr_decay >= 0.0, "lr_decay value", lr_decay)
        require(
            initial_accumulator_value >= 0.0, "initial_accumulator_value value", initial_accumulator_value
        )
        options = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
        }  # fmt: skip
        super().__init__(
            params, options, foreach=foreach, maximize=maximize, differentiable=differentiable, fused=fused,
        )  # fmt: skip
        for group in self.param_groups:
            for p in group["params"]:
                if isinstance(p, Sparse):
                    raise RuntimeError(
                        f"Adagrad: a parameter has the layout {p.layout}, expected strided ones: it keeps sums of all "
                        "elements. Hint: SGD takes sparse parameters"
                    )
                self.state[p].update(self._new_state(group, p))

    def share_memory(self) -> None:
        """Moves the sums of squares into memory shared between processes."""
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["sum"].share_memory_()

    def _check_sparse(self, group: Group) -> None:
        if group["weight_decay"] != 0:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        if group["fused"]:
            raise RuntimeError("`fused` does not support sparse grad or complex param")

    def _step_sparse(self, group: Group, p: Tensor) -> None:
        state = self.state[p]
        state["step"] += 1
        grad: Any = p.grad.coalesce()  # type: ignore[union-attr]  # squares are of sums
        rate = float(group["lr"]) / (1 + (state["step"].item() - 1) * group["lr_decay"])
        values = grad.values() if not group["maximize"] else -grad.values()
        total, rows = state["sum"], tuple(grad.indices())
        total.add_(with_values(grad, values * values))
        p.add_(with_values(grad, values / (total[rows].sqrt() + group["eps"])), alpha=-rate)

    def _new_state(self, group: Group, p: Tensor) -> State:
        # As in PyTorch a group has no value of its own to start from.
        name = "initial_accumulator_value"
        return super()._new_state({**group, name: self.defaults[name]}, p)


adagrad = functional(
    "adagrad",
    Adagrad,
    {"params": None, "grads": None, "state_sums": "sum", "state_steps": "step"},
    {
        "fused": None,
        "grad_scale": None,
        "found_inf": None,
        "has_sparse_grad": False,
        "foreach": None,
        "differentiable": False,
        "has_complex": False,
    },
    "lr weight_decay lr_decay eps maximize",
)
