"""Tiles of matrix products, as data per architecture, and the pure function that picks one.

`choose` models the time of a configuration: every multiprocessor works through its share of the tiles at the
tile's efficiency, the last round may leave some idle, and the inner loop has a start-up cost. The model only
ranks configurations; `autotune` measures them.
"""

from __future__ import annotations

from typing import NamedTuple

import triton


class Gemm(NamedTuple):
    """One configuration.

    Attributes:
        m: rows of a tile. n: its columns. k: depth of a step.
        warps: warps of a program. stages: depth of the software pipeline.
        efficiency: share of the peak that a full machine of such tiles reaches, to rank configurations.
        persistent: one program per multiprocessor, operands and result through tensor descriptors.
        specialize: let Triton give loads and products to different warps (persistent only).
        group: rows of tiles that are walked together, for the second-level cache.
        spills: bytes of spilled registers that are accepted.
    """

    m: int
    n: int
    k: int
    warps: int
    stages: int
    efficiency: float
    persistent: bool = False
    specialize: bool = False
    group: int = 8
    spills: int = 0


class Choice(NamedTuple):
    """A configuration and into how many parts the inner dimension is split."""

    config: Gemm
    split: int


PROCESSORS = {
    "sm_80": 108, "sm_86": 84, "sm_89": 128, "sm_90": 132, "sm_100": 148, "sm_120": 170, "gfx942": 304
}  # fmt: skip

# Which table an architecture uses where it has none of its own.
NEAREST = {"sm_86": "sm_80", "sm_87": "sm_80", "sm_89": "sm_80", "sm_103": "sm_100", "sm_120": "sm_80",
           "sm_121": "sm_80", "gfx950": "gfx942", "gfx90a": "gfx942"}  # fmt: skip

# float32 with all its bits, and float64: the same on every NVIDIA architecture.
_FULL_PRECISION: dict[str, tuple[Gemm, ...]] = {
    "ieee": (
        Gemm(128, 128, 16, 8, 3, 1.00), Gemm(128, 64, 16, 8, 3, 0.90), Gemm(64, 64, 16, 4, 3, 0.80),
        Gemm(32, 64, 16, 4, 3, 0.60), Gemm(16, 64, 32, 4, 3, 0.40),
    ),
    "fp64": (Gemm(64, 64, 16, 4, 3, 1.00), Gemm(32, 64, 16, 4, 3, 0.75), Gemm(16, 32, 16, 2, 3, 0.40)),
}  # fmt: skip

