"""A child of the report: prepares, times and checks rows with one library, on orders that come as JSON lines.

An answer is a JSON line, too. After an error the child looks whether its device still answers; where it does not (an
illegal address leaves nothing working in a process), the answer says "ended" and the child ends: whoever asks next
starts a fresh one.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import statistics
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import _results
import _rows
from _maker import Maker

SAMPLE_SECONDS = {"cpu": 0.03, "cuda": 0.01}
MOST_CALLS = {"host": 500, "device": 2000, "cuda": 100}
FLUSH_BYTES = 1 << 27  # at least; twice the cache if that is more
WORTH_FLUSHING = 4  # caches: what moves more finds nothing of the call before in there
WIDER = {"bfloat16": "float32", "float16": "float32", "float32": "float64"}


class Worker:
    """Holds the row being measured.

    Args:
        library: 'tritonnn', 'torch', or 'torch.compile'.
        device: 'cpu' or 'cuda'.
        threads: CPU threads.
        cap: limits extents in a rehearsal, if not 0.
        tune: whether tritonnn measures its configurations before a row is timed.
        package: whose entries' rows, where they are not the library's own.
    """

    def __init__(
        self, library: str, device: str, threads: int = 1, cap: int = 0, tune: bool = False, package: str = ""
    ) -> None:
        self.cap, self.tune = cap, tune and library == "tritonnn"
        self.compile, self.name = library == "torch.compile", library
        self.lib = importlib.import_module("torch" if self.compile else library)
        # Where PyTorch finds no GPU, a rehearsal compares the simulated device with its CPU.
        self.device = "cpu" if cap and library != "tritonnn" and not self.lib.cuda.is_available() else device
        if library != "tritonnn" and device == "cpu":
            self.lib.set_num_threads(threads)
        self.rows = {r.key: r for r in _rows.load(device, package=package)}
        self.row: _rows.Row | None = None
        self.call = _rows.Call(lambda: None)
        self.unit, self.count = "device", 1
        self.events: list[tuple[Any, Any]] = []
        self.cache, self.flushed, self.buffer = 0, False, None
        self.first: list[Any] = []  # what is compared of the first call's result
        self.last: Any = None  # the last timed call's result

    def environment(self) -> dict[str, Any]:
        """What this library is and runs on."""
        import numpy as np

        facts: dict[str, Any] = {
            "python": sys.version.split()[0], "numpy": np.__version__, "library": self.lib.__version__,
            "blas": blas_architecture(),
        }  # fmt: skip
        if self.device == "cuda":
            properties = self.lib.cuda.get_device_properties(0)
            facts["gpu"] = properties.name
            facts["gpu memory"] = properties.total_memory
            facts["multiprocessors"] = properties.multi_processor_count
            self.cache = properties.L2_cache_size
            facts["L2 cache"] = self.cache
        return facts

    def warm(self, key: str) -> dict[str, Any]:
        """Compile what a row calls, so that the next process finds it on the disk."""
        self.release()
        started = time.perf_counter()
        self._set_up(self.rows[key])()
        self._wait()
        self.release()
        return {"first_call": time.perf_counter() - started}

    def prepare(self, key: str, results: str = "") -> dict[str, Any]:
        """Make a row's inputs, compile and tune what it calls, and find what memory a call needs.

        With `results`, the start of a file name, what comes out is kept there: PyTorch's with a reference in a wider
        type.
        """
        self.release()
        r = self.rows[key]
        facts: dict[str, Any] = {}
        if results and self.name == "torch" and r.compare in ("values", "mean") and r.dtype in WIDER:
            facts |= self._reference(r, f"{results}.reference")
        if self.device == "cuda":
            self.lib.cuda.reset_peak_memory_stats()
        call = self._set_up(r)
        started = time.perf_counter()
        if self.tune and r.unit == "device":
            self.lib.autotune(call)
            call = self._set_up(r) if call.changes else call
        looked = call.look(call())
        self._wait()
        facts["first_call"] = time.perf_counter() - started
        if self.device == "cuda":
            facts["peak"] = self.lib.cuda.max_memory_allocated()
        self.row, self.call, self.unit = r, call, r.unit
        if results and r.compare:
            _results.save(self.lib, looked, f"{results}.first.{self.name}")
            if r.compare == "values" and not call.changes and self.name == "tritonnn":
                self.first = _results.flat(self.lib, looked)
        del looked
        self.flushed = self.device == "cuda" and 0 < r.nbytes < WORTH_FLUSHING * max(self.cache, 1 << 20)
        return facts | self._memory()

    def calibrate(self) -> dict[str, Any]:
        """Find how many calls make a sample, with nothing else running."""
        self.count = 1
        once = min(self._sample() for _ in range(3))
        budget = 0 if self.cap else SAMPLE_SECONDS["cuda" if self.device == "cuda" else "cpu"]
        most = MOST_CALLS["cuda" if self._by_events() else self.unit]
        self.count = max(1, min(int(budget / max(once, 1e-7)), most))
        self._sample()
        return {"calls": self.count}

    def measure(self) -> dict[str, Any]:
        """Seconds a call: on a GPU the median of one sample's calls, elsewhere their mean."""
        return {"seconds": self._sample()}

    def check(self, results: str) -> dict[str, Any]:
        """Keep what the last timed call gave, and count its elements that are not the first call's."""
        assert self.row is not None
        if not self.row.compare:
            return {}
        if self.call.changes:
            self.call = self._set_up(self.row)
            self.last = self.call()
        looked = self.call.look(self.last)
        self._wait()
        _results.save(self.lib, looked, f"{results}.again.{self.name}")
        if not self.first:
            return {}
        return {"changed": _results.changed(self.lib, self.first, _results.flat(self.lib, looked))}

    def release(self) -> dict[str, Any]:
        """Drop a row's tensors."""
        self.row, self.call, self.last = None, _rows.Call(lambda: None), None
        self.first = []
        if self.compile:
            # Else a function met again with other shapes is compiled for any shape, or not at all.
            self.lib._dynamo.reset()
        gc.collect()
        if self.device == "cuda" and hasattr(self.lib.cuda, "empty_cache"):
            self.lib.cuda.empty_cache()
        return {}

    def healthy(self) -> bool:
        """Whether the device still answers: after a fault in a kernel nothing in this process works."""
        try:
            self._wait()
            return self.device == "cpu" or float(self.lib.ones(8, device=self.device).sum()) == 8.0
        except Exception:
            return False

    def _set_up(self, r: _rows.Row, wider: str = "") -> _rows.Call:
        """The row's call, with its inputs in a wider type if one is named."""
        if hasattr(self.lib, "set_float32_matmul_precision"):
            self.lib.set_float32_matmul_precision("highest" if wider else r.precision)
        if self.name != "tritonnn" and self.device == "cuda":
            self.lib.backends.cudnn.allow_tf32 = not wider
        compiler = None if wider else self._compiler()
        call = r.setup(self.lib, Maker(self.lib, self.device, r.dtype, self.cap, compiler, wider))
        return call if isinstance(call, _rows.Call) else _rows.Call(call)

    def _reference(self, r: _rows.Row, path: str) -> dict[str, Any]:
        """Keep what the row gives in a wider type; a row without one is compared with PyTorch itself."""
        try:
            call = self._set_up(r, WIDER[r.dtype])
            _results.save(self.lib, call.look(call()), path)
            return {"reference": WIDER[r.dtype]}
        except Exception as error:
            return {"no reference": first_line(error)}
        finally:
            self.release()

    def _compiler(self) -> Callable | None:
        if not self.compile:
            return None
        functorch = importlib.import_module("torch._functorch.config")
        functorch.donated_buffer = False  # a backward that is called more than once must keep what was saved
        return lambda function: self.lib.compile(function, dynamic=False)

    def _memory(self) -> dict[str, Any]:
        """Bytes that a call needs at its peak, beyond what is there before it."""
        if self.device == "cpu" or self.unit != "device":
            return {}
        cuda = self.lib.cuda
        gc.collect()
        cuda.reset_peak_memory_stats()
        before = cuda.memory_allocated()
        result = self.call()
        self._wait()
        del result
        return {"memory": cuda.max_memory_allocated() - before}

    def _wait(self) -> None:
        if self.device == "cuda":
            self.lib.cuda.synchronize()

    def _by_events(self) -> bool:
        return self.device == "cuda" and self.unit == "device"

    def _flush(self) -> None:
        """Write over the GPU's cache, so that a call does not find there what the last one left."""
        if self.buffer is None:
            size = max(FLUSH_BYTES, 2 * self.cache) if not self.cap else 1024
            self.buffer = self.lib.empty(size // 4, dtype=self.lib.int32, device=self.device)
        self.buffer.zero_()

    def _sample(self) -> float:
        call, result = self.call.call, None
        if self._by_events():
            return self._sample_by_events(call)
        self._wait()
        gc.disable()
        started = time.perf_counter()
        for _ in range(self.count):
            result = call()
        seconds = time.perf_counter() - started
        gc.enable()
        self._wait()
        self.last = result
        return seconds / self.count

    def _sample_by_events(self, call: Callable[[], Any]) -> float:
        while len(self.events) < self.count:
            self.events.append((self._event(), self._event()))
        self.last = None
        self._wait()
        gc.disable()
        for start, end in self.events[: self.count]:
            self.last = None
            if self.flushed:
                self._flush()
            start.record()
            self.last = call()
            end.record()
        gc.enable()
        self._wait()
        return statistics.median(a.elapsed_time(b) for a, b in self.events[: self.count]) / 1000

    def _event(self) -> Any:
        return self.lib.cuda.Event(enable_timing=True)


def blas_architecture() -> str:
    """The kernels that NumPy's OpenBLAS chose for this processor; '' where another BLAS is behind it."""
    import ctypes

    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        return ""
    for path in sorted({line.split()[-1] for line in maps.splitlines() if "openblas" in line}):
        library = ctypes.CDLL(path)
        for symbol in (
            "scipy_openblas_get_corename64_",
            "scipy_openblas_get_corename",
            "openblas_get_corename",
        ):
            with contextlib.suppress(AttributeError):
                function = getattr(library, symbol)
                function.restype = ctypes.c_char_p
                return function().decode()
    return ""


def first_line(error: Exception) -> str:
    """An error on one line."""
    text = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {text[0]}"


def end_with_parent() -> None:
    """Leave when the driving process has gone: a call that hangs would keep the GPU."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """Answer orders until the input ends, or the device."""
    end_with_parent()
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    worker = Worker(**json.loads(sys.argv[1]))
    print(json.dumps(worker.environment()), file=replies, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = getattr(worker, order.pop("do"))(**order)
        except Exception as error:
            answer = {"error": first_line(error), "trace": traceback.format_exc()}
            answer["ended"] = not worker.healthy()
        print(json.dumps(answer), file=replies, flush=True)
        if answer.get("ended"):
            break


if __name__ == "__main__":
    main()
