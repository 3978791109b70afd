"""Faults in what stands around table calls: profilers, counts of operations, dispatch modes."""

from __future__ import annotations

from mutants import Fault

WATCH = "tritonnn/dispatch/_watch.py"
CALL = "tritonnn/dispatch/_call.py"
INPLACE = "tritonnn/dispatch/_inplace.py"
RECORDER = "tritonnn/profiler/_recorder.py"
EVENTS = "tritonnn/profiler/_events.py"
SCHEDULE = "tritonnn/profiler/_schedule.py"
FORMULAS = "tritonnn/utils/_flop_formulas.py"
TRACKER = "tritonnn/utils/module_tracker.py"
NAMES = "tritonnn/utils/_aten.py"
PROFILER, REPORTS, MODES = (
    "tests/test_profiler.py",
    "tests/test_profiler_reports.py",
    "tests/test_python_dispatch.py",
)

FAULTS = [
    Fault(
        "around: a hook sees what it calls itself", "state", WATCH,
        "    state.around = hooks[:-1]\n", "    state.around = ()\n", f"{MODES} -k within_modes",
    ),
    Fault(
        "around: a hook stays after its block", "state", WATCH,
        "            del hooks[place]\n", "            pass\n", f"{PROFILER} -k nothing_stays",
    ),
    Fault(
        "around: views are not seen", "graph", CALL,
        "surrounded(view, op, args)", "ON", f"{PROFILER} -k every_table_call",
    ),
    Fault(
        "around: calls in place are not seen", "graph", INPLACE,
        "surrounded(inplace, op, args)", "ON", f"{PROFILER} -k every_table_call",
    ),
    Fault(
        "profiler: memory of views counts", "ownership", RECORDER,
        "            if key in given:\n", "            if False:\n", f"{REPORTS} -k memory",
    ),
    Fault(
        "profiler: a call that fails never ends", "state", RECORDER,
        "            inner.end = now\n", "            inner.end = 0.0\n", f"{PROFILER} -k fails_ends",
    ),
    Fault(
        "profiler: time of its own is all time", "reduction", EVENTS,
        "self.cpu_time_total - sum([child.cpu_time_total for child in self.cpu_children])", "self.cpu_time_total",
        f"{PROFILER} -k total_and_self",
    ),
    Fault(
        "profiler: a stretch is saved a step late", "schedule", SCHEDULE,
        "place < length - 1 else", "place < length else", f"{PROFILER} -k schedule_and_handlers",
    ),
    Fault(
        "flops: an addition does not count", "formula", FORMULAS,
        "    return 2 * prod(out_shape) * a_shape[-1]\n", "    return prod(out_shape) * a_shape[-1]\n",
        f"{MODES} -k by_hand",
    ),
    Fault(
        "flops: attention's backward does not compute the scores again", "formula", FORMULAS,
        "(3 * query_shape[-1] +", "(2 * query_shape[-1] +", f"{MODES} -k attention",
    ),
    Fault(
        "tracker: what a pass of backward left open stays", "state", TRACKER,
        "self._running, self._pass = {\"Global\"}, None", "self._pass = None", f"{MODES} -k tracker",
    ),
    Fault(
        "modes: keyword arguments are lost", "argument check", NAMES,
        "        if not _is_default(op, i, call.args[i])\n", "        if False\n", f"{MODES} -k changes_nothing",
    ),
    Fault(
        "classes: what they return is not recorded", "graph", "tritonnn/dispatch/_answered.py",
        "    record(op, _normalized(call), results, edges)\n", "",
        "tests/test_subclass_dispatch.py -k gradients_are",
    ),
    Fault(
        "classes: what they compute is recorded", "graph", "tritonnn/dispatch/_answered.py",
        "    before, state.enabled = state.enabled, False\n", "    before = state.enabled\n",
        "tests/test_subclass_dispatch.py -k not_recorded",
    ),
    Fault(
        "selective checkpoints: what is kept is computed again", "state", "tritonnn/utils/_checkpoint_modes.py",
        "        return dispatch.answered(call, lambda: values if several else values[0])\n", "        return call()\n",
        "tests/parity/test_checkpoint_parity.py",
    ),
]  # fmt: skip
