"""The devices tests run on: the CPU and a GPU, simulated by Triton's interpreter where there is none."""

from __future__ import annotations

import os

import pytest


def _gpu_present() -> bool:
    return os.path.exists("/dev/nvidiactl") and os.environ.get("CUDA_VISIBLE_DEVICES") != ""


if not _gpu_present():
    os.environ.setdefault("TRITON_INTERPRET", "1")

os.environ.setdefault("TRITONNN_NAN_POISON", "1")  # an element that a kernel forgets to write shows as NaN

DEVICES = ("cpu", "cuda")


@pytest.fixture(autouse=True)
def _seeded():
    """Every test starts from the same random numbers."""
    import tritonnn as torch

    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = False  # results are compared with those of float32
    yield
    torch.set_grad_enabled(True)
