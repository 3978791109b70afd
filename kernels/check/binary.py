"""What a compiled kernel is made of, read off its assembly and its binary, and whether that is what its case
promised."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tritonnn.kernels.check.architectures import ARCHITECTURES
from tritonnn.kernels.check.ceiling import blocks, ceiling
from tritonnn.kernels.check.counting import KINDS, Uncounted, count_listing, disassemble
from tritonnn.kernels.check.counting_amd import count_amd
from tritonnn.kernels.check.listing import Listing

SHARED = {name: arch.shared - arch.reserved for name, arch in ARCHITECTURES.items()}
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
    """One compiled case: its figures, or why it failed.

    `counts` are of cases that declare their work: instructions of warps for a unit by kind, programs and warps on
    a multiprocessor, the ceiling in per cent, and the resource that sets it.
    """

    name: str
    arch: str
    registers: int = 0
    spills: int = 0
    shared: int = 0
    instructions: int = 0
    loop: int = 0
    failure: str = ""
    unit: str = ""
    counts: dict[str, Any] = field(default_factory=dict)

    @property
    def issued(self) -> float:
        """Instructions of warps for a unit, of all kinds."""
        return sum(self.counts[kind] for kind in KINDS)


def measure(case: Any, arch: str, compiled: Any) -> Report:
    """The figures of a compiled case, held to what it promises."""
    report = Report(case.name, arch)
    amd = arch.startswith("gfx")
    text = compiled.asm["amdgcn" if amd else "ptx"]
    report.shared = compiled.metadata.shared
    report.instructions, report.loop = count_instructions(text, amd)
    report.registers, report.spills = _amd_usage(text) if amd else _nvidia_usage(compiled.asm["cubin"])
    if case.work is not None:
        try:
            report.unit, report.counts = case.work.unit, _counted(case, report, compiled)
        except Uncounted as error:
            report.failure = f"its work was not found: {error}"
            return report
    report.failure = "; ".join(_broken_promises(case, report, text, "tt.dot" in compiled.asm["ttir"]))
    return report


def _counted(case: Any, report: Report, compiled: Any) -> dict[str, Any]:
    """What is done for a unit of the case's work, and what that allows."""
    arch = ARCHITECTURES[report.arch]
    if "amdgcn" in compiled.asm:
        counts: dict[str, Any] = {**count_amd(compiled.asm["amdgcn"], case.work, case.num_warps)}
    else:
        listing = Listing(disassemble(compiled.asm["cubin"]))
        counts = {**count_listing(listing, compiled.asm["ttgir"], case.work)}
    share, slowest = ceiling(counts, case.work, arch)
    warps = compiled.metadata.num_warps  # of all groups
    held = blocks(
        arch, warps, report.registers, report.shared, getattr(compiled.metadata, "tmem_size", 0) or 0
    )
    return {**counts, "blocks": held, "warps": held * warps, "ceiling": round(100 * share, 1), "by": slowest}


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
