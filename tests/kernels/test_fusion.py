"""Whether products and sums are fused is said by the library, whatever Triton's default is (3.10 changes it)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from compiling import compiled

KERNELS = Path(__file__).resolve().parent.parent.parent / "kernels"


@pytest.mark.parametrize("default", ["0", "1", None])
def test_binaries_of_the_check_do_not_depend_on_the_default(default):
    """A running mean is fused, Philox's numbers are not: told by the fused instruction in PTX."""
    environment = {} if default is None else {"TRITON_DEFAULT_FP_FUSION": default}
    text = compiled(
        """
        from tritonnn.kernels.check.compile import build, of_family
        fused = next(c for c in of_family("normalization") if c.name == "row_norm_kernel[layer,bf16,64]")
        apart = next(c for c in of_family("random") if not c.fusion and "normal" in c.name)
        for case in (fused, apart):
            made = build(case, "sm_90")
            assert made.metadata.enable_fp_fusion == case.fusion
            print(case.fusion, "fma.rn" in made.asm["ptx"])
        """,
        **environment,
    )
    assert text.splitlines()[0] == "True True"
    assert text.splitlines()[1].startswith("False")


def test_kernels_are_compiled_in_one_place_each():
    """By launches, by the interpreter, by the check: who compiles elsewhere may forget to say it."""
    compiles = re.compile(r"\w\[grid\]\(\*|triton\.compile\(|\.warmup\(")
    found = {
        str(path.relative_to(KERNELS)) for path in KERNELS.rglob("*.py") if compiles.search(path.read_text())
    }
    assert found == {"launch/compiled.py", "launch/interpreter.py", "check/compile.py"}
