"""Faults in graphs of programs, and in the code that is made of them."""

from __future__ import annotations

from mutants import Fault

TESTS = "tests/test_fx.py"

FAULTS = [
    Fault(
        "a removed node is still a user of its inputs", "graph", "tritonnn/fx/graph.py",
        "        to_erase._remove_from_list()\n        to_erase._update((), {})\n",
        "        to_erase._remove_from_list()\n",
        "tests/parity/test_fx_parity.py -k test_edits",
    ),
    Fault(
        "a value is let go of before its last use", "graph", "tritonnn/fx/interpreter.py",
        "            for user in reversed(self.graph.nodes):", "            for user in self.graph.nodes:",
        "tests/parity/test_fx_parity.py -k always_the_same",
    ),
    Fault(
        "what is recorded stays recorded after a refusal", "graph", "tritonnn/fx/_patching.py",
        "        while self._undo:\n            self._undo.pop()()\n", "",
        f"{TESTS} -k as_before",
    ),
    Fault(
        "a place that others use within is replaced", "graph",
        "tritonnn/fx/passes/utils/matcher_utils.py",
        "        found = [match for match in found if self._is_contained(match.nodes_map)]\n", "",
        "tests/parity/test_fx_parity.py -k patterns",
    ),
]  # fmt: skip