# 'half': float16 and bfloat16. 'tf32': float32 by matrix instructions. 'ieee': float32 by multiply-adds.
# 'fp8 exact': float8 with sums in float32, where those of 'fp8' have fewer bits; where there is none, 'fp8'
# has them. The largest tile, 128 x 256 by 8 warps, keeps 128 sums in the registers of a thread, and its stages take
# 72 KB of shared memory on sm_80, 144 KB on the later ones (of SHARED in check/binary.py); on gfx942, whose warps
# have 64 threads, 256 x 256 keeps as many, and two stages of 32 take all of the 64 KB.
TABLE: dict[str, dict[str, tuple[Gemm, ...]]] = {
    "sm_80": {
        "half": (
            Gemm(128, 256, 32, 8, 3, 1.00), Gemm(128, 128, 64, 8, 3, 0.93), Gemm(128, 128, 32, 4, 4, 0.95),
            # spills before Triton 3.9
            Gemm(128, 64, 64, 4, 3, 0.82), Gemm(64, 128, 64, 4, 3, 0.82, spills=16), Gemm(64, 64, 64, 4, 4, 0.65),
            Gemm(32, 64, 64, 4, 4, 0.42), Gemm(16, 128, 64, 4, 4, 0.35, spills=8), Gemm(16, 64, 128, 4, 3, 0.30),
        ),
        "fp8": (Gemm(128, 128, 64, 8, 3, 0.90), Gemm(64, 64, 64, 4, 4, 0.60), Gemm(16, 64, 128, 4, 3, 0.30)),
        "tf32": (
            Gemm(128, 128, 32, 8, 3, 1.00), Gemm(128, 64, 32, 4, 3, 0.85), Gemm(64, 128, 32, 4, 3, 0.85),
            Gemm(64, 64, 32, 4, 4, 0.68), Gemm(32, 64, 32, 4, 4, 0.45), Gemm(16, 64, 64, 4, 3, 0.30),
        ),
        **_FULL_PRECISION,
    },
    "sm_90": {
        "half": (
            Gemm(128, 256, 64, 8, 3, 1.00, persistent=True), Gemm(128, 128, 64, 8, 4, 0.90, persistent=True),
            Gemm(128, 128, 64, 4, 4, 0.86, persistent=True, specialize=True),
            Gemm(128, 256, 64, 8, 3, 0.92), Gemm(128, 128, 64, 8, 4, 0.82), Gemm(128, 64, 64, 4, 4, 0.70),
            Gemm(64, 128, 64, 4, 4, 0.70), Gemm(64, 64, 64, 4, 5, 0.52), Gemm(64, 32, 128, 4, 4, 0.38),
            Gemm(16, 128, 64, 4, 5, 0.25), Gemm(16, 64, 128, 4, 4, 0.22),
        ),
        "fp8": (
            Gemm(128, 256, 128, 8, 3, 1.00, persistent=True), Gemm(128, 128, 128, 8, 3, 0.85),
            Gemm(64, 128, 128, 4, 3, 0.70), Gemm(64, 64, 128, 4, 4, 0.50), Gemm(16, 128, 128, 4, 4, 0.25),
        ),
        # Sums of their own beside the float32 ones take as many registers again.
        "fp8 exact": (
            Gemm(128, 128, 128, 8, 3, 1.00, persistent=True), Gemm(128, 128, 128, 8, 3, 0.90),
            Gemm(64, 128, 128, 4, 3, 0.75), Gemm(64, 64, 128, 4, 4, 0.55), Gemm(16, 128, 128, 4, 4, 0.28),
        ),
        "tf32": (
            Gemm(128, 128, 32, 8, 4, 1.00), Gemm(128, 64, 32, 4, 4, 0.85), Gemm(64, 128, 32, 4, 4, 0.85),
            Gemm(64, 64, 32, 4, 5, 0.65), Gemm(64, 32, 32, 4, 4, 0.45), Gemm(16, 64, 64, 4, 4, 0.25),
        ),
        **_FULL_PRECISION,
    },
    "sm_100": {
        "half": (
            Gemm(128, 256, 64, 8, 3, 1.00, persistent=True), Gemm(128, 128, 64, 8, 4, 0.85, persistent=True),
            Gemm(128, 128, 64, 8, 4, 0.90, persistent=True, specialize=True),
            Gemm(128, 256, 64, 8, 3, 0.88), Gemm(128, 128, 64, 8, 4, 0.76), Gemm(128, 64, 64, 4, 4, 0.62),
            Gemm(64, 128, 64, 4, 4, 0.60), Gemm(64, 64, 64, 4, 5, 0.45), Gemm(16, 64, 128, 4, 4, 0.18),
        ),
        "fp8": (
            # Spills where the sums are scaled, once a tile.
            Gemm(128, 256, 128, 8, 3, 1.00, persistent=True, spills=104), Gemm(128, 128, 128, 8, 3, 0.80),
            Gemm(64, 64, 128, 4, 4, 0.45), Gemm(16, 128, 128, 4, 4, 0.20),
        ),
        "tf32": (
            Gemm(128, 128, 32, 8, 4, 1.00), Gemm(128, 64, 32, 4, 4, 0.82), Gemm(64, 128, 32, 4, 4, 0.80),
            Gemm(64, 64, 32, 4, 5, 0.60), Gemm(16, 64, 64, 4, 4, 0.22),
        ),
        **_FULL_PRECISION,
    },
    "gfx942": {
        "half": (
            Gemm(256, 256, 32, 8, 2, 1.00), Gemm(128, 128, 64, 8, 2, 0.88), Gemm(128, 64, 64, 4, 2, 0.72),
            Gemm(64, 128, 64, 4, 2, 0.72), Gemm(64, 64, 64, 4, 2, 0.55), Gemm(32, 64, 64, 4, 2, 0.38),
            Gemm(16, 64, 128, 4, 2, 0.25),
        ),
        "fp8": (Gemm(128, 128, 64, 8, 2, 0.9), Gemm(64, 64, 64, 4, 2, 0.6)),
        "tf32": (
            Gemm(128, 128, 32, 8, 2, 1.00), Gemm(128, 64, 32, 4, 2, 0.82), Gemm(64, 64, 32, 4, 2, 0.65),
            Gemm(16, 64, 32, 4, 2, 0.28),
        ),
        "ieee": (
            Gemm(128, 128, 16, 8, 2, 1.00), Gemm(64, 64, 16, 4, 2, 0.72), Gemm(32, 64, 16, 4, 2, 0.52),
            Gemm(16, 64, 32, 4, 2, 0.32),
        ),
        "fp64": (Gemm(64, 64, 16, 4, 2, 1.00), Gemm(32, 64, 16, 4, 2, 0.75), Gemm(16, 32, 16, 2, 2, 0.40)),
    },
    "interpreter": {
        kind: (Gemm(32, 32, 32, 4, 2, 1.00), Gemm(16, 64, 32 if kind == "fp8" else 16, 4, 2, 0.90))
        for kind in ("half", "fp8", "tf32", "ieee", "fp64")
    },
}  # fmt: skip

