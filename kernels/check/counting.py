"""Instructions of warps that a compiled kernel issues for a unit of its work, by kind.

Counted is one way round the hot loop, times the warps that go it, over the units that it does. The hot loop is, of
the innermost ones, the one with most operations of products, then with most loads, then with fewest instructions: whole
tiles, not those at an edge. Where groups of warps run code of their own (warp specialisation), each has a hot loop,
and they run side by side: their counts are summed, taking one way round each as the same step. A loop that is nested
less deeply than the others runs once a tile and is left out.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tritonnn.kernels.check.case import Work
from tritonnn.kernels.check.listing import Instruction, Listing, Loop

KINDS = ("matrix", "memory", "integer", "float", "special", "other")
_MATRIX = ("HGMMA", "QGMMA", "IGMMA", "HMMA", "DMMA", "IMMA", "UTCHMMA", "UTCQMMA", "UTCIMMA", "UTCOMMA")
_GLOBAL = ("LDG", "LDGSTS", "STG", "UTMALDG", "UTMASTG", "UBLKCP", "RED", "ATOMG", "LDTM")
_LOADS = ("LDG", "LDGSTS")
_KIND = (
    ("matrix", re.compile("|".join(_MATRIX))),
    ("special", re.compile(r"MUFU")),
    ("memory", re.compile(r"LD(?!GDEPBAR)|ST[GSLT]|UTMA(?:LDG|STG|REDG)|UBLKCP|UTCCP|RED|ATOM")),
    ("float", re.compile(r"[FHD](?:ADD|MUL|FMA|MNMX|SETP?|SEL|CMP)|HMNMX|F2|I2F|FRND|FCHK|FSWZADD|HFMA2")),
    ("other", re.compile(r"U?MOV|S2|CS2R|R2UR|NOP|BAR|DEPBAR|LDGDEPBAR|SYNCS|WARP|BRA|BRX|BS|SHFL|EXIT|UTC|ELECT|"
                         r"ENDCOLL|VOTE|MEMBAR|ERRBAR|FENCE|CCTL|UTMA|USETMAXREG|NANOSLEEP|YIELD|MATCH|REDUX|CALL|RET|"
                         r"ACQ|PREEXIT")),
)  # fmt: skip
_SHAPES = {"884": (8, 8, 4), "8816": (8, 8, 16), "8832": (8, 8, 32), "1684": (16, 8, 4), "1688": (16, 8, 8),
           "16816": (16, 8, 16), "16832": (16, 8, 32), "16864": (16, 8, 64)}  # fmt: skip
_PRODUCT = re.compile(r"ttng\.tc_gen5_mma\b.*?: !ttg\.memdesc<(\d+)x(\d+)x(\w+),.*?!ttg\.memdesc<\d+x(\d+)x")


class Uncounted(Exception):
    """The binary is not what its case's `work` says."""


def disassemble(cubin: bytes) -> str:
    """The listing of a binary by the vendor's tool, which Triton brings."""
    import triton

    tool = Path(triton.__file__).parent / "backends/nvidia/bin/nvdisasm"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        return subprocess.run([tool, "-c", file.name], capture_output=True, text=True, check=True).stdout


def kind(name: str) -> str:
    """What sort of work an instruction of SASS does.

    >>> kind("HGMMA.64x128x16.F32.BF16"), kind("LDGDEPBAR"), kind("IMAD.WIDE")
    ('matrix', 'other', 'integer')
    """
    return next((what for what, pattern in _KIND if pattern.match(name)), "integer")


def operations(name: str, asynchronous: float = 0.0) -> float:
    """Operations of an instruction for matrices that one warp issues; a multiply-add is two.

    Args:
        asynchronous: those of one of the fifth generation, whose name does not tell them.
    """
    base, *modifiers = name.split(".")
    if base not in _MATRIX:
        return 0.0
    if base.startswith("UTC"):
        return asynchronous
    shape = next((m for m in modifiers if m[0].isdigit()), "")
    if "x" in shape:
        m, n, k = (int(size) for size in shape.split("x"))
    else:
        m, n, k = _SHAPES[shape]
    return 2.0 * m * n * k / (4 if "GMMA" in base else 1)  # four warps issue one of a group together


