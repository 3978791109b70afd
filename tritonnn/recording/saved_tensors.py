"""What a node has saved, by the names of PyTorch: `grad_fn._saved_self`, `_saved_other`, `_raw_saved_result`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tritonnn._tensor import Tensor
from tritonnn.recording.graph import edge_of
from tritonnn.recording.packing import Packed, Preserved, packed
from tritonnn.recording.saving import Several, parameters_of

if TYPE_CHECKING:
    from tritonnn.recording.graph import Node
    from tritonnn.table import Op

_FREED = (
    "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values of the graph are "
    "freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward through "
    "the graph a second time or if you need to access saved variables after calling backward."
)


def attributes(op: Op) -> dict[str, str]:
    """PyTorch's name of what any gradient of an op saves -> its name in the formulas."""
    formulas = [op.backward] if op.backward is not None else list(op.grad.values())
    names = [name for formula in formulas for name in parameters_of(formula) if name != "needs"]
    return {_known_as(name, op.names[0]): name for name in names}


def _known_as(name: str, first: str) -> str:
    if name.endswith("_shape"):
        return _known_as(name.removesuffix("_shape"), first) + "_sym_sizes"
    return "self" if name == first == "input" else name


def saved_attribute(node: Node, name: str) -> Any:
    """`node._saved_x`, or `node._raw_saved_x`.

    Raises:
        AttributeError: nothing of the name is saved by nodes of the kind.
        RuntimeError: it is freed, or was written in place since.
    """
    raw = name.startswith("_raw_")
    known = attributes(node.op)
    wanted = name.removeprefix("_raw").removeprefix("_saved_")
    wanted = known.get(wanted, wanted if wanted in known.values() else "")
    plan = node.plan
    kind = dict(zip(plan.names, [kind for _, kind in plan.fetch], strict=True)).get(wanted)
    tensors = {*plan.op.results, *[plan.op.names[slot] for slot in plan.op.tensor_slots]}
    if not wanted or (raw and (wanted not in tensors or kind not in (None, "arg", "result"))):
        raise AttributeError(f"'{node.name()}' object has no attribute '{name}'")
    place = plan.names.index(wanted) if kind is not None else -1
    if not raw:
        value = plan.unpack(node, place)[wanted] if kind is not None else None
        return tuple(value) if value.__class__ is Several else value
    held = node.saved[place] if node.saved is not None and kind is not None else None
    if held.__class__ is Several:
        return tuple([SavedTensor(node, place, item) for item in range(len(held))])
    return SavedTensor(node, place)


def listed(op: Op) -> list[str]:
    """The names for `dir`."""
    tensors = {*op.results, *[op.names[slot] for slot in op.tensor_slots]}
    known = attributes(op)
    return [f"_raw_saved_{n}" for n, own in known.items() if own in tensors] + [f"_saved_{n}" for n in known]


class SavedTensor:
    """One tensor that a node has saved: hooks can be put on it after the fact.

    Args:
        place: among what the node has saved; -1: no tensor was given there.
        item: which of a list it is.
    """

    def __init__(self, node: Node, place: int, item: int | None = None) -> None:
        self._node, self._place, self._item = node, place, item

    def unpack(self) -> Any:
        """The tensor."""
        if self._place < 0:
            return None
        plan = self._node.plan
        value = plan.unpack(self._node, self._place)[plan.names[self._place]]
        return value if self._item is None else value[self._item]

    def register_hooks(self, pack_hook: Callable, unpack_hook: Callable) -> None:
        """Have `pack_hook` replace the tensor now, and `unpack_hook` restore it when it is needed.

        Raises:
            RuntimeError: it is freed, is None, has hooks already, or the hook writes into it.
        """
        for hook in (pack_hook, unpack_hook):
            if not callable(hook):
                kind = type(hook).__name__
                raise TypeError(f"register_hooks(): both hooks must be callable, got {kind}")
        holder: Any = self._node.saved
        if holder is None:
            raise RuntimeError(_FREED)
        index = self._place
        if self._item is not None:
            holder, index = holder[index], self._item
        holder[index] = repacked(holder[index] if self._place >= 0 else None, pack_hook, unpack_hook)


def repacked(value: Any, pack: Callable, unpack: Callable) -> Packed:
    """A saved value behind hooks that come after the fact."""
    if value.__class__ is Preserved:
        edge = value.edge if value.edge is not None else edge_of(value.value)
        return packed(value.value, (pack, unpack), edge)
    if isinstance(value, Packed):
        raise RuntimeError(
            "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only one pair of hooks "
            "is allowed at a time."
        )
    if not isinstance(value, Tensor):
        raise RuntimeError("Calling register_hooks on a saved tensor with value None is forbidden")
    return packed(value, (pack, unpack), edge_of(value))
