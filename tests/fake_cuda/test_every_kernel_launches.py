"""Every primitive through the compiled launch path: arguments, notes, plans and Triton's own first launch fit.

Kernels are compiled and launched on the fake driver but never run, so nothing is said about results; ops that read
their result's size back from the device would read rubbish and are left out.
"""

from __future__ import annotations

from pathlib import Path

import fake_gpu
import pytest

pytestmark = pytest.mark.exhaustive

library, gpu = fake_gpu.library, fake_gpu.gpu
PARTS = 4


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_primitives(gpu, part: int) -> None:
    gpu(
        f"""
        sys.path.insert(0, {str(Path(__file__).resolve().parent.parent)!r})
        warnings.simplefilter("ignore")
        import support
        import tritonnn as torch
        from tritonnn.ops._table import OPS
        reading = {{"fused_adam", "gaussian_nll_loss", "histc", "masked_scatter", "philox_bernoulli", "philox_poisson"}}
        ops = [op for name, op in sorted(OPS.items()) if op.kind == "primitive" and op.samples and not op.alloc
               and (callable(op.host) or not op.host) and name not in reading]
        assert len(ops) > 100
        failed = []
        for op in ops[{part}::{PARTS}]:
            dtype = torch.float32 if torch.float32 in op.dtypes else op.dtypes[0]
            try:
                sample = support.samples(op, "cuda", dtype)[0]
                for _ in range(2):                        # the second time by kept plans, on other memory
                    support.call(op, support.mapped(sample, lambda t: t.clone()))
            except Exception as error:
                failed.append(f"{{op.name}}: {{type(error).__name__}}: {{error}}")
        assert not failed, chr(10).join(failed)
    """,
        seconds=600,
    )