def asynchronous_operations(ttgir: str) -> float:
    """Of an instruction of the fifth generation: at most 128 x 256, and 32 bytes deep.

    The mean of those in the innermost loops, where they differ: without what is done before a loop begins.
    """
    total, count = 0.0, 0
    for m, k, element, n in _products(ttgir):
        rows, columns, depth = min(int(m), 128), min(int(n), 256), 32 // _element_size(element)
        each = -(-int(m) // rows) * -(-int(n) // columns) * -(-int(k) // depth)
        total += 2.0 * rows * columns * depth * each
        count += each
    return total / count if count else 0.0


def _products(ttgir: str) -> list[tuple[str, ...]]:
    """Rows, depth, element and columns of the products of the loops that have no other loop with products inside."""
    loops: list[tuple[int, int]] = []  # indentation and number of the loops around a line
    found: dict[tuple[int, ...], list[tuple[str, ...]]] = {}
    for number, line in enumerate(ttgir.splitlines()):
        indentation = len(line) - len(line.lstrip())
        while loops and line.strip() and indentation <= loops[-1][0] and not line.lstrip().startswith("} do"):
            loops.pop()
        if "scf.for " in line or "scf.while " in line:
            loops.append((indentation, number))
        if product := _PRODUCT.search(line):
            found.setdefault(tuple(number for _, number in loops), []).append(product.groups())
    inner = [own for own in found if not any(other != own and other[: len(own)] == own for other in found)]
    return [product for own in inner for product in found[own]]


def _element_size(name: str) -> int:
    """Bytes of an element as Triton's representation names it: bf16, f32, f8E4M3FN, i8."""
    bits = re.match(r"[a-z]+(\d+)", name)
    return int(bits[1]) // 8 if bits else 2


def loaded(name: str) -> int:
    """Bytes that a thread loads from global memory by an instruction."""
    base, *modifiers = name.split(".")
    if base not in _LOADS:
        return 0
    sizes = {"128": 16, "64": 8, "U16": 2, "S16": 2, "U8": 1, "S8": 1}
    return next((sizes[m] for m in modifiers if m in sizes), 4)


def group_warps(ttgir: str) -> list[int]:
    """Warps of the default group, then of the others in their order."""
    default = re.search(r'"ttg\.num-warps" = (\d+)', ttgir)
    return [
        int(default[1]) if default else 4,
        *map(int, re.findall(r"partition\d+\(.*num_warps\((\d+)\)", ttgir)),
    ]


def count_listing(listing: Listing, ttgir: str, work: Work) -> dict[str, float]:
    """Instructions of warps for a unit of work, by kind.

    Args:
        listing: of the kernel.
        ttgir: Triton's representation, which says which warps there are.
        work: what its case declares.

    Raises:
        Uncounted: there is no loop that does such work.
    """
    warps = group_warps(ttgir)
    if work.units:
        code = [x for k in listing.whole(_GLOBAL) for x in listing.blocks[k]]
        return per_unit(Counter(kind(x.name) for x in code), warps[0], work.units)
    product = asynchronous_operations(ttgir)
    ways = [_Way(listing, loop, product) for loop in listing.innermost()]
    if work.flops:
        return _of_products(ways, warps, work)
    return _of_rows(ways, warps[0], work)


class _Way:
    """One way round a loop: its code, which of it one warp alone goes, and what it does."""

    def __init__(self, listing: Listing, loop: Loop, product: float) -> None:
        multiplies = any(x.base in _MATRIX for k in loop.blocks for x in listing.blocks[k])
        blocks = listing.path(loop, _MATRIX if multiplies else _GLOBAL)
        alone = listing.of_one_warp(loop, blocks)
        self.depth, self.group = loop.depth, listing.group[loop.header]
        self.all: list[Instruction] = [x for k in blocks if k not in alone for x in listing.blocks[k]]
        self.one: list[Instruction] = [x for k in blocks if k in alone for x in listing.blocks[k]]
        self.code = self.all + self.one
        self.flops = sum(operations(x.name) for x in self.all)
        # one thread starts an asynchronous product for all
        self.flops_of_one = sum(operations(x.name, product) for x in self.code if x.base.startswith("UTC"))
        sizes = [loaded(x.name) for x in self.code]
        # a number of each row, beside the rows themselves
        self.bytes = sum(size for size in sizes if size > 4 or max(sizes) <= 4)
        self.accesses = sum(x.base in _GLOBAL for x in self.code)

    def issued(self, warps: int) -> Counter[str]:
        """Instructions of all warps, by kind."""
        total = Counter(kind(x.name) for x in self.one)
        for x in self.all:
            total[kind(x.name)] += warps
        return total

    def products(self, warps: int) -> float:
        """Operations that all warps do."""
        return self.flops * warps + self.flops_of_one


def _of_products(ways: list[_Way], warps: list[int], work: Work) -> dict[str, float]:
    groups = sorted({way.group for way in ways})
    if len(warps) == 1:
        hot = [(_hottest(ways), warps[0])]
    elif len(groups) == len(warps):
        hot = [(_hottest([w for w in ways if w.group == g]), n) for g, n in zip(groups, warps, strict=True)]
    elif len(groups) == len(warps) - 1:  # the default group has no loop
        hot = [
            (_hottest([w for w in ways if w.group == g]), n) for g, n in zip(groups, warps[1:], strict=True)
        ]
    else:
        raise Uncounted(f"loops of {len(groups)} groups of warps, there are {len(warps)}")
    hot = [(way, n) for way, n in hot if way.depth == max(w.depth for w, _ in hot)]
    units = sum(way.products(n) for way, n in hot) / work.flops
    if not units:
        raise Uncounted("no loop with matrix instructions")
    return per_unit(sum((way.issued(n) for way, n in hot), Counter()), 1, units)


def _hottest(ways: list[_Way]) -> _Way:
    if not ways:
        raise Uncounted("no loop")
    return max(ways, key=lambda way: (way.products(1), way.accesses, -len(way.code)))


def _of_rows(ways: list[_Way], warps: int, work: Work) -> dict[str, float]:
    """Of `passes` loops one after the other; each may have a variant for the edge behind it, which is heavier."""
    loading = [way for way in ways if way.bytes]
    if not loading:
        raise Uncounted("no loop that loads")
    passes = min(work.passes, len(loading))
    variants = len(loading) // passes
    total = dict.fromkeys(KINDS, 0.0)
    for k in range(passes):
        way = min(loading[k * variants : (k + 1) * variants], key=lambda way: len(way.code) / way.bytes)
        units = way.bytes * 32 * warps / work.loads
        for what, n in way.issued(warps).items():
            total[what] += n / units
    return per_unit(total, 1, 1)


def per_unit(issued: Mapping[str, float], warps: int, units: float) -> dict[str, float]:
    """Every kind, to three decimals."""
    return {what: round(issued.get(what, 0) * warps / units, 3) for what in KINDS}
