"""Without a GPU, and without the simulated one, what asks for one says so."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CALLS = [
    "torch.ones(1).cuda()",
    "torch.ones(1, device='cuda')",
    "torch.nn.Linear(1, 1).cuda()",
    "torch.cuda.synchronize()",
]


@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") != "1", reason="there is a GPU")
def test_message() -> None:
    lines = [f"try: {call}\nexcept RuntimeError as e: print(e)" for call in CALLS]
    code = "\n".join(["import tritonnn as torch", "print(torch.cuda.is_available())", *lines])
    environ = {**os.environ, "TRITON_INTERPRET": "0", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    available, *texts = done.stdout.splitlines()
    assert available == "False" and len(texts) == len(CALLS)
    assert all("Found no NVIDIA driver" in text and "TRITON_INTERPRET=1" in text for text in texts)
