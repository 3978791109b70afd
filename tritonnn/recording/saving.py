"""What an op saves for backward, read off the parameter names of its gradient formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tritonnn._tensor import Tensor
from tritonnn.memory import TRANSFORM
from tritonnn.recording.grad_mode import state
from tritonnn.recording.packing import Packed, Preserved

if TYPE_CHECKING:
    from tritonnn.recording.graph import Node
    from tritonnn.table import Op

_META = ("_shape", "_dtype", "_device", "_geometry")


class Several(list):
    """Saved tensors of one argument, such as indices; other lists are kept as they are."""


def parameters_of(formula: Callable) -> tuple[str, ...]:
    """What a gradient's formula asks for beside the incoming gradient."""
    code = formula.__code__
    return code.co_varnames[1 : code.co_argcount]


class Saving:
    """For one op and one pattern of wanted gradients: what to fetch at the call and how to run the formulas.

    Attributes:
        fetch: (place, kind) of each value kept on the node; kind is "arg", "result", or for metadata the attribute.
    """

    def __init__(self, op: Op, needs: tuple[bool, ...], args: tuple) -> None:
        self.op = op
        self.groups = _edge_groups(op, args)  # edge numbers of each tensor slot
        self.slot_needs = [any(needs[e] for e in group) for group in self.groups]
        self.edge_count = len(needs)
        self.needs = needs
        names: list[str] = []
        self.formulas: list[tuple[int, Callable, tuple[str, ...]]] = []
        if op.backward is not None:
            names += parameters_of(op.backward)
        else:
            for number, slot in enumerate(op.tensor_slots):
                formula = op.grad.get(op.names[slot])
                if formula is not None and self.slot_needs[number]:
                    parameters = parameters_of(formula)
                    self.formulas.append((number, formula, parameters))
                    names += parameters
        self.names: list[str] = []
        self.fetch: list[tuple[int, str]] = []
        for name in dict.fromkeys(names):
            self._locate(name)
        # Positions of the arguments and results whose data is kept: in-place calls must protect them.
        self.kept_args = frozenset(place for place, kind in self.fetch if kind == "arg")
        self.places = range(len(self.names))
        # Places among the saved values of those that are copied when they are written (`recording/preserving.py`).
        self.preserved = tuple([i for i, name in enumerate(self.names) if name in op.preserved])

    def _locate(self, name: str) -> None:
        op = self.op
        if name == "needs":
            return
        if name in op.names:
            self._keep(name, op.names.index(name), "arg")
        elif name in op.results:
            self._keep(name, op.results.index(name), "result")
        else:
            for suffix in _META:
                if name.endswith(suffix) and name[: -len(suffix)] in op.names:
                    self._keep(name, op.names.index(name[: -len(suffix)]), suffix[1:])
                    return
            raise ValueError(
                f"{op.name}: a gradient formula asks for '{name}', which is no argument or result"
            )

    def _keep(self, name: str, place: int, kind: str) -> None:
        self.names.append(name)
        self.fetch.append((place, kind))

    # ---- backward -------------------------------------------------------------------------------------

    def unpack(self, node: Node, only: int | None = None) -> dict[str, Any]:
        """The saved values by name, of all places or of one, after checking that none was modified in place."""
        from tritonnn.recording.graph import restored

        values: dict[str, Any] = {}
        saved = node.saved  # once: another thread may free it meanwhile
        if saved is None:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved tensors after they "
                f"have already been freed) at {node.name()}. Saved intermediate values of the graph are freed when "
                "you call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward through "
                "the graph a second time or if you need to access saved tensors after calling backward."
            )
        for i in self.places if only is None else (only,):
            name, value = self.names[i], saved[i]
            if isinstance(value, Tensor):
                if value._storage.version != node.versions[i]:
                    if self.op.renewable and self.fetch[i][1] == "result":
                        values[name] = None
                        continue
                    raise RuntimeError(_modified(node, name, value, node.versions[i]))
            elif isinstance(value, Packed):
                if value.__class__ is Preserved and value.is_written:
                    raise RuntimeError(_modified(node, name, value.value, value.version))
                value = restored(value)
            elif value.__class__ is Several:
                value = [
                    _checked(node, name, item, version)
                    for item, version in zip(value, node.versions[i], strict=True)
                ]
            if self.fetch[i][1] == "result" and state.enabled:
                value = _with_history(value, node, self.fetch[i][0])
            values[name] = value
        return values

    def run(self, node: Node, grads: list[Tensor | None]) -> list[Tensor | None]:
        """Gradients of the inputs, one per edge."""
        only = self.op.gradient_index
        incoming: Any = grads[only] if only >= 0 else tuple(grads)
        results: list[Tensor | None] = [None] * self.edge_count
        if incoming is None:
            return results
        values = self.unpack(node)
        op = self.op
        if op.backward is not None:
            values["needs"] = self._needs_by_argument()
            gradients = op.backward(incoming, **{name: values[name] for name in parameters_of(op.backward)})
            for number, slot in enumerate(op.tensor_slots):
                self._spread(results, number, gradients[slot], slot in op.list_slots)
            return results
        for number, formula, parameters in self.formulas:
            gradient = formula(incoming, *[self._value(values, p) for p in parameters])
            self._spread(results, number, gradient, op.tensor_slots[number] in op.list_slots)
        return results

    def _value(self, values: dict[str, Any], name: str) -> Any:
        return self._needs_by_argument() if name == "needs" else values[name]

    def _needs_by_argument(self) -> tuple[bool, ...]:
        needs = [False] * len(self.op.names)
        for number, slot in enumerate(self.op.tensor_slots):
            needs[slot] = self.slot_needs[number]
        return tuple(needs)

    def _spread(self, results: list, number: int, gradient: Any, is_list: bool) -> None:
        group = self.groups[number]
        if is_list and gradient is not None:
            for edge, grad in zip(group, gradient, strict=True):
                if self.needs[edge]:
                    results[edge] = grad
        elif gradient is not None and self.needs[group[0]]:
            results[group[0]] = gradient


