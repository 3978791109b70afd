"""What differs from PyTorch's vmap over its own op database; run by `test_vmap_db_parity.py`.

    PYTHONPATH=. python tests/parity/vmap_db.py             # what is not listed as known, and counts
    PYTHONPATH=. python tests/parity/vmap_db.py -k linalg   # every finding of the entries whose name has this

Some samples of each entry are batched, all tensors of them and each one alone, and given to both libraries: results,
exceptions, and whether an op is called once for each sample (a loop) where PyTorch has a rule for it.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import opdb_translate as translate
import torch as reference
from opdb import ENTRIES, attempt, determined, samples
from opdb_compare import differs

import tritonnn as torch
from tritonnn.batching import calls

SIZE = 2
SAMPLES = 4
KINDS = (reference.float64, reference.float32, reference.int64, reference.complex128, reference.bool)
LOOP = "There is a performance drop"


class Finding(NamedTuple):
    """A difference; `kind` is missing, loop, value, dtype, refused, accepted or type."""

    entry: str
    kind: str
    detail: str

    @property
    def name(self) -> str:
        """What the list of known differences calls it."""
        return f"{self.entry}: {self.kind}"


def leaves(value: Any) -> list[reference.Tensor]:
    """The tensors in nested tuples, lists and dictionaries, in order."""
    if isinstance(value, reference.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [t for item in value for t in leaves(item)] if isinstance(value, (list, tuple)) else []


def filled(value: Any, given: Iterator[Any], plain: Callable[[Any], Any]) -> Any:
    """The same structure with other tensors, in order, and what `plain` makes of anything else."""
    if isinstance(value, reference.Tensor):
        return next(given)
    if isinstance(value, dict):
        return {key: filled(item, given, plain) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [filled(item, given, plain) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return plain(value)


def batch(tensor: reference.Tensor) -> reference.Tensor:
    """Samples that differ, and are as valid: positive stays positive, an index stays one."""
    tensor = tensor.detach()
    if tensor.dtype.is_floating_point or tensor.dtype.is_complex:
        return reference.stack([tensor * (1 - i / 8) for i in range(SIZE)])
    return reference.stack([tensor] * SIZE)


def patterns(count: int) -> list[set[int]]:
    """Which tensors are batched: all, and each alone."""
    return [set(range(count))] + ([{i} for i in range(min(count, 4))] if count > 1 else [])


def run(library: Any, function: Any, structure: Any, tensors: list, which: set[int], randomness: str) -> Any:
    """The outcome of one vmap, and the ops that were called once for each sample."""
    dims = tuple([0 if i in which else None for i in range(len(tensors))])
    plain: list[Any] = []

    def call(*given: Any) -> Any:
        input, args, kwargs = filled(
            structure, iter(given), translate.of if library is torch else lambda value: value
        )
        result = function(input, *args, **kwargs)
        flat = list(result) if isinstance(result, (tuple, list)) else [result]
        plain[:] = [item for item in flat if not isinstance(item, library.Tensor)]
        return tuple([item for item in flat if isinstance(item, library.Tensor)])

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        outcome = attempt(lambda: library.vmap(call, in_dims=dims, randomness=randomness)(*tensors))
    looped = sorted(
        {str(w.message).split("aten::")[1].split()[0].rstrip(":.") for w in told if LOOP in str(w.message)}
    )
    return outcome, looped


def check(name: str) -> list[Finding]:
    """Everything that differs about the entries of a name, the first finding of each kind."""
    found: dict[str, Finding] = {}
    told: list[str] = []
    before, calls.warn_once = calls.warn_once, lambda key, text: told.append(key)  # every time
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _check_entries(name, told, found)
    finally:
        calls.warn_once = before
    return list(found.values())


def _check_entries(name: str, told: list[str], found: dict[str, Finding]) -> None:
    for entry in ENTRIES[name]:
        types = entry.supported_dtypes("cpu")
        dtype = next((kind for kind in KINDS if kind in types), None)
        if dtype is None:
            continue
        drawn = samples(entry, dtype, False)
        for i, sample in enumerate(drawn[:: max(1, len(drawn) // SAMPLES)]):
            for kind, detail in _sample(entry, sample, told):
                finding = Finding(name, kind, f"{entry.variant_test_name} sample {i} {detail}".lstrip())
                found.setdefault(finding.name, finding)


def _sample(entry: Any, sample: Any, told: list[str]) -> Iterator[tuple[str, str]]:
    structure = (sample.input, sample.args, sample.kwargs)
    tensors = leaves(structure)
    if not tensors or any(t.layout is not reference.strided for t in tensors):
        return
    try:
        own = translate.of(entry.op)
        filled(structure, iter(tensors), translate.of)
    except translate.Missing as missing:
        yield "missing", str(missing)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = determined(entry, structure)
    for which in patterns(len(tensors)):
        given = [batch(t) if i in which else t.detach() for i, t in enumerate(tensors)]
        randomness = "error" if known else "different"
        translate.seed()
        wanted, looped = run(reference, entry.op, structure, [t.clone() for t in given], which, randomness)
        told.clear()
        got, _ = run(torch, own, structure, [translate.of(t) for t in given], which, randomness)
        where = f"{sorted(which)} of {len(tensors)}: "
        if wanted.error is None and got.error is None:
            if told and not looped:
                yield "loop", where + ", ".join(sorted(set(told)))
            difference = differs(got.value, wanted.value, known)
            if difference is not None:
                yield difference[0], where + difference[1]
        elif wanted.error is None:
            yield "refused", where + f"{type(got.error).__name__}: {str(got.error).splitlines()[0][:200]}"
        elif got.error is None:
            yield (
                "accepted",
                where + f"{type(wanted.error).__name__}: {str(wanted.error).splitlines()[0][:200]}",
            )
        elif not isinstance(got.error, type(wanted.error)):
            yield "type", where + f"{got.error!r:.150} instead of {wanted.error!r:.150}"


def report(names: list[str]) -> None:
    """Print all findings, and counts."""
    with ProcessPoolExecutor(2) as pool:
        found = [finding for part in pool.map(check, names, chunksize=4) for finding in part]
    for finding in found:
        print(f"{finding.name}: {finding.detail[:330]}")
    print(f"{len(names)} names; findings: {dict(Counter(finding.kind for finding in found))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", default="", help="entries whose name has this")
    chosen = parser.parse_args()
    report([name for name in ENTRIES if chosen.k in name])


if __name__ == "__main__":
    main()
