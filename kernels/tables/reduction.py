"""How reductions are tiled: a pure function of the problem, the same on every architecture."""

from __future__ import annotations

from typing import NamedTuple

TILE = 4096  # elements a program holds at a time: 16 float32 for each of 256 threads
LONGEST_ROW = 32768  # what one program keeps in registers in a single pass


class Reduction(NamedTuple):
    """A tile of `kept` results by `reduced` elements, and how many programs share one result."""

    kept: int
    reduced: int
    warps: int
    splits: int
    chunk: int  # elements of one result that one program adds up


def power_of_2(n: int) -> int:
    """The smallest power of 2 that is at least n."""
    return 1 << max(0, n - 1).bit_length()


def choose_reduction(
    kept: int, reduced: int, along_rows: bool, processors: int, most_splits: int = 1 << 30
) -> Reduction:
    """The tiling of `kept` results of `reduced` elements each.

    Args:
        kept: number of results.
        reduced: elements behind each.
        along_rows: whether the reduced elements are neighbours in memory (else the results are).
        processors: multiprocessors to keep busy.
        most_splits: at most so many programs share a result.
    """
    if along_rows:
        columns = min(TILE, power_of_2(reduced))
        rows = max(1, min(TILE // columns // 2, power_of_2(kept)))
    else:
        rows = min(128, power_of_2(kept))
        columns = max(1, min(TILE // rows, power_of_2(reduced)))
    programs = -(-kept // rows)
    splits = 1
    if programs < 2 * processors and reduced > 4 * columns:
        # two programs a multiprocessor, but at least two steps each
        splits = max(1, min(-(-2 * processors // programs), -(-reduced // (2 * columns)), most_splits))
    steps = -(-reduced // columns)
    chunk = -(-steps // splits) * columns
    splits = max(1, -(-reduced // chunk)) if chunk else 1
    # 16 elements a thread at the most: accumulators stay in registers
    warps = 8 if rows * columns >= TILE else 4 if rows * columns >= 512 else 1
    return Reduction(rows, columns, warps, splits, chunk)


def choose_rows(rows: int, length: int) -> tuple[int, int, int]:
    """For kernels that hold whole rows in registers: rows a program, block of columns, warps."""
    # 16 elements a thread up to 4,096, 32 up to 16,384, 64 of the longest, whose threads have 128 registers
    block = power_of_2(length)
    if block <= 1024:
        together = max(1, min(2048 // block, power_of_2(rows)))
        return together, block, 4 if block * together >= 512 else 1
    return 1, block, 4 if block <= 2048 else 8 if block <= 8192 else 16


def choose_group(
    rows: int, block: int, warps: int, along_rows: bool, itemsize: int, warp: int = 32
) -> tuple[int, int]:
    """Which elements of a tile of `rows` rows of `block` elements a thread holds: repeats and neighbours.

    A thread has 16 bytes of neighbours, of a row (along_rows) or of a column; threads follow each other in the same
    direction and then across; where the tile goes on behind the last one, the first comes again.

    Args:
        itemsize: bytes of an element, of the smallest where several tensors are walked together.
        warp: threads of a warp.
    """
    vector = 16 // itemsize
    threads = warp * warps
    if along_rows:
        neighbours = min(vector, block)
        lanes = min(threads, block // neighbours)
    else:
        neighbours = 1
        lanes = min(block, max(1, threads // max(1, rows // vector)))
    return block // neighbours // lanes, neighbours


def shared(tiling: Reduction, along_rows: bool, itemsize: int, warp: int = 32) -> dict[str, int]:
    """A tiling as the constants of a kernel whose threads share sums, `choose_group`, and its warps."""
    repeats, neighbours = choose_group(tiling.kept, tiling.reduced, tiling.warps, along_rows, itemsize, warp)
    return {
        "REPEATS": repeats, "NEIGHBOURS": neighbours, "BLOCK_K": tiling.kept, "BLOCK_R": tiling.reduced,
        "num_warps": tiling.warps,
    }  # fmt: skip


def merge(dims: list[tuple[int, ...]], width: int, sort: bool = True) -> tuple[tuple[int, ...], ...]:
    """Extents and strides per operand of dimensions given as (extent, stride, ...), merged where all do."""
    dims = [dim for dim in dims if dim[0] != 1]
    if sort:
        dims.sort(key=lambda dim: -abs(dim[1]))
    merged: list[tuple[int, ...]] = []
    for dim in dims:
        if merged and _continues(merged[-1], dim):
            merged[-1] = (merged[-1][0] * dim[0], *dim[1:])
        else:
            merged.append(dim)
    if not merged:
        merged = [(1, *(0,) * (width - 1))]  # a stride of 0 keeps what is known of a pointer's alignment
    return tuple(zip(*merged, strict=True))


def _continues(outer: tuple[int, ...], inner: tuple[int, ...]) -> bool:
    """Whether the outer dimension goes on where the inner one ends, for every operand."""
    return outer[1:] == tuple([stride * inner[0] for stride in inner[1:]])
