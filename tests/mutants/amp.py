"""Faults in autocast and the gradient scaler."""

from __future__ import annotations

from mutants import Fault

DISPATCH = "tritonnn/dispatch/_autocast.py"
TABLE = "tritonnn/table/autocast.py"
SCALER = "tritonnn/amp/grad_scaler.py"
BLOCKS = "tests/test_autocast.py"
GRADIENTS = "tests/test_autocast_gradients.py"
SCALED = "tests/test_grad_scaler.py"

FAULTS = [
    Fault(
        "autocast: double precision is cast", "dtype rule", DISPATCH,
        "return dtype.is_floating_point and dtype is not dtypes.float64 and value.device.type == device",
        "return dtype.is_floating_point and value.device.type == device",
        f"{BLOCKS} -k stays",
    ),
    Fault(
        "autocast: a cast outlives a write", "ownership", DISPATCH,
        "and self.version == storage.version", "and self.version <= storage.version",
        f"{GRADIENTS} -k written",
    ),
    Fault(
        "autocast: a cast without a graph serves", "gradient flow", DISPATCH,
        "and (self.result._rg or not state.enabled)", "and self.result is not None",
        f"{GRADIENTS} -k without_a_graph",
    ),
    Fault(
        "autocast: casts are not forgotten with the block", "ownership", "tritonnn/amp/autocast_mode.py",
        "if autocast_decrement_nesting() == 0:", "if autocast_decrement_nesting() < 0:",
        f"{GRADIENTS} -k 'once or freed'",
    ),
    Fault(
        "autocast: a dtype that is given is overruled", "default", DISPATCH,
        'if kwargs.get("dtype") is not None or', 'if kwargs.get("dtype") is Ellipsis or',
        f"{BLOCKS} -k given_is_kept",
    ),
    Fault(
        "autocast: results with out= are cast", "dtype rule", DISPATCH,
        'if kwargs.get("out") is None:', 'if kwargs.get("out", 0) is not None:',
        f"{BLOCKS} -k 'stays or values'",
    ),
    Fault(
        "autocast: backward follows the policies", "graph", "tritonnn/autograd/engine.py",
        "state.enabled, state.keeps_graph, autocast.on = self.create, self.keep, {}",
        "state.enabled, state.keeps_graph = self.create, self.keep",
        f"{GRADIENTS} -k backward_runs",
    ),
    Fault(
        "autocast: checkpoints compute again without it", "graph", "tritonnn/amp/_settings.py",
        "        self._set()\n        autocast.casts = {}", "        autocast.casts = {}",
        f"{GRADIENTS} -k checkpoints",
    ),
    Fault(
        "autocast: the widest is the lower precision", "dtype rule", DISPATCH,
        "return dtypes.float32 if dtypes.float32 in kinds else lower", "return lower",
        f"{BLOCKS} -k results_are",
    ),
    Fault(
        "autocast: softmax follows no policy on cuda", "dtype rule", TABLE,
        "prod softmax torch_softmax functional_softmax log_softmax", "prod softmax torch_softmax log_softmax",
        f"{BLOCKS} -k 'values or given_is_kept'",
    ),
    Fault(
        "scaler: the step is not left out", "special value", SCALER,
        "            return None\n        return optimizer.step(*args, **kwargs)",
        "            pass\n        return optimizer.step(*args, **kwargs)",
        f"{SCALED} -k by_hand",
    ),
    Fault(
        "scaler: unscaled twice", "state", SCALER,
        '            if state["stage"] is OptState.READY:\n                self.unscale_(optimizer)',
        '            state["stage"] = OptState.READY\n            self.unscale_(optimizer)',
        f"{SCALED} -k clipped",
    ),
    Fault(
        "scaler: infinities of one optimizer alone count", "reduction", SCALER,
        "                total = total + other\n            _amp_update_scale_(",
        "                total = other\n            _amp_update_scale_(",
        f"{SCALED} -k several",
    ),
    Fault(
        "unscale: NaN passes on the CPU", "special value", "cpu_fallback/optimizer/amp.py",
        "bad = bad or not np.isfinite(values).all()", "bad = bad or np.isinf(values).any()",
        f"{SCALED} -k 'by_hand or looked_at'",
    ),
    Fault(
        "unscale: the last block is not looked at", "mask", "kernels/optimizer/amp.py",
        "        bad |= _unscale_block(x, at, at < n, inverse, C)", "        _unscale_block(x, at, at < n, inverse, C)",
        f"{SCALED} -k looked_at",
    ),
    Fault(
        "scale: it grows too late", "schedule", "kernels/optimizer/amp.py",
        "due = count + 1 == interval", "due = count == interval",
        f"{SCALED} -k 'next_scale or by_hand'",
    ),
    Fault(
        "scale: it may become infinite", "special value", "cpu_fallback/optimizer/amp.py",
        "if np.isfinite(grown).all():", "if grown is not None:",
        f"{SCALED} -k next_scale",
    ),
]  # fmt: skip
