"""How many rows of scores a fused linear and cross-entropy holds at once, and in which types: pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from tritonnn import dtypes
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.ops._fused import statistics_dtype

MIB = 1 << 20
# Scores of less than the first are not worth a second chunk. Above the second no product gains from more rows:
# 512 MiB are 2048 rows of 131072 classes in half precision.
SMALLEST, LARGEST = 32 * MIB, 512 * MIB
POLICIES = ("accurate", "balanced", "compact", "auto")
_RATIO = "aspect_ratio"


@dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """How `linear_cross_entropy` goes through the rows of its input.

    Args:
        allow_retain_graph: whether backward may run more than once. False lets it scale the gradients that forward
            computed where they are, which saves a copy of them; a second backward then raises.
        batch_chunk_size: rows in a chunk.
        chunking_method: how the rows in a chunk are chosen where they are not given. 'auto': the scores of a chunk are
            at most a tenth of all, beside a weight's gradient that takes as much a quarter, or 32 MiB where that is
            more, and never above 512 MiB. 'aspect_ratio' or
            'aspect_ratio:n': they are about as large as the input, or 1/n of that. None: all rows at once.
        acc_policy: what is held in `acc_dtype`. 'accurate': the scores of a chunk and the sum of the chunks' gradients
            of the weight; 'balanced': that sum; 'compact': nothing, both have the input's type, in which a sum over
            very many samples of float16 may overflow. 'auto' is 'balanced' on a GPU, where scores in half precision
            feed the matrix units, and 'accurate' on the CPU.
        acc_dtype: the input's type, or float32 beside half precision (the default there).

    Raises:
        ValueError: a size, method, policy or dtype that there is not.

    >>> import tritonnn as torch
    >>> torch.nn.LinearCrossEntropyOptions(batch_chunk_size=256).chunking_method
    'auto'
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: Literal["accurate", "balanced", "compact", "auto"] = "auto"
    acc_dtype: DType | None = None

    def __post_init__(self) -> None:
        size, method, kind = self.batch_chunk_size, self.chunking_method, self.acc_dtype
        if self.acc_policy not in POLICIES:
            raise ValueError(f"invalid acc_policy: {self.acc_policy!r}, use one of {', '.join(POLICIES)}")
        if method not in (None, "auto") and _divisor(method) is None:
            raise ValueError(
                f"invalid chunking_method: {method!r}, use 'auto', '{_RATIO}', '{_RATIO}:n' or None"
            )
        if size is not None and (not isinstance(size, int) or size <= 0):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size!r}")
        if kind is not None and kind not in dtypes.FLOATING:
            raise ValueError(
                "acc_dtype must be one of None, torch.float16, torch.bfloat16, torch.float32, torch.float64, "
                f"got {kind!r}"
            )


class Chunking(NamedTuple):
    """What the backends are told.

    Attributes:
        rows: rows in a chunk, at least 1.
        scores: the dtype of a chunk's scores.
        sums: the dtype in which the chunks' gradients of the weight are added up.
        loss: the dtype of the loss.
    """

    rows: int
    scores: DType
    sums: DType
    loss: DType

    def slices(self, count: int) -> Iterator[slice]:
        """The chunks of `count` rows, in order."""
        for start in range(0, count, self.rows):
            yield slice(start, min(start + self.rows, count))


def chunk_rows(rows: int, classes: int, itemsize: int, beside: int = 0) -> int:
    """The rows in a chunk: scores of a tenth of all, but 32 MiB where that is more, and never above 512 MiB.

    What more chunks cost is that the sum of the weight's gradients, as large as the weight, is read and written once
    for each. Where it is held, a chunk may take as much memory, but no more than a quarter of all scores.
    From 128 rows on a chunk is a multiple of 128, the edge of a large tile.

    Args:
        rows: of all chunks.
        classes: in a row.
        itemsize: bytes of a score.
        beside: bytes of the sum of the weight's gradients, 0 where none is wanted.

    >>> chunk_rows(8192, 131072, 2), chunk_rows(8192, 131072, 2, 1 << 31), chunk_rows(100, 1000, 4)
    (768, 2048, 100)
    """
    line = max(classes * itemsize, 1)
    scores = rows * line
    fit = min(max(scores // 10, min(scores // 4, beside), SMALLEST), LARGEST) // line
    if fit >= rows:
        return max(rows, 1)
    step = 128 if fit >= 128 else 16 if fit >= 16 else 1
    fit = max(fit // step * step, 1)
    chunks = -(-rows // fit)
    return -(-rows // (chunks * step)) * step  # even chunks


def ratio_rows(rows: int, features: int, classes: int, divisor: int) -> int:
    """The rows in a chunk whose scores are about as large as the input divided by `divisor`: a power of 2 over that.

    >>> ratio_rows(8192, 4096, 131072, 1)
    256
    """
    chunks = max(-(-classes // max(features, 1)), 1)
    wanted = -(-rows // chunks)
    return max(min((1 << max(wanted - 1, 0).bit_length()) // divisor, rows), 1)


def resolve_chunking(
    options: LinearCrossEntropyOptions | None,
    rows: int,
    features: int,
    classes: int,
    kind: DType,
    device_type: str,
    trains: bool = False,
) -> Chunking:
    """What the options, or the defaults where there are none, mean for a call.

    Args:
        options: as given.
        rows: of the input.
        features: of the input.
        classes: rows of the weight.
        kind: the input's dtype.
        device_type: 'cpu' or 'cuda'.
        trains: whether the gradient of the weight is wanted.

    Raises:
        ValueError: a chunk size and a method that disagree.
        RuntimeError: an `acc_dtype` that does not go with the input's dtype.
    """
    options = options or LinearCrossEntropyOptions()
    wide = options.acc_dtype or statistics_dtype(kind)
    if wide is not kind and not (kind.itemsize == 2 and wide is dtypes.float32):
        raise fail(
            "linear_cross_entropy",
            f"linear_cross_entropy supports float32 acc_dtype with float16/bfloat16 inputs, but got {wide} "
            f"acc_dtype and {kind} inputs.",
        )
    policy = options.acc_policy
    if policy == "auto":
        policy = "balanced" if device_type == "cuda" else "accurate"
    scores = wide if policy == "accurate" else kind
    sums = kind if policy == "compact" else wide
    beside = features * classes * sums.itemsize if trains else 0
    return Chunking(_rows(options, rows, features, classes, scores.itemsize, beside), scores, sums, kind)


def _rows(
    options: LinearCrossEntropyOptions, rows: int, features: int, classes: int, itemsize: int, beside: int
) -> int:
    size, method = options.batch_chunk_size, options.chunking_method
    if method == "auto":
        return max(min(size, rows), 1) if size else chunk_rows(rows, classes, itemsize, beside)
    if method is None:
        return max(min(size or rows, rows), 1)
    by_method = ratio_rows(rows, features, classes, _divisor(method) or 1)
    if size is not None and size != by_method:
        raise ValueError(
            f"batch_chunk_size (={size}) and chunking_method ({method!r}) give different chunk sizes "
            f"({size} vs {by_method}); pass only one."
        )
    return by_method


def _divisor(method: Any) -> int | None:
    """n of 'aspect_ratio:n', 1 of 'aspect_ratio', None of anything else."""
    if not isinstance(method, str):
        return None
    name, colon, number = method.partition(":")
    if name != _RATIO or (colon and not (number.isdecimal() and int(number) > 0)):
        return None
    return int(number) if colon else 1
