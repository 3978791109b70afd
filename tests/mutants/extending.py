"""Faults in what entries of other packages rest on: names, backends, removal, policies, the generated tests."""

from __future__ import annotations

from mutants import Fault

TABLE = "tritonnn/ops/_table.py"
TESTS = "tests/test_extending.py -k"

FAULTS = [
    Fault(
        "a package's entry has the library's name", "lookup", "tritonnn/table/op.py",
        'self.own_name if self.package == OWN else f"{self.package}.{self.own_name}"', "self.own_name",
        f"{TESTS} names_are",
    ),
    Fault(
        "a package's method replaces the library's", "refusal", TABLE,
        "    if op.package != OWN:\n        _refuse_shadows(op)\n", "", f"{TESTS} methods_of",
    ),
    Fault(
        "a removed package leaves its methods", "state", TABLE,
        "            delattr(Tensor, name)\n", "            pass\n", f"{TESTS} other_packages",
    ),
    Fault(
        "a module of the package takes another's entry", "refusal", TABLE,
        "if op.package == OWN or there.module != op.module:", "if op.package == OWN:", f"{TESTS} another_module",
    ),
    Fault(
        "a module that is read again is refused", "state", TABLE,
        "if op.package == OWN or there.module != op.module:", "if True:", f"{TESTS} read_again",
    ),
    Fault(
        "an entry that comes while autocast is on has no policy", "dtype rule", "tritonnn/dispatch/_autocast.py",
        "                op.run = _runs()[-1][2]\n", "                pass\n", f"{TESTS} autocast_follows",
    ),
    Fault(
        "an entry's rule for vmap is not asked", "lookup", "tritonnn/batching/calls.py",
        'RULES.get(op.name) or op.options.get("vmap")', "RULES.get(op.name)", f"{TESTS} uses_the_rule",
    ),
    Fault(
        "a class as an annotation lets anything pass", "argument check", "tritonnn/table/_reading.py",
        "note.__name__ if isinstance(note, type) else str(note)", "str(note)", f"{TESTS} may_be_classes",
    ),
    Fault(
        "the plugin adds no tests", "lookup", "tritonnn/testing/plugin.py",
        "        items.extend(", "        list(", f"{TESTS} example_passes",
    ),
]  # fmt: skip
