"""Host time of GPU ops up to the driver's launch, measured without a GPU.

    python perf/launch.py

The ops run on the driver of tests/fake_cuda: real cuda-bindings, the compiled launch path, kernels that are launched
and never run. What is left is what a call costs the host; the limit aimed at is 8 µs.
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
    x, y = torch.ones(1000).cuda(), torch.ones(1000).cuda()
    a, recorded = torch.ones(32, 32).cuda(), torch.ones(1000).cuda().requires_grad_()
    layer = torch.nn.Linear(32, 32).cuda()
    ops = {
        "empty": lambda: torch.empty(1000, device="cuda"),
        "x + y": lambda: x + y,
        "x + 1.0": lambda: x + 1.0,
        "x.add_(y)": lambda: x.add_(y),
        "exp": lambda: torch.exp(x),
        "exp, graph recorded": lambda: torch.exp(recorded),
        "clone": lambda: x.clone(),
        "sum": lambda: x.sum(),
        "softmax": lambda: torch.softmax(x, 0),
        "a @ a": lambda: a @ a,
        "Linear": lambda: layer(a),
        "rand": lambda: torch.rand(1000, device="cuda"),
    }
    for call in ops.values():
        call(), call()
    driver.fake_silent(1)
    print(f"{'op':22}{'host time':>12}")
    for name, call in ops.items():
        seconds = statistics.median(_time(call) for _ in range(ROUNDS))
        over = "" if seconds * 1e6 <= LIMIT else f"  over {LIMIT:.0f} µs"
        print(f"{name:22}{seconds * 1e6:9.2f} µs{over}", flush=True)


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
