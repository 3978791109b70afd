"""A child of the report: prepares and times rows with one library, on orders that come as JSON lines."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import _rows

SAMPLE_SECONDS = {"cpu": 0.03, "cuda": 0.01}
RANDOM_ELEMENTS = 1 << 22


class Maker:
    """Random tensors of a library on a device.

    Large ones repeat a block of 4 M random numbers: drawing gigabytes would take longer than measuring them.
    `cap`, if not 0, limits every extent: a rehearsal where there is nothing to measure.
    """

    def __init__(self, lib: Any, device: str, dtype: str, cap: int = 0) -> None:
        import numpy as np

        self.lib, self.device, self.dtype, self.cap = lib, device, getattr(lib, dtype), cap
        self._numpy, self._random = np, np.random.default_rng(0)

    def __call__(
        self,
        *shape: Any,
        dtype: Any = None,
        low: float = -2.0,
        high: float = 2.0,
        requires_grad: bool = False,
    ) -> Any:
        """A tensor with uniform values between `low` and `high`; `dtype` by name."""
        np, shape = self._numpy, self._shape(shape)
        count = int(np.prod(shape, dtype=np.int64))
        block = self._random.random(min(count, RANDOM_ELEMENTS), dtype=np.float32) * (high - low) + low
        made = self._place(np.resize(block.astype(np.float32), shape), dtype)
        return made.requires_grad_() if requires_grad else made

    def int(self, *shape: Any, low: int = 0, high: int = 4, dtype: str = "int64") -> Any:
        """Whole numbers with low <= x < high."""
        values = self._random.integers(low, high, self._shape(shape))
        return self._place(values, dtype)

    def bool(self, *shape: Any) -> Any:
        """Truth values."""
        return self._place(self._random.random(self._shape(shape)) < 0.5, "bool")

    def _shape(self, shape: tuple) -> tuple:
        shape = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else tuple(shape)
        return tuple(min(extent, self.cap) for extent in shape) if self.cap else shape

    def _place(self, array: Any, dtype: Any) -> Any:
        wanted = (
            self.dtype if dtype is None else getattr(self.lib, dtype) if isinstance(dtype, str) else dtype
        )
        return self.lib.from_numpy(array).to(self.device).to(wanted)


class Worker:
    """Holds the row being measured."""

    def __init__(self, library: str, device: str, threads: int, cap: int) -> None:
        self.cap = cap
        self.device, self.compile = device, library == "torch.compile"
        self.name = library
        self.lib = importlib.import_module("torch" if self.compile else library)
        if library != "tritonnn" and device == "cpu":
            self.lib.set_num_threads(threads)
        self.rows = {r.key: r for r in _rows.load(device)}
        self.call: Callable[[], Any] | None = None
        self.unit, self.count = "device", 1

    def environment(self) -> dict[str, Any]:
        """What this library is and runs on."""
        import numpy as np

        found: dict[str, Any] = {
            "python": sys.version.split()[0], "numpy": np.__version__, "library": self.lib.__version__,
            "blas": blas_architecture(),
        }  # fmt: skip
        if self.device == "cuda":
            properties = self.lib.cuda.get_device_properties(0)
            found["gpu"] = properties.name
            found["gpu memory"] = properties.total_memory
            found["multiprocessors"] = properties.multi_processor_count
        return found

    def prepare(self, key: str) -> dict[str, Any]:
        """Make a row's inputs, warm up, and find how many calls make a sample."""
        self.release()
        r = self.rows[key]
        if self.compile and (r.unit != "device" or r.family == "roof"):
            raise NotImplementedError("not measured with torch.compile")
        call = r.setup(self.lib, Maker(self.lib, self.device, r.dtype, self.cap))
        self.call = self.lib.compile(call) if self.compile else call
        self.unit = r.unit
        started = time.perf_counter()
        self.call()
        self._wait()
        first = time.perf_counter() - started
        self.count = 1
        once = min(self._sample() for _ in range(3))
        budget = 0 if self.cap else SAMPLE_SECONDS[self.device]
        self.count = max(1, min(int(budget / max(once, 1e-7)), 500 if self.unit == "host" else 2000))
        self._sample()
        return {"first_call": first, "calls": self.count}

    def measure(self) -> dict[str, Any]:
        """Seconds a call, the mean over one sample."""
        return {"seconds": self._sample()}

    def release(self) -> dict[str, Any]:
        """Drop a row's tensors."""
        self.call = None
        gc.collect()
        if self.device == "cuda" and hasattr(self.lib.cuda, "empty_cache"):
            self.lib.cuda.empty_cache()
        return {}

    def _wait(self) -> None:
        if self.device == "cuda":
            self.lib.cuda.synchronize()

    def _sample(self) -> float:
        call, count = self.call, self.count
        assert call is not None
        if self.device == "cuda" and self.unit == "device":
            start, end = (self.lib.cuda.Event(enable_timing=True) for _ in range(2))
            self._wait()
            start.record()
            for _ in range(count):
                call()
            end.record()
            self._wait()
            return start.elapsed_time(end) / count / 1000
        self._wait()
        gc.disable()
        started = time.perf_counter()
        for _ in range(count):
            call()
        seconds = time.perf_counter() - started
        gc.enable()
        self._wait()
        return seconds / count


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


def main() -> None:
    """Answer orders until the input ends."""
    library, device, threads, cap = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    worker = Worker(library, device, threads, cap)
    print(json.dumps(worker.environment()), file=replies, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = getattr(worker, order.pop("do"))(**order)
        except Exception as error:
            text = str(error).splitlines() or [""]
            answer = {"error": f"{type(error).__name__}: {text[0]}", "trace": traceback.format_exc()}
        print(json.dumps(answer), file=replies, flush=True)


if __name__ == "__main__":
    main()
