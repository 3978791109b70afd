"""Without Triton: everything is imported, the CPU computes, and what asks for `cuda` names the extra.

Each test is a program that cannot import Triton and cuda-bindings, installed or not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tritonnn

# An import that fails as if the packages were not there; a finder before all others sees to it.
BLOCK = """
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("triton", "cuda"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""
INSTALL = "pip install 'tritonnn[cuda]'" + ("" if sys.platform == "linux" else " has them on Linux")
CALLS = [
    "torch.ones(1).cuda()",
    "torch.ones(1, device='cuda')",
    "torch.tensor([1.0], device='cuda:0')",
    "torch.nn.Linear(1, 1).to('cuda')",
    "torch.cuda.synchronize()",
    "torch.cuda.init()",
    "torch.cuda.current_stream()",
    "torch.cuda.get_device_name()",
    "torch.cuda.mem_get_info()",
    "torch.cuda.FloatTensor(1)",
]


def run(code: str, interpret: str = "0", cwd: Path | None = None) -> list[str]:
    environ = {**os.environ, "TRITON_INTERPRET": interpret, "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-W", "ignore", "-c", BLOCK + code]
    done = subprocess.run(command, env=environ, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("interpret", "needs"),
    [
        ("0", "the device 'cuda' needs triton and cuda-bindings, which are not installed: "),
        ("1", "the simulated cuda device (TRITON_INTERPRET=1) needs triton, which is not installed: "),
    ],
)
def test_what_asks_for_cuda_names_the_extra(interpret: str, needs: str) -> None:
    lines = [f"try: {call}\nexcept RuntimeError as e: print(e)\nelse: print('no error')" for call in CALLS]
    asked = "print(torch.cuda.is_available(), torch.cuda.device_count(), torch.accelerator.is_available())"
    available, *texts = run("\n".join(["import tritonnn as torch", asked, *lines]), interpret)
    assert available == "False 0 False"
    assert texts == [needs + INSTALL] * len(CALLS)


def test_commands_name_what_they_need() -> None:
    """One line, not a traceback."""
    told = """
for package in ("tabulate",): sys.modules[package] = None
from tritonnn.kernels.check.compile import main as compile_kernels
from tritonnn._command import main
for command in (compile_kernels, lambda _: main(["summary", "tritonnn.nn:ReLU", "--input", "2"])):
    try: command([])
    except SystemExit as end: print(end)
"""
    assert run(told) == [
        "python -m tritonnn.kernels.check: the compilation of kernels needs triton, which is not installed: "
        + INSTALL,
        "tritonnn summary: the table of a summary needs the package tabulate: pip install 'tritonnn[report]'",
    ]


@pytest.mark.parametrize("interpret", ["0", "1"])
def test_questions_have_answers(interpret: str) -> None:
    """What programs ask before they choose a device does not fail."""
    assert run(
        """
import tritonnn as torch
torch.manual_seed(1), torch.cuda.manual_seed_all(1), torch.cuda.empty_cache(), torch.amp.GradScaler()
print(torch.cuda.memory_allocated(), torch.cuda.is_bf16_supported(), torch.cuda.get_arch_list())
print(torch.backends.cuda.preferred_linalg_library(), torch.device("cuda", 0))
print(torch.compile(torch.add)(torch.ones(1), 1), torch.autotune(torch.add, torch.ones(1), 1))
from tritonnn import *
""",
        interpret,
    ) == ["0 False []", "default cuda:0", "tensor([2.]) tensor([2.])"]


def test_every_module_but_the_kernels_is_imported() -> None:
    """In the package as it stands: a source tree, or what is installed."""
    home = Path(tritonnn.__file__).parent
    names = [
        ".".join(("tritonnn", *path.relative_to(home).with_suffix("").parts)).removesuffix(".__init__")
        for path in sorted(home.rglob("*.py"))
        if path.relative_to(home).parts[0] not in ("kernels", "_shim")
        and path.stem != "__main__"
        # for those who write kernels, and what needs another extra
        and path.stem not in ("_by_tensorboard", "_by_tensorboardx")
        and path.relative_to(home) != Path("library", "kernels.py")
    ]
    assert len(names) > 300
    code = f"""
import importlib
for name in {names!r}:
    try: importlib.import_module(name)
    except ImportError as error:  # what needs another extra names that
        assert "pip install 'tritonnn[" in str(error) and "[cuda]" not in str(error), (name, error)
print("all")
"""
    assert run(code) == ["all"]


# Names that Windows does not have, and those of them that macOS does not have either.
WINDOWS = (
    "fork forkpty register_at_fork O_NOFOLLOW O_NONBLOCK O_SYNC sysconf getuid geteuid getpgid killpg pread pwrite "
    "preadv pwritev mkfifo uname statvfs wait4 WNOHANG sched_getaffinity memfd_create posix_fadvise getloadavg"
)
MACOS = "sched_getaffinity memfd_create posix_fadvise preadv2"
MODULES = {"windows": "fcntl resource pwd grp termios tty pty posix syslog", "macos": ""}


@pytest.mark.parametrize(("system", "names"), [("windows", WINDOWS), ("macos", MACOS)])
def test_what_other_systems_lack_is_not_needed(system: str, names: str, tmp_path: Path) -> None:
    """On Linux, with those names taken away before the library is imported."""
    code = f"""
import mmap, multiprocessing, os, sys, time, pathlib, subprocess, tempfile, shutil, zipfile, random, asyncio
import numpy, ml_dtypes, safetensors.numpy  # which have versions of their own for each system
for name in {names.split()!r}:
    if hasattr(os, name): delattr(os, name)
for name in dir(mmap):
    if {system!r} == "windows" and name.startswith(("MAP_", "PROT_")) or name == "MAP_POPULATE": delattr(mmap, name)
for name in {MODULES[system].split()!r}:
    sys.modules[name] = None

import tritonnn as torch
from tritonnn import nn
from tritonnn.utils import safetensors
from tritonnn.utils.data import DataLoader, TensorDataset

model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
optimizer = torch.optim.Adam(model.parameters())
loader = DataLoader(TensorDataset(torch.randn(8, 2), torch.randn(8, 1)), batch_size=4, shuffle=True)
for x, y in loader:
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x), y).backward()
    optimizer.step()
for _ in range(2):  # a new file, and one in the place of another
    torch.save(model.state_dict(), "model.pt")
    safetensors.save_file(model.state_dict(), "model.safetensors")
model.load_state_dict(torch.load("model.pt"))
assert torch.load("model.pt", mmap=True)["0.weight"].equal(model[0].weight)
assert safetensors.load_file("model.safetensors")["0.weight"].equal(model[0].weight)
storage = torch.UntypedStorage.from_file("raw.bin", shared=True, nbytes=8)
shared = torch.ones(3).share_memory_()
assert len(list(DataLoader(TensorDataset(torch.zeros(10000, 2)), batch_size=5000, num_workers=1))) == 2
with torch.profiler.profile(profile_memory=True) as profiler:
    shared + shared
from tritonnn.profiler._totals import peaks
print(sorted(os.listdir(".")), len(peaks()), torch.cuda.is_available())
from tritonnn import collect_env
assert dict(collect_env.collect())["GPU"] == "none found"
"""
    if system == "windows":  # fork is what this system's workers are started with
        code = code.replace(", num_workers=1", "")
    peaks = 0 if system == "windows" else 1
    assert run(code, cwd=tmp_path)[0] == f"['model.pt', 'model.safetensors', 'raw.bin'] {peaks} False"
