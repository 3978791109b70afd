"""L-BFGS with an optional strong Wolfe line search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import require
from tritonnn.optim.optimizer import Optimizer, ParamsT, one_element, run_closure

__all__ = ["LBFGS"]


class _Point(NamedTuple):
    """A step size with the loss there, the gradient, and the slope along the direction of search."""

    t: float
    loss: float
    grad: Tensor
    slope: float


class LBFGS(Optimizer):
    """Limited-memory BFGS: a quasi-Newton method that models the curvature from the last gradients.

    The direction is the two-loop recursion over up to ``history_size`` pairs of steps and gradient changes.
    It needs about ``history_size + 1`` times the memory of the parameters, and a closure that can be called
    many times.
    Source: Nocedal, Wright, "Numerical Optimization", algorithms 7.4, 3.5 and 3.6; scaling of the first step
        and
    the conditions to stop as in Schmidt's minFunc.

    Args:
        params: parameters, all in one group and on one device.
        lr: size of the step, or of the first trial of the line search.
        max_iter: most iterations a step.
        max_eval: most calls of the closure a step; default: 1.25 times max_iter.
        tolerance_grad: stop where no element of the gradient is larger.
        tolerance_change: stop where loss or parameters change by less.
        history_size: number of pairs to remember.
        line_search_fn: ``'strong_wolfe'`` or None for steps of fixed size.

    Raises:
        ValueError: a negative learning rate, or more than one parameter group.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([3.0, -2.0], requires_grad=True)
        >>> opt = torch.optim.LBFGS([w], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     opt.zero_grad()
        ...     loss = ((w - 1) ** 2).sum()
        ...     loss.backward()
        ...     return loss
        >>> first = opt.step(closure)
        >>> bool(closure() < 1e-6)
        True
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        one_element("lr", lr)
        require(bool(lr >= 0.0), "learning rate", lr)
        if not isinstance(history_size, int):
            raise TypeError(f"history_size must be an integer, not {type(history_size).__name__}")
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Runs up to ``max_iter`` iterations.

        Args:
            closure: clears the gradients, computes the loss, calls ``backward`` and returns the loss.

        Returns:
            The loss at the start of the step.

        Raises:
            RuntimeError: an unknown line search.
        """
        with tritonnn.no_grad():
            return self._minimise(closure)

    def _minimise(self, closure: Callable[[], Any]) -> Any:
        if len(self.param_groups) != 1:
            raise AssertionError(f"Expected exactly one param_group, but got {len(self.param_groups)}")
        group = self.param_groups[0]
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        state = self.state[self._params[0]]
        for count in ("func_evals", "n_iter"):
            state.setdefault(count, 0)
        first_loss = run_closure(closure)
        loss, grad, evals = float(first_loss), self._flat_grad(), 1
        state["func_evals"] += 1
        if _largest(grad) <= group["tolerance_grad"]:
            return first_loss

        kept = {name: state.get(name) for name in _KEPT}
        for i in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            direction = self._direction(state, kept, grad, group["history_size"])
            previous = kept["prev_loss"] = loss
            size: Any = float(group["lr"])
            if state["n_iter"] == 1:
                size = min(1.0, 1.0 / grad.abs().sum()) * size
            kept["t"] = size
            slope = float(grad.dot(direction))
            if slope > -group["tolerance_change"]:
                break
            if group["line_search_fn"] is not None:
                start = _Point(0.0, loss, grad, slope)
                point, used = self._search(closure, start, float(size), direction, group["max_eval"] - evals)
                loss, grad, size = point.loss, point.grad, size if point.t == float(size) else point.t
                self._move(float(size), direction)
            else:
                self._move(float(size), direction)
                used = 0
                if i != group["max_iter"]:
                    loss = float(run_closure(closure))
                    grad, used = self._flat_grad(), 1
            evals += used
            state["func_evals"] += used
            kept["t"] = size
            if (
                evals >= group["max_eval"]
                or _largest(grad) <= group["tolerance_grad"]
                or _largest(direction) * float(size) <= group["tolerance_change"]
                or abs(loss - previous) < group["tolerance_change"]
            ):
                break
        state.update(kept)
        return first_loss

    @property
    def _params(self) -> list[Tensor]:
        return self.param_groups[0]["params"]

    def _direction(self, state: dict[str, Any], kept: dict[str, Any], grad: Tensor, history: int) -> Any:
        """The next direction of search; takes the last step into the history."""
        if state["n_iter"] == 1:
            kept.update(old_dirs=[], old_stps=[], ro=[], H_diag=1, d=grad.neg(), prev_flat_grad=grad.clone())
            return kept["d"]
        changes, steps, inverses = kept["old_dirs"], kept["old_stps"], kept["ro"]
        y, s = grad - kept["prev_flat_grad"], kept["d"] * kept["t"]
        curvature: Any = y.dot(s)
        if curvature > 1e-10:
            if len(changes) == history:
                for numbers in (changes, steps, inverses):
                    numbers.pop(0)
            changes.append(y)
            steps.append(s)
            inverses.append(1.0 / curvature)
            kept["H_diag"] = curvature / y.dot(y)

        q: Any = grad.neg()
        weights = state.setdefault("al", [None] * history)
        for i in reversed(range(len(changes))):
            weights[i] = steps[i].dot(q) * inverses[i]
            q.add_(changes[i], alpha=-float(weights[i]))
        q.mul_(kept["H_diag"])
        for y, s, inverse, weight in zip(changes, steps, inverses, weights, strict=False):
            q.add_(s, alpha=float(weight - y.dot(q) * inverse))
        kept["d"], kept["prev_flat_grad"] = q, grad.clone()
        return q

    def _search(
        self, closure: Callable[[], Any], start: _Point, size: float, direction: Tensor, budget: int
    ) -> tuple[_Point, int]:
        """A step size that meets the strong Wolfe conditions, and the number of calls of the closure."""
        before = [p.clone() for p in self._params]

        def evaluate(t: float) -> _Point:
            self._move(t, direction)
            loss = float(run_closure(closure))
            grad = self._flat_grad()
            for p, value in zip(self._params, before, strict=True):
                p.copy_(value)
            return _Point(t, loss, grad, float(grad.dot(direction)))

        return _strong_wolfe(evaluate, start, size, _largest(direction), budget)

    def _flat_grad(self) -> Tensor:
        pieces = []
        for p in self._params:
            g = tritonnn.zeros_like(p) if p.grad is None else p.grad.to_dense()
            pieces.append((tritonnn.view_as_real(g) if g.is_complex() else g).reshape(-1))
        return tritonnn.cat(pieces)

    def _move(self, size: float, direction: Tensor) -> None:
        start = 0
        for p in self._params:
            if p.is_complex():
                p = tritonnn.view_as_real(p)
            p.add_(direction.narrow(0, start, p.numel()).view(p.shape), alpha=size)
            start += p.numel()


#: what is kept between steps beside the counts and the weights "al", in PyTorch's order
_KEPT = ("d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss")


def _largest(x: Tensor) -> float:
    return float(x.abs().max())


def _strong_wolfe(
    evaluate: Callable[[float], _Point], start: _Point, size: float, d_norm: float, budget: int
) -> tuple[_Point, int]:
    """Brackets a minimum along the line, then narrows the bracket by cubic interpolation."""
    decrease, flatness, tolerance = 1e-4, 0.9, 1e-9

    def too_high(point: _Point) -> bool:
        return point.loss > start.loss + decrease * point.t * start.slope

    def flat(point: _Point) -> bool:
        return abs(point.slope) <= -flatness * start.slope

    previous, point, trials = start, evaluate(size), 0
    while trials < budget:
        if too_high(point) or (trials > 1 and point.loss >= previous.loss):
            break
        if flat(point):
            return point, trials + 1
        if point.slope >= 0:
            break
        limits = (point.t + 0.01 * (point.t - previous.t), point.t * 10)
        previous, point = point, evaluate(_cubic_minimum(previous, point, limits))
        trials += 1
    if trials >= budget:
        previous = start

    # low and high: the ends of the bracket by loss
    low, high = (previous, point) if previous.loss <= point.loss else (point, previous)
    stuck = False
    while trials < budget and abs(high.t - low.t) * d_norm >= tolerance:
        t, stuck = _inside(_cubic_minimum(low, high), low.t, high.t, stuck)
        point = evaluate(t)
        trials += 1
        if too_high(point) or point.loss >= low.loss:
            low, high = (low, point) if low.loss <= point.loss else (point, low)
            continue
        if flat(point):
            return point, trials + 1
        if point.slope * (high.t - low.t) >= 0:
            high = low
        low = point
    return low, trials + 1


def _inside(t: float, a: float, b: float, stuck: bool) -> tuple[float, bool]:
    """Moves a trial too close to an end of the bracket inwards where that has happened twice in a row."""
    left, right = min(a, b), max(a, b)
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if stuck or t >= right or t <= left:
        return (right - margin if abs(t - right) < abs(t - left) else left + margin), False
    return t, True


def _cubic_minimum(a: _Point, b: _Point, limits: tuple[float, float] | None = None) -> float:
    """Minimum of the cubic through two points with their slopes, within limits (default: between them)."""
    if a.t > b.t:
        a, b = b, a
    low, high = limits or (a.t, b.t)
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t) if a.t != b.t else 0.0
    square = d1 * d1 - a.slope * b.slope
    if square < 0 or a.t == b.t:
        return (low + high) / 2.0
    d2 = square**0.5
    bottom = b.slope - a.slope + 2 * d2
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / bottom) if bottom else high
    return min(max(t, low), high)
