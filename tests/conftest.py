"""The devices tests run on: the CPU and a GPU, simulated by Triton's interpreter where there is none."""

from __future__ import annotations

import importlib.util
import os

import pytest


def _gpu_present() -> bool:
    return os.path.exists("/dev/nvidiactl") and os.environ.get("CUDA_VISIBLE_DEVICES") != ""


KERNELS = importlib.util.find_spec("triton") is not None
if KERNELS and not _gpu_present():
    os.environ.setdefault("TRITON_INTERPRET", "1")

os.environ.setdefault("TRITONNN_NAN_POISON", "1")  # an element that a kernel forgets to write shows as NaN

DEVICES = ("cpu", "cuda")
collect_ignore = [] if KERNELS else ["kernels", "fake_cuda", "nvidia"]

pytest.register_assert_rewrite("tritonnn.testing.generated")


def pytest_configure():
    """Tests that go through the op table see all of it."""
    from tritonnn.ops import whole

    whole()


def pytest_report_header():
    """Which library is tested, and that its kernels are not where they cannot be."""
    import tritonnn

    without = "" if KERNELS else "; Triton is not installed: tests of kernels are deselected"
    return f"tritonnn: {os.path.dirname(tritonnn.__file__)}{without}"


def pytest_collection_modifyitems(config, items):
    """Without Triton there is no `cuda`, real or simulated: tests on it, and those marked `kernels`, are deselected."""
    if KERNELS:
        return

    def needs_kernels(item):
        given = getattr(item, "callspec", None)
        on_gpu = given is not None and "cuda" in [v for v in given.params.values() if isinstance(v, str)]
        return on_gpu or item.get_closest_marker("kernels") is not None

    left_out = [item for item in items if needs_kernels(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not needs_kernels(item)]


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
    """offsets_of_width(modules, wide, call) is what `call` returns with the modules' offsets in 64 or 32 bits."""

    def run(modules, wide, call):
        modules = modules if isinstance(modules, tuple) else (modules,)
        widths, launch = set(), modules[0].launch

        def noted(*args, **options):
            widths.add(options["INT64"])
            launch(*args, **options)

        forget_launches()
        with monkeypatch.context() as patch:
            for module in modules:
                patch.setattr(module, "needs_int64", lambda *_: wide)
                patch.setattr(module, "launch", noted)
            result = call()
        assert widths == {wide}
        return result

    return run
