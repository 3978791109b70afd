"""Host time of GPU ops up to the driver's launch, measured without a GPU.

    python perf/launch.py

The ops run on the driver of tests/fake_cuda: real cuda-bindings, the compiled launch path, kernels that are launched
and never run. What is left is what a call costs the host: from the call to the launch, for which the limit aimed at
is 8 µs, and in all, with what follows the launch (recording the graph, giving back the memory of the result). The
ops are those of perf/rows/launches.py, which the report measures on a GPU, with PyTorch's times beside them.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import _rows
from _maker import Maker

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 8.0
CALLS, ROUNDS = 2000, 7


def main() -> int:
    """Build the fake driver and measure in a process that finds it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        print("perf/launch.py needs a C compiler", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "libcuda.so.1"
        flags = ["-shared", "-fPIC", "-O2", "-w", "-Wl,-soname,libcuda.so.1", "-o", str(library)]
        subprocess.run(
            [compiler, *flags, str(ROOT / "tests/fake_cuda/libcuda.c"), "-ldl", "-lpthread"], check=True
        )
        env = {k: v for k, v in os.environ.items() if k not in ("TRITON_INTERPRET", "TRITONNN_NAN_POISON")}
        env |= {"LD_LIBRARY_PATH": folder, "TRITON_LIBCUDA_PATH": folder, "PYTHONPATH": str(ROOT)}
        return subprocess.run([sys.executable, __file__, "child"], env=env, check=False).returncode


def measure() -> None:
    """Print one line per op."""
    import ctypes
    import warnings

    import tritonnn as torch

    warnings.simplefilter("ignore")
    driver = ctypes.CDLL("libcuda.so.1")
    make = Maker(torch, "cuda", "float32")
    ops = {r.name: r.setup(torch, make) for r in _rows.load("cuda", {"launch overhead"})}
    for call in ops.values():
        call(), call()
    driver.fake_silent(1)
    driver.fake_launched.restype = ctypes.c_int64
    print(f"{'op':24}{'to the launch':>15}{'in all':>12}")
    for name, call in ops.items():
        before = driver.fake_launched()
        call()
        launches = driver.fake_launched() != before
        until = (
            statistics.median(_until(call, driver.fake_launched) for _ in range(ROUNDS)) if launches else 0
        )
        seconds = statistics.median(_time(call) for _ in range(ROUNDS))
        over = "" if until * 1e6 <= LIMIT else f"  over {LIMIT:.0f} µs"
        first = f"{until * 1e6:12.2f} µs" if launches else f"{'-':>15}"
        print(f"{name:24}{first}{seconds * 1e6:9.2f} µs{over}", flush=True)


def _until(call, launched) -> float:
    """Median seconds from a call to the driver's last launch in it."""
    return statistics.median(_once(call, launched) for _ in range(CALLS)) * 1e-9


def _once(call, launched) -> int:
    started = time.perf_counter_ns()
    call()
    return launched() - started


def _time(call) -> float:
    started = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - started) / CALLS


if __name__ == "__main__":
    if sys.argv[1:] == ["child"]:
        measure()
    else:
        sys.exit(main())
