"""Adam."""

from __future__ import annotations

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import (
    ElementwiseOptimizer,
    State,
    decayed_or_shrunk,
    new_counter,
    snapshot,
)
from tritonnn.optim.optimizer import Group, ParamsT

__all__ = ["Adam"]


class Adam(ElementwiseOptimizer):
    r"""Steps by the running mean of the gradient over the root of the running mean of its square.

    :math:`m_t = \beta_1 m_{t-1} + (1-\beta_1) g_t`, :math:`v_t = \beta_2 v_{t-1} + (1-\beta_2) g_t^2`,
    :math:`p_t = p_{t-1} - lr \frac{m_t / (1-\beta_1^t)}{\sqrt{v_t / (1-\beta_2^t)} + eps}`.
    Source: Kingma, Ba, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980; AMSGrad: Reddi, Kale,
    Kumar, "On the Convergence of Adam and Beyond", ICLR 2018.

    Args:
        params: parameters, named parameters, or dicts of parameter groups.
        lr: learning rate; a 1-element Tensor is allowed.
        betas: decay of the two running means; two floats or two 1-element Tensors.
        eps: added to the root.
        weight_decay: factor of the L2 penalty, or of the decay.
        amsgrad: divide by the largest second moment so far.
        foreach: None or True updates all parameters of a group by one multi-tensor operation, False one by
            one.
        maximize: ascend instead of descend.
        capturable: keep the count of steps on the device and never read it on the host; CUDA parameters only.
        differentiable: let autograd record the step.
        fused: True as ``foreach=True``, with the count of steps on the device; floating point parameters
            only.
        decoupled_weight_decay: shrink the parameter itself (as AdamW does) instead of adding to the gradient.

    Raises:
        ValueError: an option is out of its range.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0, -2.0], requires_grad=True)
        >>> opt = torch.optim.Adam([w], lr=0.25)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([ 0.7500, -1.7500])
    """

    _sparse_hint = ", please consider SparseAdam instead"

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        _check_tensors(lr, betas, bool(foreach), capturable)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: Group, p: Tensor) -> State:
        state = {
            "step": new_counter(group, p),
            "exp_avg": tritonnn.zeros_like(p),
            "exp_avg_sq": tritonnn.zeros_like(p),
        }
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = tritonnn.zeros_like(p)
        return state

    def _step_group(self, group: Group, params: list[Tensor]) -> None:
        options = (group["lr"], *group["betas"])
        kept_on_device = group["capturable"] and any(isinstance(v, Tensor) for v in options)
        if group["differentiable"] or kept_on_device:
            for p in params:
                self._apply(group, p, p.grad, self.state[p])  # type: ignore[arg-type]
            return
        for batch in [params] if group["foreach"] is not False or group["fused"] else [[p] for p in params]:
            self._multi_tensor(group, batch)

    def _multi_tensor(self, group: Group, params: list[Tensor]) -> None:
        from tritonnn.ops.optimizer.optimizer import adam_step, advance_steps

        rows = [(p, self.state[p]) for p in params]
        counters = [state["step"] for _, state in rows]
        advance_steps(counters)
        if group["capturable"] or group["fused"]:
            batches = {0.0: rows}
        else:
            batches = {}
            for row, counter in zip(rows, counters, strict=True):
                batches.setdefault(counter.item(), []).append(row)
            counters = []
        beta1, beta2 = (float(beta) for beta in group["betas"])
        for step, batch in batches.items():
            members, states = [p for p, _ in batch], [state for _, state in batch]
            adam_step(
                _real(members),
                _real([p.grad for p in members]),  # type: ignore[misc]
                _real([s["exp_avg"] for s in states]),
                _real([s["exp_avg_sq"] for s in states]),
                _real([s["max_exp_avg_sq"] for s in states]) if group["amsgrad"] else [],
                counters,
                step=step,
                lr=float(group["lr"]),
                beta1=beta1,
                beta2=beta2,
                eps=group["eps"],
                weight_decay=float(group["weight_decay"]),
                decoupled=group["decoupled_weight_decay"],
                maximize=group["maximize"],
            )

    def _formula(self, group: Group, p: Tensor, g: Tensor, state: State) -> None:
        beta1, beta2 = group["betas"]
        state["step"] += 1
        t = state["step"] if group["capturable"] else state["step"].item()
        g = decayed_or_shrunk(group, p, g)
        mean = state["exp_avg"].mul_(beta1).add_(g * (1 - beta1))
        square = state["exp_avg_sq"].mul_(beta2).add_(g * g * (1 - beta2))
        if group["amsgrad"]:
            largest = tritonnn.maximum(snapshot(group, state["max_exp_avg_sq"]), square)
            square = state["max_exp_avg_sq"].copy_(largest)
        root = snapshot(group, square).sqrt() / (1 - beta2**t) ** 0.5 + group["eps"]
        p.sub_(snapshot(group, mean) / root * (group["lr"] / (1 - beta1**t)))


def _check_tensors(lr: float | Tensor, betas: tuple, foreach: bool, capturable: bool) -> None:
    if len({isinstance(beta, Tensor) for beta in betas}) != 1:
        raise ValueError("betas must be either both floats or both Tensors")
    for name, value in (("lr", lr), ("betas[0]", betas[0]), ("betas[1]", betas[1])):
        if not isinstance(value, Tensor):
            continue
        if foreach and not capturable:
            raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
        if value.numel() != 1:
            raise ValueError(f"Tensor {name} must be 1-element")


def _real(tensors: list[Tensor]) -> list[Tensor]:
    """The tensors, the complex ones as pairs of real numbers."""
    return [tritonnn.view_as_real(t) if t.is_complex() else t for t in tensors]
