"""Host time of GPU ops up to the driver's launch, measured without a GPU.

    python perf/launch.py

The ops run on the driver of tests/fake_cuda: real cuda-bindings, the compiled launch path, kernels that are launched
and never run. What is left is what a call costs the host: from the call to the last launch, for which the limits aimed
at are 5 µs for one launch and 8 for two, and in all, with what follows the launch (recording the graph, giving back the
memory of the result). Beside them stand how many times that is of a bare call of Triton's launcher, which no Python can
avoid, and the Python functions that a call goes through: these do not depend on the machine. The ops are those of
perf/rows/launches.py, which the report measures on a GPU, with PyTorch's times beside them.
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
LIMITS = {1: 5.0, 2: 8.0}  # µs, by the number of launches
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
    driver.fake_launches.restype = ctypes.c_int64
    bare = min(_time(bare_launch(torch)) for _ in range(ROUNDS))
    print(f"a bare call of the launcher: {bare * 1e6:.2f} µs")
    print(
        f"{'op':24}{'to the launch':>15}{'bare calls':>12}{'in all':>12}{'launches':>10}{'Python calls':>14}"
    )
    for name, call in ops.items():
        before = driver.fake_launches()
        call()
        launches = driver.fake_launches() - before
        until = min(_until(call, driver.fake_launched) for _ in range(ROUNDS)) if launches else 0.0
        seconds = min(_time(call) for _ in range(ROUNDS))
        limit = LIMITS.get(launches, until * 1e6)
        over = "" if until * 1e6 <= limit else f"  over {limit:.0f} µs"
        first = f"{until * 1e6:12.2f} µs{until / bare:12.1f}" if launches else f"{'-':>15}{'-':>12}"
        print(
            f"{name:24}{first}{seconds * 1e6:9.2f} µs{launches:10}{python_calls(call):14}{over}", flush=True
        )


def bare_launch(torch):
    """What launches the kernel of `exp` with everything worked out before."""
    from tritonnn.ops._table import OPS

    x = torch.empty(1000, device="cuda")
    torch.exp(x), torch.exp(x)
    out, (found,) = torch.empty_like(x), OPS["exp"].launches.values()
    ((launcher, args, filling),) = found.launch.variants()
    args = args.copy()
    for at, pick in filling:
        args[at] = pick((out.data_ptr(), x.data_ptr()))
    return lambda: launcher(0, found.launch.grid, args)


def python_calls(call) -> int:
    """Python functions that a call goes through, itself among them."""
    calls = 0

    def count(frame, event, argument) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    call()
    sys.setprofile(None)
    return calls


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
