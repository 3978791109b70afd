"""The same count from AMD assembly: instructions of the hot loop by kind.

LLVM's comments say which loop a block belongs to. Everything in the loop is counted once.
"""

from __future__ import annotations

import re
from collections import Counter

from tritonnn.kernels.check.case import Work
from tritonnn.kernels.check.counting import KINDS, Uncounted, per_unit

_BLOCK = re.compile(r"\.L(BB\w+):|; %bb\.\d+:")
_IN_LOOP = re.compile(r"in Loop: Header=(BB\w+)")
_NAME = re.compile(r"\s+([a-z]\w+)\b")
_SHAPE = re.compile(r"v_mfma_\w+?_(\d+)x(\d+)x(\d+)")
_LOADED = re.compile(r"(?:global|buffer|flat)_load_(?:lds_)?(\w+)")
_SIZES = {"dword": 4, "dwordx2": 8, "dwordx3": 12, "dwordx4": 16, "ushort": 2, "short": 2, "sshort": 2,
          "ubyte": 1, "sbyte": 1}  # fmt: skip
_KIND = (
    ("matrix", re.compile(r"v_mfma")),
    ("memory", re.compile(r"(?:global|buffer|flat|scratch|ds|s_load|s_buffer)_")),
    ("special", re.compile(r"v_(?:exp|log|rcp|rsq|sqrt|sin|cos)_")),
    ("other", re.compile(r"s_|v_mov|v_accvgpr|v_readlane|v_readfirstlane")),
    ("float", re.compile(r"v_\w*_(?:pk_)?b?f(?:16|32|64)|v_pk_\w*f\d+|v_dot")),
)


def kind(name: str) -> str:
    """What sort of work an instruction does; those of the scalar unit are 'other'."""
    return next((what for what, pattern in _KIND if pattern.match(name)), "integer")


def operations(name: str) -> float:
    """Operations of a matrix instruction of one warp."""
    shape = _SHAPE.match(name)
    return 2.0 * int(shape[1]) * int(shape[2]) * int(shape[3]) if shape else 0.0


def loaded(name: str) -> int:
    """Bytes that a thread loads from global memory."""
    load = _LOADED.match(name)
    return next((n for size, n in _SIZES.items() if load and load[1].split("_")[0] == size), 0)


def loops(text: str) -> tuple[list[list[str]], list[str]]:
    """Names of the instructions of every innermost loop, and of the whole kernel."""
    inside: dict[str, list[str]] = {}
    innermost: list[str] = []
    everything: list[str] = []
    block = header = ""
    for line in text.splitlines():
        if begins := _BLOCK.match(line):
            block, header = begins[1] or "", ""
        if "Loop" in line:
            if within := _IN_LOOP.search(line):
                header = within[1]
            elif "This Inner Loop Header" in line:
                header = block
                innermost.append(block)
        if name := _NAME.match(line.split(";", 1)[0]):
            everything.append(name[1])
            inside.setdefault(header, []).append(name[1])
    return [inside.get(name, []) for name in innermost], everything


def count_amd(text: str, work: Work, warps: int) -> dict[str, float]:
    """Instructions of warps (of 64 threads) for a unit, by kind.

    Raises:
        Uncounted: there is no loop that does such work.
    """
    found, everything = loops(text)
    if work.units:
        return per_unit(Counter(map(kind, everything)), warps, work.units)
    if work.flops:
        hot = max(found, key=lambda code: (sum(map(operations, code)), -len(code)), default=[])
        units = sum(map(operations, hot)) * warps / work.flops
        if not units:
            raise Uncounted("no loop with matrix instructions")
        return per_unit(Counter(map(kind, hot)), warps, units)
    loading = [code for code in found if _bytes(code)]
    if not loading:
        raise Uncounted("no loop that loads")
    passes = min(work.passes, len(loading))
    variants = len(loading) // passes
    total = dict.fromkeys(KINDS, 0.0)
    for k in range(passes):
        code = min(loading[k * variants : (k + 1) * variants], key=lambda c: len(c) / _bytes(c))
        for what, n in Counter(map(kind, code)).items():
            total[what] += n * work.loads / (_bytes(code) * 64)
    return per_unit(total, 1, 1)


def _bytes(code: list[str]) -> int:
    """Loaded by a thread; without a number of each row, beside the rows themselves."""
    sizes = [loaded(name) for name in code]
    return sum(size for size in sizes if size > 4 or max(sizes) <= 4)
