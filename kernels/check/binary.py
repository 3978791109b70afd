"""What a compiled kernel is made of, read off its assembly and its binary, and whether that is what its case
promised."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHARED = {"sm_80": 166912, "sm_90": 232448, "sm_100": 232448, "gfx942": 65536}
# The matrix instructions an architecture is named for; those of a single warp are older.
MATRIX = {
    "sm_80": r"\bmma\.sync",
    "sm_90": r"\bwgmma\.mma_async",
    "sm_100": r"\btcgen05\.mma",
    "gfx942": r"\bv_mfma_",
}
ANY_MATRIX = "|".join(MATRIX.values())
# Accesses to global memory of 16 bytes a thread.
WIDE = {
    ("sm", "load"): r"\bld\.global\S*\.(?:v4\.[bf]32|v2\.[bf]64)\b",
    ("sm", "store"): r"\bst\.global\S*\.(?:v4\.[bf]32|v2\.[bf]64)\b",
    ("gf", "load"): r"\b(?:global|buffer)_load_dwordx[24]\b",
    ("gf", "store"): r"\b(?:global|buffer)_store_dwordx[24]\b",
}
SPECIALISED = ("sm_90", "sm_100")

_BLOCK = re.compile(r"(?:\$L__|\.L)(BB\w+):|(?://|;) %bb\.\d+:")
_IN_LOOP = re.compile(r"in Loop: Header=(BB\w+)")
_INSTRUCTION = re.compile(r"(?:@!?%?\w+\s+)?[a-z][\w.:]*(?:\s|;|$)")


@dataclass
class Report:
    """One compiled case: its figures, or why it failed."""

    name: str
    arch: str
    registers: int = 0
    spills: int = 0
    shared: int = 0
    instructions: int = 0
    loop: int = 0
    failure: str = ""


def measure(case: Any, arch: str, compiled: Any) -> Report:
    """The figures of a compiled case, held to what it promises."""
    report = Report(case.name, arch)
    amd = arch.startswith("gfx")
    text = compiled.asm["amdgcn" if amd else "ptx"]
    report.shared = compiled.metadata.shared
    report.instructions, report.loop = count_instructions(text, amd)
    report.registers, report.spills = _amd_usage(text) if amd else _nvidia_usage(compiled.asm["cubin"])
    report.failure = "; ".join(_broken_promises(case, report, text, "tt.dot" in compiled.asm["ttir"]))
    return report


def _broken_promises(case: Any, report: Report, text: str, multiplies: bool) -> Iterator[str]:
    arch = report.arch
    if report.spills > case.spills:
        yield f"spills {report.spills} bytes of registers, declared are {case.spills}"
    if report.shared > SHARED[arch]:
        yield f"needs {report.shared} bytes of shared memory, {arch} has {SHARED[arch]}"
    if case.matrix is True and not re.search(MATRIX[arch], text):
        yield f"has no matrix instructions ({MATRIX[arch]})"
    if case.matrix == "warp" and not re.search(ANY_MATRIX, text):
        yield f"has no matrix instructions, not even of single warps ({ANY_MATRIX})"
    if case.matrix is False and multiplies:
        yield "multiplies matrices, but its case does not say with which instructions (matrix=)"
    if case.specialize and arch in SPECIALISED and "setmaxnreg" not in text:
        yield "warp specialisation was not applied (no setmaxnreg)"
    for access in ("load", "store"):
        if case.wide in (f"{access}s", "both") and not re.search(WIDE[arch[:2], access], text):
            yield f"has no 16-byte {access}s ({WIDE[arch[:2], access]})"


def count_instructions(text: str, amd: bool) -> tuple[int, int]:
    """Instructions of a kernel in PTX or AMD assembly, and of its largest loop without a loop inside.

    LLVM's comments say which loop a block belongs to. Going by backward branches instead would take blocks that
    were moved out of the way for loops.
    """
    count, block, header = 0, "", ""
    inside: Counter[str] = Counter()
    innermost = set()
    for line in text.splitlines():
        begins = _BLOCK.match(line)
        if begins:
            block, header = begins[1] or "", ""
        if "Loop" in line:
            loop = _IN_LOOP.search(line)
            if loop:
                header = loop[1]
            elif "This Inner Loop Header" in line:
                header = block
                innermost.add(block)
        code = line.split(";" if amd else "//", 1)[0].strip()
        if _INSTRUCTION.match(code) and code[-1] != ":":
            count += 1
            inside[header] += 1
    return count, max((inside[name] for name in innermost), default=0)


def _nvidia_usage(cubin: bytes) -> tuple[int, int]:
    """Registers of a thread and bytes of local memory (spills), as the vendor's tool reads them off the binary."""
    import triton

    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        listing = subprocess.run(
            [tool, "-res-usage", file.name], capture_output=True, text=True, check=True
        ).stdout
    registers = [int(n) for n in re.findall(r"REG:(\d+)", listing)]
    local = [int(n) for n in re.findall(r"(?:STACK|LOCAL):(\d+)", listing)]
    return max(registers), max(local)


def _amd_usage(text: str) -> tuple[int, int]:
    registers = [int(n) for n in re.findall(r"\.vgpr_count:\s+(\d+)", text)]
    scratch = [int(n) for n in re.findall(r"ScratchSize: (\d+)", text)]
    return max(registers, default=0), max(scratch, default=0)
