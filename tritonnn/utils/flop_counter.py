"""Counting the floating-point operations of a program, by module and by operator: `FlopCounterMode`."""

from __future__ import annotations

from collections import ChainMap, defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, TypeVar

from tritonnn import dispatch
from tritonnn._tensor import Tensor
from tritonnn.errors import warn
from tritonnn.nn.module import Module
from tritonnn.ops._namespaces import OpOverloadPacket
from tritonnn.utils._aten import packet_of
from tritonnn.utils._flop_formulas import FORMULAS, Formula
from tritonnn.utils._pytree import tree_map
from tritonnn.utils.module_tracker import ModuleTracker

__all__ = ["FlopCounterMode", "register_flop_formula"]

F = TypeVar("F", bound=Callable[..., int])
UNITS = ("", "K", "M", "B", "T")

#: formulas that programs have registered: packet -> formula over arguments, taking `out_val=` as well
flop_registry: dict[Any, Formula] = {}


def _shape_of(value: object) -> object:
    return value.shape if isinstance(value, Tensor) else value


def shape_wrapper(formula: Formula) -> Formula:
    """A formula over shapes as one over arguments; `out_shape` is that of the result."""

    @wraps(formula)
    def of_arguments(*args: object, out_val: object = None, **kwargs: object) -> int:
        given, named, out = tree_map(_shape_of, (args, kwargs, out_val))
        return formula(*given, out_shape=out, **named)

    return of_arguments


def register_flop_formula(targets: object, get_raw: bool = False) -> Callable[[F], F]:
    """Say how calls of an operator are counted: a decorator of the formula.

    Args:
        targets: an operator such as `torch.ops.aten.mm`, or a list of them.
        get_raw: whether the formula takes arguments and `out_val=`, instead of shapes and `out_shape=`.

    >>> import tritonnn as torch
    >>> from tritonnn.utils.flop_counter import FlopCounterMode, register_flop_formula
    >>> @register_flop_formula(torch.ops.aten.exp)
    ... def exp_flop(shape, *args, out_shape=None, **kwargs):
    ...     return shape.numel()
    >>> with FlopCounterMode(display=False) as counter:
    ...     y = torch.ones(3).exp()
    >>> counter.get_total_flops()
    3
    >>> del torch.utils.flop_counter.flop_registry[torch.ops.aten.exp]
    """

    def register(formula: F) -> F:
        for target in targets if isinstance(targets, (list, tuple)) else [targets]:
            if not isinstance(target, OpOverloadPacket):
                raise ValueError(
                    "register_flop_formula(targets): expected each target to be OpOverloadPacket (such as "
                    f"torch.ops.aten.mm), got {target} which is of type {type(target)}"
                )
            _check_counted(target)
            if target in flop_registry:
                raise RuntimeError(f"duplicate registrations for {target}")
            flop_registry[target] = formula if get_raw else shape_wrapper(formula)
        return formula

    return register


def _check_counted(target: object) -> None:
    """Refuse a formula that would never be asked for."""
    if isinstance(target, OpOverloadPacket) and target.namespace != "aten":
        raise NotImplementedError(
            f"a formula for {target}: operators of torch.library are counted by the calls that they are made of"
        )


def flops_of(
    call: dispatch.TableCall, result: object, registry: Mapping[Any, Formula] = flop_registry
) -> int:
    """The floating-point operations of a call that has run; 0 for what is not counted."""
    if registry and (formula := registry.get(packet_of(call))) is not None:
        return formula(*call.args, out_val=result)
    known = FORMULAS.get(call.op.name)
    if known is None:
        return 0
    first = result[0] if isinstance(result, tuple) else result
    return known(*[_shape_of(arg) for arg in call.args], out_shape=_shape_of(first))


