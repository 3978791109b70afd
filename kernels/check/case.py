"""What the compile check compiles: a kernel, the types of its arguments, its constants and what it must
contain."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tritonnn.kernels.tables.reduction import choose_group

ARCHITECTURES = ("sm_80", "sm_90", "sm_100", "gfx942")


@dataclass(frozen=True)
class Work:
    """What a kernel does, so that the instructions of its binary can be given per unit of it.

    How many units one way round the hot loop (of all warps of a program) does is read off the loop: from its matrix
    instructions where there are such, else from the bytes that it loads. An unrolled loop counts right in this way.

    Attributes:
        unit: in words: "tile of 128 x 128 x 64", "32 elements".
        flops: operations of a unit's products.
        loads: bytes that the hot loop loads of global memory for a unit, all operands together.
        units: units that a program does, where it has no hot loop: then the whole kernel is counted.
        nbytes: bytes that go from and to memory for a unit at least; 0 where caches hold what is loaded again.
        passes: hot loops that a row goes through one after the other.
        math: the arithmetic of products: 'half', 'tf32', 'ieee', 'fp64', 'fp8'.
    """

    unit: str
    flops: float = 0
    loads: float = 0
    units: float = 0
    nbytes: float = 0
    passes: int = 1
    math: str = "half"


def tiles(math: str = "half") -> Work:
    """Of products: a tile of 128 x 128 with 64 of the inner dimension, whatever the kernel's own tile is."""
    return Work("tile of 128 x 128 x 64", flops=2 * 128 * 128 * 64, math=math)


def elements(tile: int, nbytes: float) -> Work:
    """Of rows that a program holds: 32 elements, so that counts are instructions of a thread for one element.

    Args:
        tile: elements of a program. nbytes: that are read and written for one.
    """
    return Work("32 elements", units=tile / 32, nbytes=32 * nbytes)


def elements_of_long_rows(loads: float, nbytes: float, passes: int) -> Work:
    """Of rows that a program walks over: 32 elements.

    Args:
        loads: bytes that a pass loads for an element. nbytes: that are read and written for one at least.
        passes: walks over a row.
    """
    return Work("32 elements", loads=32 * loads, nbytes=32 * nbytes, passes=passes)


@dataclass(frozen=True)
class Case:
    """One binary per architecture.

    Attributes:
        kernel: the `@triton.jit` function.
        signature: types of the run-time parameters in order, separated by spaces: `*fp32` (a 16-byte-aligned
            pointer; `*fp32:1` one that is not), `i32`, `i32:16` (a multiple of 16), `i32=1` (equals 1),
            `i64`, `fp32`, `fp64`, `None` (absent), `tensordesc<bf16[128,64]>` (a host tensor descriptor),
            `(... ...)` (a tuple).
        constants: `tl.constexpr` arguments.
        label: tells cases of one kernel apart in the table; made from the constants where it is not given.
        num_warps: warps per program.
        num_stages: depth of the software pipeline.
        matrix: the matrix instructions that the binary must use: True for the architecture's own (wgmma on
            sm_90, tcgen05 on sm_100, mma, mfma), "warp" where those of a single warp (mma, on every NVIDIA
            architecture) suffice, since tiles are too small or elements are float64, "none" for products by
            multiply-adds; False for a kernel without products, which the check verifies.
        specialize: whether sm_90 and sm_100 must really specialise warps (setmaxnreg).
        spills: bytes of spilled registers that are accepted.
        archs: architectures the case is for.
        wide: the accesses to global memory of which some must take 16 bytes: "loads", "stores" or "both". On
            gfx942, whose warps are of 64 threads, a block may leave each of them 8 bytes.
        fusion: whether products and sums are fused, as at the kernel's launch.
        work: what the instructions are counted by; None where nobody counts them.
        maxnreg: limit of registers per thread.
    """

    kernel: Any
    signature: str
    constants: dict[str, Any] = field(default_factory=dict)
    label: str = ""
    num_warps: int = 4
    num_stages: int = 3
    matrix: bool | str = False
    specialize: bool = False
    spills: int = 0
    archs: tuple[str, ...] = ARCHITECTURES
    wide: str = ""
    maxnreg: int | None = None
    fusion: bool = True
    work: Work | None = None

    @property
    def name(self) -> str:
        """Kernel and label."""
        return f"{self.kernel.__name__}[{self.label or _label(self.constants)}]"


def by_warp(case: Case, along_rows: bool, itemsize: int) -> list[Case]:
    """A case of a kernel whose threads share sums, for warps of 32 and of 64 threads; see `choose_group`."""
    cases = []
    tile = case.constants["BLOCK_K"], case.constants["BLOCK_R"]
    for warp in (32, 64):
        repeats, neighbours = choose_group(*tile, case.num_warps, along_rows, itemsize, warp)
        constants = {**case.constants, "REPEATS": repeats, "NEIGHBOURS": neighbours}
        archs = tuple([arch for arch in case.archs if arch.startswith("gfx") == (warp == 64)])
        cases.append(replace(case, constants=constants, archs=archs))
    return cases


def _label(constants: dict[str, Any]) -> str:
    return ",".join(f"{k}={getattr(v, '__name__', v)}" for k, v in constants.items())


def parse_signature(text: str) -> tuple[list[Any], dict[tuple, Any], dict[tuple, Any]]:
    """The types, the constants and the attributes, each by path, that Triton's compiler wants.

    >>> parse_signature("*fp32 (i32=1 None) i32:16")
    (['*fp32', ('constexpr', 'constexpr'), 'i32'], {(1, 0): 1, (1, 1): None}, \
{(0,): [['tt.divisibility', 16]], (2,): [['tt.divisibility', 16]]})
    """
    tokens = text.replace("(", " ( ").replace(")", " ) ").split()
    constants: dict[tuple, Any] = {}
    attributes: dict[tuple, Any] = {}
    position = 0

    def group(path: tuple) -> list[Any]:
        nonlocal position
        types: list[Any] = []
        while position < len(tokens) and tokens[position] != ")":
            token = tokens[position]
            position += 1
            here = (*path, len(types))
            if token == "(":
                types.append(tuple(group(here)))
                position += 1
            else:
                types.append(_leaf(token, here, constants, attributes))
        return types

    return group(()), constants, attributes


def _leaf(token: str, path: tuple, constants: dict[tuple, Any], attributes: dict[tuple, Any]) -> str:
    if token == "None":
        constants[path] = None
        return "constexpr"
    if token.endswith("=1"):
        constants[path] = 1
        return "constexpr"
    kind, _, multiple = token.partition(":")
    # as at a launch from the library: memory starts at a multiple of 16 bytes unless `:1` says otherwise
    if multiple == "16" or (kind.startswith("*") and not multiple):
        attributes[path] = [["tt.divisibility", 16]]
    return kind