def saving_of(op: Op, needs: tuple[bool, ...], args: tuple) -> Saving:
    """What to save when the gradients of these edges are wanted."""
    key = needs if not op.list_slots else (needs, *[len(args[i]) for i in op.list_slots])
    plan = op.saving.get(key)
    if plan is None:
        plan = op.saving[key] = Saving(op, needs, args)
    return plan


def metadata(value: Any, what: str) -> Any:
    """shape, dtype, device or geometry (shape, stride, offset) of a tensor argument; None of an absent one."""
    if isinstance(value, Tensor):
        if what == "geometry":
            return value._shape, value.stride(), value._offset
        return getattr(value, what)
    if isinstance(value, (list, tuple)):
        return [metadata(item, what) for item in value]
    return () if what == "shape" else None


def _edge_groups(op: Op, args: tuple) -> list[list[int]]:
    groups, edge = [], 0
    for slot in op.tensor_slots:
        width = len(args[slot]) if slot in op.list_slots else 1
        groups.append(list(range(edge, edge + width)))
        edge += width
    return groups


def _checked(node: Node, name: str, value: Any, version: int) -> Any:
    """An item of a saved list."""
    if value.__class__ is Packed:
        return value.tensor()  # indices: they have no gradient
    if isinstance(value, Tensor) and value._storage.version != version:
        raise RuntimeError(_modified(node, name, value, version))
    return value


def _with_history(alias: Tensor, node: Node, number: int) -> Tensor:
    """A saved result as part of the graph again, for second derivatives."""
    tensor = alias.detach()
    tensor._node, tensor._rg = node, True
    if number:
        tensor._out_nr = number
    return tensor


def _modified(node: Node, name: str, value: Tensor, version: int) -> str:
    writer = getattr(value._storage, "writer", None)
    by = f" by {writer}" if writer else ""
    return (
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"'{name}' of {node.op.name}, a {value.dtype} tensor of shape {list(value.shape)}, was modified{by} and is at "
        f"version {value._storage.version % TRANSFORM}; expected version {version % TRANSFORM} instead. Hint: write "
        f"the in-place op out of place, or clone the tensor before modifying it."
    )
