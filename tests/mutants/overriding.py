"""Faults in who takes calls over, in operators of programs and in trees."""

from __future__ import annotations

from mutants import Fault

PROTOCOL = "tritonnn/_overriding.py"
FRAMES = "tritonnn/ops/_frames.py"
OPERATORS = "tritonnn/ops/operators.py"
LIBRARY = "tritonnn/library/_operator.py"
SPEC = "tritonnn/utils/_pytree/_spec.py"

FAULTS = [
    Fault(
        "who takes calls over: subclasses come after the classes above them", "taken over", PROTOCOL,
        "    place = next((i for i, other in enumerate(found) if issubclass(kind, type(other))), len(found))",
        "    place = len(found)",
        "tests/test_torch_function.py -k order",
    ),
    Fault(
        "who takes calls over: results are plain tensors", "taken over", PROTOCOL,
        "    return result if func in unconverted() else converted(result, cls)", "    return result",
        "tests/test_torch_function.py -k results",
    ),
    Fault(
        "who takes calls over: a mode around another does not see methods", "taken over", PROTOCOL,
        "        told = LOOKING.get(public, public) if state.modes else public", "        told = public",
        "tests/test_torch_function.py -k nest",
    ),
    Fault(
        "who takes calls over: lists of tensors are not looked into", "taken over", "tritonnn/table/arguments.py",
        "        return kind.classes - {list, tuple}", "        return kind.classes",
        "tests/test_torch_function.py -k 'results or order'",
    ),
    Fault(
        "who takes calls over: tensors in line are not looked at", "taken over", FRAMES,
        "                if given > count and not _plain_sizes(args[count:]) and (found := look(args)) is not None:",
        "                if False:",
        "tests/test_torch_function.py -k 'taken_over and (einsum or broadcast_tensors)'",
    ),
    Fault(
        "who takes calls over: a program's TypeError in an operator is hidden", "taken over", OPERATORS,
        '            if hasattr(error, "unimplemented"):', "            if True:",
        "tests/test_torch_function.py -k hidden",
    ),
    Fault(
        "who takes calls over: backward asks them", "taken over", "tritonnn/autograd/engine.py",
        "        overriding.off = max(off, 1)", "        overriding.off = off",
        "tests/test_torch_function.py -k asks_nobody",
    ),
    Fault(
        "operators of programs: a write that nobody counts", "version check", LIBRARY,
        "                wrote(tensor, self.name)", "                pass",
        "tests/test_library.py -k writing",
    ),
    Fault(
        "trees: the children of a dict in another order", "index", SPEC,
        "        children = [tree[key] for key in wanted]", "        children = list(tree.values())",
        "tests/test_pytree.py -k order",
    ),
]  # fmt: skip
