"""Running scripts on a CUDA driver over host memory: real cuda-bindings, real Triton launcher, no GPU.

The driver in libcuda.c refuses what a real one refuses and logs what is queued. Each script is a process of its
own, since a driver is loaded once and forever.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DROPPED = (
    "TRITON_INTERPRET",
    "TRITON_DEFAULT_FP_FUSION",
    "CUDA_VISIBLE_DEVICES",
    "TRITONNN_NAN_POISON",
    "TRITONNN_SIMULATED_DEVICES",
)
COMPILER = shutil.which("cc") or shutil.which("gcc")

PRELUDE = """
import ctypes, gc, os, sys, warnings
import numpy as np
from tritonnn.runtime.interface import OutOfMemoryError, runtime
rt = runtime()
fake = ctypes.CDLL("libcuda.so.1")
fake.fake_log.restype = ctypes.c_char_p
def log():
    text = fake.fake_log().decode().splitlines()
    fake.fake_log_clear()
    return text
def raises(kind, words, call):
    try:
        call()
    except kind as error:
        assert words in str(error), str(error)
        return str(error)
    raise AssertionError(f"{kind.__name__} with {words!r} was not raised")
"""


def build(source: Path, target: Path) -> None:
    """Compile C into a shared library of the target's name."""
    flags = ["-shared", "-fPIC", "-O1", "-w", f"-Wl,-soname,{target.name}"]
    subprocess.run([str(COMPILER), *flags, "-o", target, source, "-ldl", "-lpthread"], check=True)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the fake libcuda.so.1."""
    if COMPILER is None:
        pytest.skip("needs a C compiler to build the fake driver")
    if importlib.util.find_spec("cuda") is None or importlib.util.find_spec("cuda.bindings") is None:
        pytest.skip("needs cuda-bindings")
    folder = tmp_path_factory.mktemp("fake_cuda")
    build(HERE / "libcuda.c", folder / "libcuda.so.1")
    return folder


@pytest.fixture
def nvml(library: Path, tmp_path: Path) -> Path:
    """A folder with the fake driver and an NVML that counts three GPUs."""
    shutil.copy(library / "libcuda.so.1", tmp_path)
    source = tmp_path / "nvml.c"
    source.write_text(
        "int nvmlInit_v2(void) { return 0; }\n"
        "int nvmlShutdown(void) { return 0; }\n"
        "int nvmlDeviceGetCount_v2(unsigned *count) { *count = 3; return 0; }\n"
    )
    build(source, tmp_path / "libnvidia-ml.so.1")
    return tmp_path


@pytest.fixture
def gpu(library: Path, tmp_path: Path):
    """Run a script on the fake driver; environment variables by keyword. Returns what it printed."""

    def run(
        script: str, prelude: str = PRELUDE, folder: Path = library, seconds: float = 110, **environment: str
    ) -> str:
        env = {k: v for k, v in os.environ.items() if k not in DROPPED}
        env |= {
            "LD_LIBRARY_PATH": str(folder),
            "TRITON_LIBCUDA_PATH": str(folder),
            "TRITON_CACHE_DIR": str(tmp_path / "triton"),
            **environment,
        }
        # Triton warns where it is not told whether to fuse products and sums: every launch has to say so
        strict = ["-W", "error::ResourceWarning", "-W", "error:TRITON_DEFAULT_FP_FUSION"]
        done = subprocess.run(
            [sys.executable, *strict, "-c", prelude + textwrap.dedent(script)],
            env=env, capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
