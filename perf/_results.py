"""What a row computed: kept on the disk by the process that computed it, and compared by the one that drives.

Small results are kept whole; of large ones the ends and half a million elements drawn at random, the same for every
library: a wrong tile of a large result holds many of them. Whether a result is still the same after many calls is
looked at where it lies, in every element.
"""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

SAMPLE = 1 << 19  # elements kept of each tensor
ENDS = 4096
#: What a right result may be off by, as a part of the largest value: half of a step in 16 bits, two steps of the wider
#: types, which their functions are good to, and what two operands cut to tf32 lose.
FLOOR = {"bfloat16": 2.0**-8, "float16": 2.0**-11, "float32": 2.0**-22, "float64": 2.0**-51, "tf32": 2.0**-8}
# Of PyTorch's own error against the wider type; a gradient is a longer calculation.
TIMES = {"forward": 2.0, "backward": 3.0, "both": 3.0}
LOOSE = 16  # such parts, where there is no reference: two sums of many terms differ by so much


def file_name(key: str) -> str:
    """A row's name as one of a file."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def flat(lib: Any, result: Any) -> list[Any]:
    """The tensors and numbers in a result, in order."""
    if result is None:
        return []
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (list, tuple)):
        return [leaf for part in result for leaf in flat(lib, part)]
    return [result.detach() if isinstance(result, lib.Tensor) else result]


def save(lib: Any, result: Any, path: str) -> None:
    """Keep a result: of each tensor its shape, type, and values."""
    parts: dict[str, Any] = {}
    for i, leaf in enumerate(flat(lib, result)):
        if isinstance(leaf, lib.Tensor):
            parts[f"{i} {str(leaf.dtype).rpartition('.')[2]} {tuple(leaf.shape)}"] = _values(lib, leaf)
        else:
            parts[f"{i} {type(leaf).__name__} ()"] = np.asarray(leaf)
    with open(f"{path}.npz", "wb") as file:
        np.savez(file, **parts)


def _values(lib: Any, tensor: Any) -> np.ndarray:
    count = tensor.numel()
    tensor = tensor.reshape(-1)
    if count > SAMPLE:
        tensor = tensor.index_select(0, lib.from_numpy(places(count)).to(tensor.device))
    if tensor.dtype in (lib.bfloat16, lib.float16):
        tensor = tensor.to(lib.float32)
    return tensor.cpu().numpy()


@lru_cache(maxsize=8)
def places(count: int) -> np.ndarray:
    """Which elements of a large tensor are kept: both ends, and others at random."""
    drawn = np.random.default_rng(count).integers(0, count, SAMPLE - 2 * ENDS)
    return np.concatenate([np.arange(ENDS), np.sort(drawn), np.arange(count - ENDS, count)])


def changed(lib: Any, first: list[Any], last: list[Any]) -> int:
    """How many elements are not what they were."""
    count = 0
    for a, b in zip(first, last, strict=True):
        if isinstance(a, lib.Tensor):
            different = (a != b) & ~((a != a) & (b != b))
            count += int(different.sum())
        else:
            count += a != b
    return int(count)


def compare(path: str, moment: str, row: Any) -> dict[str, Any]:
    """What tritonnn's result is beside PyTorch's.

    Returns 'same' (None where one of them is missing) and, where values were compared, the largest 'error' of
    tritonnn's, 'theirs' of PyTorch's, and what is 'allowed'; 'why' where it differs or could not be compared.
    """
    mine, theirs, reference = (
        _load(f"{path}.{end}.npz") for end in (f"{moment}.tritonnn", f"{moment}.torch", "reference")
    )
    if mine is None or theirs is None:
        return {"same": None, "why": "only one library's result is there"}
    if [name.split(" ", 1)[1] for name in mine] != [name.split(" ", 1)[1] for name in theirs]:
        return {"same": False, "why": f"{_kinds(mine)} here, {_kinds(theirs)} in PyTorch"}
    if row.compare == "shape":
        return {"same": True}
    judge = _moments if row.compare == "moments" else _judge
    rough = FLOOR["tf32"] if row.math == "tf32" else 0.0
    wider = (
        list(reference.values())
        if reference is not None and len(reference) == len(mine)
        else [None] * len(mine)
    )
    verdicts = [
        judge(mine[name], other, wide, max(FLOOR.get(name.split()[1], FLOOR["float32"]), rough), row)
        for name, other, wide in zip(mine, theirs.values(), wider, strict=True)
    ]
    if not verdicts:
        return {"same": None, "why": "the call returns nothing"}
    worst = max(verdicts, key=lambda v: (not v["same"], v.get("error", 0.0) / (v.get("allowed") or 1.0)))
    return {**worst, "elements": sum(v.size for v in mine.values())}


def _load(path: str) -> dict[str, np.ndarray] | None:
    if not Path(path).exists():
        return None
    with np.load(path) as file:
        return dict(file)


def _kinds(parts: dict[str, np.ndarray]) -> str:
    return "; ".join(name.split(" ", 1)[1] for name in parts)


def _judge(mine: Any, theirs: Any, wide: Any, floor: float, row: Any) -> dict[str, Any]:
    """One tensor's values: no further from the reference than a multiple of PyTorch's own distance."""
    if mine.dtype.kind not in "fc":
        different = int((mine != theirs).sum())
        return {"same": different == 0} | ({"why": f"{different} of {mine.size} differ"} if different else {})
    reference = theirs if wide is None else wide
    for name, test in (("NaN", np.isnan), ("infinity", np.isinf)):
        if (test(mine) != test(theirs)).any():
            return {
                "same": False,
                "why": f"{name} at other places: {int((test(mine) != test(theirs)).sum())}",
            }
    finite = np.isfinite(theirs) & np.isfinite(reference)
    mine, theirs, reference = (_precise(v[finite]) for v in (mine, theirs, reference))
    distance = _mean_distance if row.compare == "mean" else _distance
    error, own = distance(mine, reference), distance(theirs, reference)
    floor *= float(np.abs(reference).max(initial=0.0))
    allowed = LOOSE * floor if wide is None else max(TIMES[row.stage] * own, floor)
    same = bool(error <= allowed)
    why = {} if same else {"why": f"off by {error:.3g}, {allowed:.3g} allowed"}
    against = {} if wide is None else {"theirs": own}
    return {"same": same, "error": error, "allowed": allowed, **against, **why}


def _precise(values: np.ndarray) -> np.ndarray:
    return values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max(initial=0.0))


def _mean_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Of many steps' rounding, where one value may be far off by chance."""
    return float(np.sqrt(np.mean(np.abs(a - b) ** 2))) if a.size else 0.0


def _moments(mine: Any, theirs: Any, wide: Any, floor: float, row: Any) -> dict[str, Any]:
    """Random numbers of two generators: their mean and spread, within six standard errors."""
    mine, theirs = mine.astype(np.float64), theirs.astype(np.float64)
    spread = max(float(theirs.std()), float(mine.std()))
    allowed = 6 * spread * math.sqrt(2 / max(1, mine.size)) + 1e-12
    error = max(abs(float(mine.mean() - theirs.mean())), abs(float(mine.std() - theirs.std())))
    why = {} if error <= allowed else {"why": f"mean or spread off by {error:.3g}, {allowed:.3g} allowed"}
    return {"same": error <= allowed, "error": error, "allowed": allowed, **why}
