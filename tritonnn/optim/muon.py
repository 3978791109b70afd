"""Muon."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tritonnn
from tritonnn._sparse import Sparse
from tritonnn._tensor import Tensor
from tritonnn.optim.optimizer import Group, Optimizer, ParamsT, one_element, run_closure

__all__ = ["Muon"]

#: the learning rate for a matrix of m rows and n columns
RATES: dict[str | None, Callable[[float, int, int], float]] = {
    "original": lambda lr, m, n: lr * math.sqrt(max(1.0, m / n)),
    "match_rms_adamw": lambda lr, m, n: lr * 0.2 * math.sqrt(max(m, n)),
}
RATES[None] = RATES["original"]
#: from so many steps on the iteration is taken for a mistake
MOST_STEPS = 100


class Muon(Optimizer):
    r"""Momentum whose step is made orthogonal: all singular values of the update are brought close to 1.

    :math:`B_t = \mu B_{t-1} + (1-\mu) g_t`, with Nesterov's look-ahead :math:`M_t = \mu B_t + (1-\mu) g_t`, and
    :math:`p_t = p_{t-1} (1 - lr \lambda) - lr' O_t`, where :math:`O_t` comes from :math:`X_0 = M_t / \|M_t\|` by
    ``ns_steps`` of the Newton-Schulz iteration :math:`X \leftarrow a X + (b A + c A^2) X`, :math:`A = X X^T`, in
    bfloat16.
    For the matrices of hidden layers; biases, norms, embeddings and the head go to another optimizer, such as AdamW.
    Source: Jordan, "Muon: An optimizer for hidden layers in neural networks" (2024); Liu et al., "Muon is Scalable for
    LLM Training", arXiv:2502.16982.

    Args:
        params: parameters of two dimensions, named parameters, or dicts of parameter groups; real numbers only.
        lr: learning rate; a 1-element Tensor is allowed.
        weight_decay: factor by which, times lr, a parameter shrinks each step.
        momentum: decay of the running mean of the gradients.
        nesterov: look ahead by one momentum step.
        ns_coefficients: a, b and c of the iteration.
        eps: the smallest norm that the update is divided by.
        ns_steps: number of iterations, below 100.
        adjust_lr_fn: ``"original"`` (also None) scales lr by sqrt(max(1, rows/columns)), ``"match_rms_adamw"`` by
            0.2 sqrt(max(rows, columns)), so that lr and weight decay of AdamW can be taken over.

    Raises:
        ValueError: an option is out of its range, or a parameter has not two dimensions.
        RuntimeError: complex parameters or sparse gradients.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.eye(2).requires_grad_()
        >>> opt = torch.optim.Muon([w], lr=0.5, weight_decay=0.0)
        >>> (w * torch.tensor([[1.0, 0.0], [0.0, 2.0]])).sum().backward()
        >>> opt.step()
        >>> bool((w.diagonal() < 0.75).all())
        True
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        one_element("lr", lr)
        for name, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if not value >= 0.0:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn not in RATES:
            raise ValueError(
                f"Adjust learning rate function {adjust_lr_fn} is not supported: one of {[*RATES]} is"
            )
        _check_iteration(ns_coefficients, ns_steps)
        defaults = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, defaults)

    def add_param_group(self, param_group: Group) -> None:
        """Adds a group of matrices; see ``Optimizer.add_param_group``.

        Raises:
            ValueError: also where a parameter has not two dimensions.
        """
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            if p.dim() != 2:
                del self.param_groups[-1]
                raise ValueError(
                    f"Muon only supports 2D parameters whereas we found a parameter with size: {p.shape}"
                )

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
            _check_iteration(group["ns_coefficients"], group["ns_steps"])
            params = [p for p in group["params"] if p.grad is not None]
            for p in params:
                if p.is_complex():
                    raise RuntimeError("Muon does not support complex parameters")
                if isinstance(p.grad, Sparse):
                    raise RuntimeError("Muon does not support sparse gradients")
            for p in params:
                self._update(p, group)
        return loss

    def _update(self, p: Tensor, group: Group) -> None:
        g, mu, lr = p.grad, group["momentum"], float(group["lr"])
        assert g is not None
        state = self.state[p]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = tritonnn.zeros_like(g)
        buffer = state["momentum_buffer"].lerp_(g, 1 - mu)
        ahead = g.lerp(buffer, mu) if group["nesterov"] else buffer
        if not p.numel():
            return
        update = _orthogonal(ahead, group["ns_coefficients"], group["ns_steps"], group["eps"])
        p.mul_(1 - lr * group["weight_decay"])
        p.sub_(update.to(p.dtype), alpha=RATES[group["adjust_lr_fn"]](lr, *p.shape))


def _check_iteration(coefficients: tuple[float, ...], steps: int) -> None:
    if steps >= MOST_STEPS:
        raise ValueError(f"Number of steps must be less than {MOST_STEPS} for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError(f"Coefficients must be a tuple of exactly 3 values, but got {coefficients}")


def _orthogonal(m: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """U V^T of m = U S V^T, with singular values from about 0.7 to 1.2; in bfloat16."""
    a, b, c = coefficients
    x = m.to(tritonnn.bfloat16)
    wide = x.shape[0] <= x.shape[1]
    if not wide:
        x = x.T  # the smaller product
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = tritonnn.addmm(x, tritonnn.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if wide else x.T
