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

pytest.register_assert_rewrite("tritonnn.testing.generated")


def pytest_configure():
    """Tests that go through the op table see all of it."""
    from tritonnn.ops import whole

    whole()


@pytest.fixture(autouse=True)
def _seeded():
    """Every test starts from the same random numbers."""
    import tritonnn as torch

    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = False  # results are compared with those of float32
    yield
    torch.set_grad_enabled(True)


@pytest.fixture
def forget_launches(monkeypatch):
    """For tests that patch what launches depend on: none is repeated from before, none is left behind.

    Called, it forgets what the test itself has launched so far.
    """
    from tritonnn.kernels.launch.launch import forget_plans

    forget_plans()
    yield forget_plans
    forget_plans()


@pytest.fixture
def offsets_of_width(monkeypatch, forget_launches):
    """offsets_of_width(module, wide, call) is what `call` returns with the module's offsets in 64 or 32 bits."""

    def run(module, wide, call):
        widths, launch = set(), module.launch

        def noted(*args, **options):
            widths.add(options["INT64"])
            launch(*args, **options)

        forget_launches()
        with monkeypatch.context() as patch:
            patch.setattr(module, "needs_int64", lambda *_: wide)
            patch.setattr(module, "launch", noted)
            result = call()
        assert widths == {wide}
        return result

    return run