START = 6  # steps of the inner loop that filling the pipeline and writing the tile cost
LARGEST_SPLIT = 16
LEAN = 64 * 32  # elements of a tile a warp: 64 registers a thread for the sums


# Triton 3.6 fails to compile warp specialisation for sm_100; of the later ones 3.9 is known to do it.
SPECIALIZES_SM_100 = tuple(int(part) for part in triton.__version__.split(".")[:2]) >= (3, 9)


def table(arch: str, kind: str) -> tuple[Gemm, ...]:
    """The configurations of an architecture, or of its nearest relative, for an element kind."""
    rows = TABLE.get(arch) or TABLE[NEAREST.get(arch, "gfx942" if arch.startswith("gfx") else "sm_80")]
    configs = rows[kind] if kind in rows else rows[kind.partition(" ")[0]]
    if arch.startswith("sm_10") and not SPECIALIZES_SM_100:
        return tuple([row for row in configs if not row.specialize])
    return configs


def processors(arch: str) -> int:
    """Multiprocessors of the usual product of an architecture."""
    return PROCESSORS.get(arch, 4 if arch == "interpreter" else 108)


def choose(
    arch: str, kind: str, m: int, n: int, k: int, batch: int = 1, descriptors: bool = False, lean: bool = False
) -> Choice:  # fmt: skip
    """The configuration for `batch` products of (m, k) and (k, n) matrices.

    Args:
        arch: 'sm_90', ...
        kind: 'half', 'fp8', 'fp8 exact', 'tf32', 'ieee' or 'fp64'.
        m: rows. n: columns. k: inner dimension. batch: number of products.
        descriptors: whether the operands' layout allows tensor descriptors.
        lean: leave registers for what is done with the sums: no tile of more than `LEAN` elements a warp.
    """
    return _ranked(arch, kind, m, n, k, batch, descriptors, lean)[0]


def candidates(
    arch: str, kind: str, m: int, n: int, k: int, batch: int = 1, descriptors: bool = False, lean: bool = False,
    count: int = 10,
) -> list[Choice]:  # fmt: skip
    """The best by the model, to be measured. Arguments as of `choose`."""
    return _ranked(arch, kind, m, n, k, batch, descriptors, lean)[:count]


def _ranked(
    arch: str, kind: str, m: int, n: int, k: int, batch: int, descriptors: bool, lean: bool
) -> list[Choice]:
    costs = {
        Choice(config, split): _cost(arch, config, split, m, n, k, batch)
        for config in table(arch, kind)
        if (not config.persistent or (descriptors and batch == 1))
        and (not lean or config.m * config.n <= LEAN * config.warps)
        for split in _splits(arch, config, m, n, k, batch)
    }
    return sorted(costs, key=costs.__getitem__)


def _splits(arch: str, config: Gemm, m: int, n: int, k: int, batch: int) -> list[int]:
    """The ways to split the inner dimension that can pay: while there are fewer tiles than processors."""
    tiles = -(-m // config.m) * -(-n // config.n) * batch
    if config.persistent or tiles * 2 > processors(arch):
        return [1]
    # at least four steps a part, or the pipeline never fills
    longest = min(LARGEST_SPLIT, max(1, k // (4 * config.k)), processors(arch) // tiles)
    return [s for s in (1, 2, 3, 4, 6, 8, 12, 16) if s <= longest] or [1]


def _cost(arch: str, config: Gemm, split: int, m: int, n: int, k: int, batch: int) -> float:
    tiles = -(-m // config.m) * -(-n // config.n) * batch * split
    machine = processors(arch)
    # Small tiles share a multiprocessor, so the last round is finer than one tile each.
    together = max(1, min(4, 128 * 128 // (config.m * config.n)))
    rounds = -(-tiles // (machine * together)) * together if tiles > machine else 1
    # a persistent program fills its pipeline under the previous tile's epilogue
    steps = -(-k // (config.k * split)) + START * (0.5 if config.persistent else 1.0)
    # time of the slowest multiprocessor, in multiply-adds at the tile's efficiency
    cost = rounds * steps * config.m * config.n * config.k / config.efficiency
    if split > 1:  # partial results are written and read again
        cost += 3.0 * m * n * batch * split * 64 / machine
    return cost