class FlopCounterMode:
    """Within the block, counts the floating-point operations of this thread: forward, backward, every call.

    Products of matrices (linear layers, attention) and convolutions count, with PyTorch's formulas; what else there is
    costs some operations per element and does not. A product of a matrix with a vector counts where the library
    computes it as a product of matrices.

    Args:
        mods: taken for older programs; modules are found without.
        depth: how many levels of modules the table has.
        display: whether the table is printed at the end of the block.
        custom_mapping: operator -> formula, before those that are known.

    >>> import tritonnn as torch
    >>> from tritonnn.utils.flop_counter import FlopCounterMode
    >>> model = torch.nn.Linear(4, 3)
    >>> with FlopCounterMode(display=False) as counter:
    ...     model(torch.ones(2, 4)).sum().backward()
    >>> counter.get_total_flops()
    96
    >>> {str(operator): flops for operator, flops in counter.get_flop_counts()["Linear"].items()}
    {'aten.addmm': 48, 'aten.mm': 48}
    """

    def __init__(
        self,
        mods: Module | Iterable[Module] | None = None,
        depth: int | None = 2,
        display: bool = True,
        custom_mapping: Mapping[object, Formula] | None = None,
    ) -> None:
        if mods is not None:
            warn("mods argument is not needed anymore, you can stop passing it")
        self.flop_counts: dict[str, dict[Any, int]] = defaultdict(lambda: defaultdict(int))
        self.depth, self.display = depth, display
        for operator in custom_mapping or ():
            _check_counted(operator)
        self._custom = {
            operator: formula if getattr(formula, "_get_raw", False) else shape_wrapper(formula)
            for operator, formula in (custom_mapping or {}).items()
        }
        self.mod_tracker = ModuleTracker()

    def __enter__(self) -> FlopCounterMode:
        self.flop_counts.clear()
        self.mod_tracker.__enter__()
        dispatch.enter(self._count)
        return self

    def __exit__(self, *exc_info: object) -> None:
        dispatch.leave(self._count)
        self.mod_tracker.__exit__(*exc_info)
        if self.display:
            print(self.get_table(self.depth))

    def _count(self, call: dispatch.TableCall) -> Any:
        result = call()
        flops = flops_of(call, result, ChainMap(self._custom, flop_registry))
        if flops:
            for module in self.mod_tracker.parents:
                self.flop_counts[module][packet_of(call)] += flops
        return result

    def get_total_flops(self) -> int:
        """All of them."""
        return sum(self.flop_counts["Global"].values())

    def get_flop_counts(self) -> dict[str, dict[Any, int]]:
        """By module, "Global" for all, then by operator."""
        return {module: dict(counts) for module, counts in self.flop_counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """Modules with their operators, their share and, where not all is within one module, all together.

        Args:
            depth: how many levels of modules; that of the mode by default.
        """
        depth = self.depth if depth is None else depth
        total = self.get_total_flops()
        modules = [m for m in sorted(self.flop_counts) if m != "Global"]
        modules = [m for m in modules if depth is None or m.count(".") < depth]
        rows: list[tuple[str, str, str]] = []
        covered = any(sum(self.flop_counts[m].values()) >= total for m in modules)
        indent = 0
        if total and not covered:
            rows, indent = self._rows("Global", 0, total), 1
        for module in modules:
            rows += self._rows(module, module.count(".") + indent, total)
        return _table(rows or [("Global", "0", "0%")])

    def _rows(self, module: str, indent: int, total: int) -> list[tuple[str, str, str]]:
        counts = self.flop_counts[module]
        named = [(module, sum(counts.values())), *[(f" - {name}", flops) for name, flops in counts.items()]]
        unit = min(max(len(str(total)) - 2, 0) // 3, len(UNITS) - 1)
        return [
            (
                " " * indent + name,
                f"{flops / 1000**unit:.3f}{UNITS[unit]}" if unit else str(flops),
                f"{flops / total:.2%}" if total else "0%",
            )
            for name, flops in named
        ]


def _table(rows: list[tuple[str, str, str]]) -> str:
    """Columns as wide as their widest entry: names at the left, numbers at the right."""
    lines = [("Module", "FLOP", "% Total"), *rows]
    widths = [max([len(line[i]) for line in lines]) for i in range(3)]
    texts = [f"{a:{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in lines]
    texts.insert(1, "  ".join(["-" * width for width in widths]))
    return "\n".join(texts)
