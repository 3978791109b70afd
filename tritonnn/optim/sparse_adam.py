"""Adam for sparse gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tritonnn
from tritonnn._sparse import with_values
from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import State, require
from tritonnn.optim.optimizer import Group, Optimizer, ParamsT, one_element, run_closure

__all__ = ["SparseAdam"]


class SparseAdam(Optimizer):
    r"""Adam in which a step changes only the rows that the sparse gradient has: of parameter and of averages.

    For such a row: :math:`m_t = m_{t-1} + (1 - \beta_1)(g_t - m_{t-1})`, :math:`v_t = v_{t-1} + (1 - \beta_2)(g_t^2 -
    v_{t-1})`, :math:`p_t = p_{t-1} - lr \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m_t}{\sqrt{v_t} + eps}`, where
    t counts all steps.
    Source: Kingma, Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.

    Args:
        params: parameters, named parameters, or dicts of parameter groups; dense tensors.
        lr: learning rate.
        betas: decay of the averages of the gradient and of its square.
        eps: added to the denominator.
        maximize: ascend instead of descend.

    Raises:
        ValueError: an option is out of its range, a parameter is sparse or complex.
        RuntimeError: in a step, a gradient is dense.

    Example:
        >>> import tritonnn as torch
        >>> table = torch.nn.Embedding.from_pretrained(torch.zeros(3, 1), freeze=False, sparse=True)
        >>> opt = torch.optim.SparseAdam(table.parameters(), lr=0.5)
        >>> table(torch.tensor([2])).sum().backward()
        >>> opt.step()
        >>> table.weight.detach()
        tensor([[ 0.0000],
                [ 0.0000],
                [-0.5000]])
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        one_element("lr", lr)
        require(bool(lr > 0.0), "learning rate", lr)
        require(eps > 0.0, "epsilon value", eps)
        for i, beta in enumerate(betas):
            require(0.0 <= beta < 1.0, f"beta parameter at index {i}", beta)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        self._refuse("Sparse", lambda p: p.is_sparse, "requires dense parameter tensors")
        self._refuse("Complex", lambda p: p.is_complex(), "does not support complex parameters")

    def _refuse(self, kind: str, is_one: Callable[[Tensor], bool], why: str) -> None:
        places = [
            [i, j]
            for i, group in enumerate(self.param_groups)
            for j, p in enumerate(group["params"])
            if is_one(p)
        ]
        if places:
            raise ValueError(f"{kind} params at indices {places}: SparseAdam {why}")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates the rows that the gradients have.

        Args:
            closure: clears the gradients, computes the loss, calls ``backward`` and returns the loss.

        Returns:
            What the closure returned, or None without one.
        """
        loss = run_closure(closure)
        with tritonnn.no_grad():
            for group in self.param_groups:
                params = [p for p in group["params"] if p.grad is not None]
                for p in params:
                    if not p.grad.is_sparse:
                        raise RuntimeError(
                            "SparseAdam does not support dense gradients, please consider Adam instead"
                        )
                    state = self.state[p]
                    if not state:
                        zeros = tritonnn.zeros_like
                        state.update(step=0, exp_avg=zeros(p), exp_avg_sq=zeros(p))
                    state["step"] += 1
                for p in params:
                    _update(group, p, self.state[p])
        return loss


def _update(group: Group, p: Tensor, state: State) -> None:
    grad: Any = p.grad.coalesce()  # type: ignore[union-attr]  # squares are of sums
    if not grad._nnz():
        return
    rows, values = tuple(grad.indices()), grad.values()
    values = -values if group["maximize"] else values
    averages = []
    for name, beta, new in zip(
        ("exp_avg", "exp_avg_sq"), group["betas"], (values, values * values), strict=True
    ):
        old = state[name][rows]
        change = (new - old) * (1 - beta)
        state[name].add_(with_values(grad, change))
        averages.append(change + old)
    beta1, beta2 = group["betas"]
    step = state["step"]
    rate = float(group["lr"]) * math.sqrt(1 - beta2**step) / (1 - beta1**step)
    p.add_(with_values(grad, averages[0] / (averages[1].sqrt() + group["eps"]) * -rate))
