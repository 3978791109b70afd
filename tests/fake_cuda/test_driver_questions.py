"""What programs ask the driver and NVIDIA's management library for, on fakes of both."""

from __future__ import annotations

from pathlib import Path

import fake_gpu
import pytest

library, nvml, gpu = fake_gpu.library, fake_gpu.nvml, fake_gpu.gpu

NVML = r"""
#include <string.h>
typedef struct { unsigned gpu, memory; } Rates;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned pid; unsigned long long used; unsigned instance, compute; } Process;
static int opened = 0;
int nvmlInit_v2(void) { opened++; return 0; }
int nvmlShutdown(void) { opened--; return 0; }
int fake_opened(void) { return opened; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *place, void **handle) {
    if (strlen(place) != 16 || strcmp(place + 13, ".0") < 0) return 2;
    *handle = (void *)7; return 0; }
#define MINE if (handle != (void *)7) return 2
int nvmlDeviceGetUtilizationRates(void *handle, Rates *r) { MINE; r->gpu = 81; r->memory = 34; return 0; }
int nvmlDeviceGetMemoryInfo(void *handle, Memory *m) { MINE; m->total = 100; m->free = 58; m->used = 42; return 0; }
int nvmlDeviceGetTemperature(void *handle, int kind, unsigned *t) { MINE; if (kind) return 2; *t = 55; return 0; }
int nvmlDeviceGetPowerUsage(void *handle, unsigned *p) { MINE; *p = 123456; return 0; }
int nvmlDeviceGetClockInfo(void *handle, int kind, unsigned *c) { MINE; if (kind != 1) return 2; *c = 1980; return 0; }
int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *count, Process *rows) {
    MINE;
    if (*count < 2) { *count = 2; return 7; }
    *count = 2; rows[0].pid = 11; rows[0].used = 1 << 20; rows[1].pid = 12; rows[1].used = 3 << 20; return 0; }
"""


@pytest.fixture
def answering(nvml: Path) -> Path:
    """A folder with an NVML that answers questions about one GPU."""
    (nvml / "nvml.c").write_text(NVML)
    (nvml / "libnvidia-ml.so.1").unlink()
    fake_gpu.build(nvml / "nvml.c", nvml / "libnvidia-ml.so.1")
    return nvml


def test_version_of_the_driver(gpu) -> None:
    gpu("""
        import tritonnn as torch
        assert torch.version.cuda == "13.0" and not rt.is_initialized()
    """)
    gpu("""
        import tritonnn as torch
        assert torch.version.cuda is None
    """, FAKE_CUDA_DEVICES="0")  # fmt: skip


def test_switches_of_a_profiler(gpu) -> None:
    gpu("""
        import tritonnn as torch
        with torch.cuda.profiler.profile():
            log_within = log()
        assert "profiler start" in log_within, log_within
        assert log() == ["profiler stop"]
        free, total = torch.cuda.cudart().cudaMemGetInfo(0)
        assert 0 < free <= total == torch.cuda.get_device_properties(0).total_memory
        raises(AttributeError, "cudart().cudaHostRegister", lambda: torch.cuda.cudart().cudaHostRegister)
        assert torch.cuda.get_gencode_flags() == "-gencode compute=compute_90,code=sm_90"
        assert len(torch.cuda.default_generators) == torch.cuda.device_count()
        assert torch.cuda.default_generators[0].device == torch.device("cuda", 0)
        stream = torch.cuda.Stream()
        assert torch.cuda.get_stream_from_external(stream.cuda_stream) == stream
        assert torch._C._cuda_getCurrentRawStream(0) == torch.cuda.current_stream().cuda_stream
        assert not torch._C._cuda_isInBadFork() and not torch.cuda._is_in_bad_fork()
        child = os.fork()
        if child == 0:
            os._exit(0 if torch._C._cuda_isInBadFork() and torch.cuda._is_in_bad_fork() else 1)
        assert os.waitpid(child, 0)[1] == 0
    """)


def test_questions_to_nvml(gpu, answering: Path) -> None:
    gpu(
        """
        from tritonnn import cuda
        assert (cuda.utilization(), cuda.memory_usage(0), cuda.device_memory_used("cuda:0")) == (81, 34, 42)
        assert (cuda.temperature(), cuda.power_draw(), cuda.clock_rate()) == (55, 123456, 1980)
        lines = cuda.list_gpu_processes().splitlines()
        assert lines[0] == "GPU:Fake GPU 0" and len(lines) == 3
        assert "11 uses        1.000 MB" in lines[1] and "12 uses        3.000 MB" in lines[2]
        assert ctypes.CDLL("libnvidia-ml.so.1").fake_opened() == 0
        raises(AssertionError, "Invalid device id", lambda: cuda.temperature(4))
    """,
        folder=answering,
    )


def test_without_nvml(gpu) -> None:
    gpu("""
        from tritonnn import cuda
        raises(RuntimeError, "management library", cuda.temperature)
    """)
