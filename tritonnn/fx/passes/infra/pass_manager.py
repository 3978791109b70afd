"""Passes one after another."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from tritonnn.fx.graph_module import GraphModule
from tritonnn.fx.passes.infra.pass_base import PassResult

__all__ = ["PassManager", "pass_result_wrapper", "this_before_that_pass_constraint"]


def pass_result_wrapper(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A function that changes a module, as one that returns a `PassResult`."""

    @wraps(fn)
    def wrapped(module: GraphModule) -> PassResult:
        result = fn(module)
        if isinstance(result, PassResult):
            return result
        return PassResult(module if result is None else result, True)

    return wrapped


def this_before_that_pass_constraint(
    this: Callable[..., Any], that: Callable[..., Any]
) -> Callable[..., bool]:
    """A rule: `this` may not come after `that`."""
    return lambda first, second: not (first is that and second is this)


class PassManager:
    """Runs passes in order, once or several times.

    Args:
        passes: functions of a module that return a `PassResult` or nothing.
        constraints: rules (earlier, later) -> whether they may come in this order.
        steps: how often all run; it ends where nothing changes any more.
        run_checks_after_each_pass: call `check` each time.
        suppress_check_failures: warn of what `check` raises.
    """

    def __init__(
        self,
        passes: list[Callable[..., Any]] | None = None,
        constraints: list[Callable[..., bool]] | None = None,
        steps: int | None = None,
        run_checks_after_each_pass: bool = False,
        suppress_check_failures: bool = False,
    ) -> None:
        self.passes, self.constraints = passes or [], constraints or []
        self.steps = steps or 1
        self.run_checks_after_each_pass = run_checks_after_each_pass
        self.suppress_check_failures = suppress_check_failures

    def add_pass(self, _pass: Callable[..., Any]) -> None:
        """Add a pass behind the others."""
        self.passes.append(_pass)

    def add_constraint(self, constraint: Callable[..., bool]) -> None:
        """Add a rule on the order."""
        self.constraints.append(constraint)

    def validate_constraints(self) -> None:
        """Raise RuntimeError where two passes stand in an order that a rule excludes."""
        for constraint in self.constraints:
            for place, first in enumerate(self.passes):
                for second in self.passes[place + 1 :]:
                    if not constraint(first, second):
                        raise RuntimeError(f"pass schedule constraint violated: {first} before {second}")

    def check(self, module: object) -> None:
        """What is called after each pass, if that was asked for; a subclass says what."""

    def __call__(self, module: Any) -> PassResult:
        self.validate_constraints()
        modified = False
        for _ in range(self.steps):
            changed = False
            for one in self.passes:
                result = one(module)
                if not isinstance(result, PassResult):
                    raise TypeError(
                        f"The result of the pass {getattr(one, '__name__', one)} should be type PassResult. Please "
                        "wrap it with pass_result_wrapper()"
                    )
                module, changed = result.graph_module, changed or result.modified
                module.recompile()
                if self.run_checks_after_each_pass:
                    self.check(module)
            modified = modified or changed
            if not changed:
                break
        return PassResult(module, modified)
