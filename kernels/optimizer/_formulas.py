"""The update formulas of the optimizers.

Each is the function of its name in tritonnn/optim for a block of elements, with the same names for what it takes: up
to three states (None for one that is not kept), the numbers in double precision, the flags. It returns the new
values of the parameter and of the states that are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import triton
import triton.language as tl

#: the formulas by name, and the states that each takes
FORMULAS: dict[str, Any] = {}
STATES: dict[str, tuple[str, ...]] = {}


def formula(*states: str) -> Callable[[Callable], Any]:
    """Makes a function the formula of its name; its parameters of these names are states."""

    def register(function: Callable) -> Any:
        jitted = FORMULAS[function.__name__] = triton.jit(function)
        STATES[function.__name__] = states
        return jitted

    return register


@triton.jit
def _power(beta, step):
    """beta**step."""
    # In double precision: 1 - beta^t is a difference of nearly equal numbers. Of beta = 0 the power is 0.
    return tl.exp(step * tl.log(beta))


@formula("momentum_buffer")
def sgd(p, g, momentum_buffer, lr, momentum, dampening, nesterov: tl.constexpr, fresh: tl.constexpr):
    """b = momentum b + (1 - dampening) g, at first g;  p -= lr b, with nesterov lr (g + momentum b)."""
    if momentum_buffer is None:
        return (p - g * lr.to(p.dtype),)
    else:
        if fresh:
            momentum_buffer = g
        else:
            momentum_buffer = momentum_buffer * momentum.to(p.dtype) + g * (1 - dampening).to(p.dtype)
        step = momentum_buffer
        if nesterov:
            step = g + momentum_buffer * momentum.to(p.dtype)
        return p - step * lr.to(p.dtype), momentum_buffer


@formula("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
def adam(p, g, exp_avg, exp_avg_sq, max_exp_avg_sq, step, lr, beta1, beta2, eps):
    """p -= lr m' / (sqrt(v') + eps) with m' = m / (1 - beta1^t), v' = v / (1 - beta2^t), or the largest v so far."""
    # 1 - beta is taken in double precision and rounded once: in single it has lost digits already
    exp_avg += (g - exp_avg) * (1 - beta1).to(p.dtype)
    exp_avg_sq = exp_avg_sq * beta2.to(p.dtype) + g * g * (1 - beta2).to(p.dtype)
    largest, kept = exp_avg_sq, (exp_avg, exp_avg_sq)
    if max_exp_avg_sq is not None:
        largest = tl.maximum(max_exp_avg_sq, exp_avg_sq, propagate_nan=tl.PropagateNan.ALL)
        kept = kept + (largest,)
    # with sqrt(1 - beta2^t) multiplied out of both terms the corrections are factors of the whole step
    root = tl.sqrt(1 - _power(beta2, step))
    rate = lr / (1 - _power(beta1, step)) * root
    p -= exp_avg / (tl.sqrt(largest) + (eps * root).to(p.dtype)) * rate.to(p.dtype)
    return (p,) + kept


@formula("exp_avg", "exp_inf")
def adamax(p, g, exp_avg, exp_inf, step, lr, beta1, beta2, eps):
    """p -= lr / (1 - beta1^t) m / u with u = max(beta2 u, |g| + eps)."""
    exp_avg += (g - exp_avg) * (1 - beta1).to(p.dtype)
    size = tl.abs(g) + eps.to(p.dtype)
    exp_inf = tl.maximum(exp_inf * beta2.to(p.dtype), size, propagate_nan=tl.PropagateNan.ALL)
    rate = lr / (1 - _power(beta1, step))
    return p - exp_avg / exp_inf * rate.to(p.dtype), exp_avg, exp_inf


@formula("exp_avg", "exp_avg_sq")
def nadam(p, g, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, mu, mu_next, mu_product):
    """Adam's step from (1 - mu) / (1 - product) g + mu_next / (1 - product mu_next) m in place of m'."""
    exp_avg += (g - exp_avg) * (1 - beta1).to(p.dtype)
    exp_avg_sq = exp_avg_sq * beta2.to(p.dtype) + g * g * (1 - beta2).to(p.dtype)
    ahead = g * ((1 - mu) / (1 - mu_product)).to(p.dtype)
    ahead += exp_avg * (mu_next / (1 - mu_product * mu_next)).to(p.dtype)
    root = tl.sqrt(1 - _power(beta2, step))
    p -= ahead / (tl.sqrt(exp_avg_sq) + (eps * root).to(p.dtype)) * (lr * root).to(p.dtype)
    return p, exp_avg, exp_avg_sq


@formula("exp_avg", "exp_avg_sq")
def radam(p, g, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps):
    """p -= lr m' r / (sqrt(v) + eps), r the rectification of v; lr m' while v has too few terms (rho <= 5)."""
    exp_avg += (g - exp_avg) * (1 - beta1).to(p.dtype)
    exp_avg_sq = exp_avg_sq * beta2.to(p.dtype) + g * g * (1 - beta2).to(p.dtype)
    rest = 1 - _power(beta2, step)
    top = 2 / (1 - beta2) - 1
    rho = top - 2 * step * (1 - rest) / rest
    ahead = exp_avg * (lr / (1 - _power(beta1, step))).to(p.dtype)
    # below, v has too few terms for the variance of 1 / sqrt(v): the step goes without it
    if rho > 5:
        factor = tl.sqrt((rho - 4) * (rho - 2) * top / ((top - 4) * (top - 2) * rho) * rest)
        ahead = ahead / (tl.sqrt(exp_avg_sq) + eps.to(p.dtype)) * factor.to(p.dtype)
    return p - ahead, exp_avg, exp_avg_sq


@formula("sum")
def adagrad(p, g, sum, step, lr, lr_decay, eps):
    """s += g^2;  p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)."""
    sum += g * g
    rate = lr / (1 + (step - 1) * lr_decay)
    return p - g / (tl.sqrt(sum) + eps.to(p.dtype)) * rate.to(p.dtype), sum


@formula("square_avg", "acc_delta")
def adadelta(p, g, square_avg, acc_delta, lr, rho, eps):
    """d = sqrt(a + eps) / sqrt(v + eps) g, v the mean of g^2 and a that of d^2 before this step;  p -= lr d."""
    square_avg = square_avg * rho.to(p.dtype) + g * g * (1 - rho).to(p.dtype)
    delta = tl.sqrt(acc_delta + eps.to(p.dtype)) / tl.sqrt(square_avg + eps.to(p.dtype)) * g
    acc_delta = acc_delta * rho.to(p.dtype) + delta * delta * (1 - rho).to(p.dtype)
    return p - delta * lr.to(p.dtype), square_avg, acc_delta


@formula("square_avg", "momentum_buffer", "grad_avg")
def rmsprop(p, g, square_avg, momentum_buffer, grad_avg, lr, alpha, eps, momentum):
    """b = momentum b + g / (sqrt(v) + eps), v the mean of g^2, centred less the mean's square;  p -= lr b."""
    square_avg = square_avg * alpha.to(p.dtype) + g * g * (1 - alpha).to(p.dtype)
    variance, kept = square_avg, (square_avg,)
    if grad_avg is not None:
        grad_avg += (g - grad_avg) * (1 - alpha).to(p.dtype)
        variance = square_avg - grad_avg * grad_avg
    step = g / (tl.sqrt(variance) + eps.to(p.dtype))
    if momentum_buffer is not None:
        step += momentum_buffer * momentum.to(p.dtype)
        kept = kept + (step,)
    if grad_avg is not None:
        kept = kept + (grad_avg,)
    return (p - step * lr.to(p.dtype),) + kept


@formula("prev", "step_size")
def rprop(p, g, prev, step_size, eta1, eta2, step_size1, step_size2):
    """p -= sign(g) s; s grows by eta2 where g kept its sign, shrinks by eta1 where not, and p stays there."""
    agreement = g * prev
    step_size *= tl.where(agreement > 0, eta2.to(p.dtype), tl.where(agreement < 0, eta1.to(p.dtype), 1.0))
    step_size = tl.minimum(tl.maximum(step_size, step_size1.to(p.dtype)), step_size2.to(p.dtype))
    # as the next step's prev, 0 agrees with nothing: s rests for one step
    g = tl.where(agreement < 0, 0.0, g)
    sign = (g > 0).to(p.dtype) - (g < 0).to(p.dtype)
    return p - sign * step_size, g, step_size


@formula("ax")
def asgd(p, g, ax, lambd, eta, mu):
    """p -= eta (lambd p + g);  ax += mu (p - ax), the average."""
    p = p * (1 - lambd * eta).to(p.dtype) - g * eta.to(p.dtype)
    # until averaging starts ax is p to the last bit
    return p, tl.where(mu == 1, p, ax + (p - ax) * mu.to(p.dtype))
