"""What differs from PyTorch over its own op database; run by `test_opdb_parity.py`.

    python tests/parity/opdb.py                 # counts by kind, and what is not listed as known
    python tests/parity/opdb.py -k einsum       # every finding of the entries whose name has this
    python tests/parity/opdb.py --shrink        # takes names that exist and pass out of the list of missing names

An entry's samples (some of each dtype) are run in both libraries: values, dtypes and gradients; then `out=`, the
method, the in-place method, other names of the function, and the calls that the database says must be refused.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import opdb_translate as translate
import torch as reference
import torch.testing._internal.common_methods_invocations as database
from opdb_compare import differs, flat
from opdb_known import INTERNAL, KNOWN, RANDOM, UNWRITTEN

import tritonnn as torch

# Gradients of float32 add up rounding that float64 shows to be that.
PRECISE = ("float64", "complex64")
DTYPES = ("float32", "float64", "int64", "bool", "complex64", "bfloat16")
SAMPLES, DRAWN = 6, 60
MISSING_FILE = Path(__file__).with_name("opdb_missing.txt")
# Name -> the entries of that name, which the database calls variants.
ENTRIES: dict[str, list] = {}
for _entry in database.op_db:
    if _entry.full_name not in INTERNAL:
        ENTRIES.setdefault(_entry.name, []).append(_entry)
# Each of its calls would set one seed: random numbers are ours to seed here.
database.wrapper_set_seed = lambda op, *args, **kwargs: op(*args, **kwargs)


class Finding(NamedTuple):
    """A difference; `kind` is missing, refused, value, dtype, gradient, error, out, method or in-place."""

    entry: str
    kind: str
    detail: str

    @property
    def name(self) -> str:
        """What the list of known differences calls it; a missing function has the name that is missing."""
        return self.detail if self.kind == "missing" else f"{self.entry}: {self.kind}"


class Outcome(NamedTuple):
    value: Any
    error: Exception | None


def missing_names() -> set[str]:
    return set(MISSING_FILE.read_text().split())


def attempt(call: Callable[[], Any]) -> Outcome:
    try:
        return Outcome(call(), None)
    except Exception as error:
        return Outcome(None, error)


def samples(entry: Any, dtype: Any, grad: bool) -> list:
    """Some of the database's samples, first and last among them."""
    translate.seed()
    # Not `sample_inputs`: under pytest that follows each sample with a look at the stack.
    drawn = list(itertools.islice(entry.sample_inputs_func(entry, "cpu", dtype, grad), DRAWN))
    step = max(1, (len(drawn) - 1) / max(1, SAMPLES - 1))
    return [drawn[round(i * step)] for i in range(min(SAMPLES, len(drawn)))]


def check(name: str) -> list[Finding]:
    """Everything that differs about the entries of a name, the first finding of each kind."""
    found: dict[str, Finding] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for entry in ENTRIES[name]:
            parts = (part(entry) for part in (_values, _variants, _aliases, _errors))
            for kind, where, detail in itertools.chain.from_iterable(parts):
                where = f"{entry.variant_test_name} {where}".lstrip()
                finding = Finding(name, kind, detail if kind == "missing" else f"{where}: {detail}")
                found.setdefault(finding.name, finding)
    return list(found.values())


def verdict(name: str) -> list[str]:
    """What has to be done about a name: new findings, known ones that are gone, missing names that are there."""
    translate.ASKED.clear()
    found, missing = {finding.name: finding for finding in check(name)}, missing_names()
    there = {asked for asked in translate.ASKED & missing if asked not in found}
    if there:  # on its way: what it has not learned yet may still differ
        others = [finding for finding in found if finding not in missing]
        return [] if others else [f"no longer missing (opdb.py --shrink): {sorted(there)}"]
    new = [
        f"{one.kind}: {one.detail}"
        for one in found.values()
        if one.name not in missing and one.name not in KNOWN
    ]
    gone = [key for key in KNOWN if key.split(": ")[0] == name and key not in found]
    return new + [f"known, but no longer so: {key}" for key in gone]


Found = Iterator[tuple[str, str, str]]


def _values(entry: Any) -> Found:
    for name in DTYPES:
        dtype = getattr(reference, name)
        if dtype not in entry.supported_dtypes("cpu"):
            continue
        grad = entry.supports_autograd and dtype in entry.supported_backward_dtypes("cpu") and name in PRECISE
        for i, sample in enumerate(samples(entry, dtype, grad)):
            for kind, detail in _sample(entry, sample, grad):
                yield kind, f"{name} sample {i}", detail
                if kind == "missing":
                    return


def _sample(entry: Any, sample: Any, grad: bool) -> Iterator[tuple[str, str]]:
    seen: dict = {}
    try:
        own = translate.of((entry.op, sample.output_process_fn_grad), seen)
        given = translate.of((sample.input, sample.args, sample.kwargs), seen)
    except translate.Missing as name:
        yield "missing", str(name)
        return
    leaves = [
        pair for pair in seen.values() if isinstance(pair[1], reference.Tensor) and pair[1].requires_grad
    ]
    values = determined(entry, (sample.input, sample.args, sample.kwargs))
    translate.seed()
    wanted = attempt(
        lambda: sample.output_process_fn_grad(entry.op(sample.input, *sample.args, **sample.kwargs))
    )
    if wanted.error is not None:
        return
    got = attempt(lambda: own[1](own[0](given[0], *given[1], **given[2])))
    if got.error is not None:
        yield _why(got.error)
        return
    difference = differs(got.value, wanted.value, values)
    if difference is not None:
        yield difference
    elif grad:
        yield from _gradients(got.value, wanted.value, leaves, values)


def determined(entry: Any, given: tuple) -> bool:
    """Whether a call's values follow from its arguments: False where they are drawn, or are what lies in memory."""
    if entry.name in UNWRITTEN or entry.name not in RANDOM:
        return entry.name not in UNWRITTEN
    results = []
    for seed in range(6):
        reference.manual_seed(seed)
        results.append(attempt(lambda: entry.op(*copy.deepcopy(given[:1]), *given[1], **given[2])).value)
    return all(str(result) == str(results[0]) for result in results)


def _why(error: Exception) -> tuple[str, str]:
    if isinstance(error, translate.Missing):
        return "missing", str(error)
    if isinstance(error, AttributeError) and error.name and "has no" in str(error):
        place = error.obj
        of = place.__name__ if hasattr(place, "__name__") else type(place).__name__
        return "missing", f"{of}.{error.name}".removeprefix("tritonnn.")
    return "refused", f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def _gradients(got: Any, wanted: Any, leaves: list, values: bool) -> Iterator[tuple[str, str]]:
    pairs = [pair for pair in zip(flat(got), flat(wanted)) if isinstance(pair[1], reference.Tensor)]
    flags = [(one.requires_grad, other.requires_grad) for one, other in pairs]
    if any(one != other for one, other in flags):
        yield "gradient", f"requires_grad {[f[0] for f in flags]} instead of {[f[1] for f in flags]}"
        return
    pairs = [pair for pair in pairs if pair[1].requires_grad]
    if not pairs or not leaves:
        return
    weights = [
        reference.linspace(-1, 2, other.numel()).reshape(other.shape).to(other.dtype) for _, other in pairs
    ]
    theirs = attempt(lambda: reference.autograd.grad(
        [other for _, other in pairs], [leaf for _, leaf in leaves], weights, allow_unused=True,
    ))  # fmt: skip
    if theirs.error is not None:
        return
    ours = attempt(lambda: torch.autograd.grad(
        [one for one, _ in pairs], [leaf for leaf, _ in leaves], [translate.of(w) for w in weights], allow_unused=True,
    ))  # fmt: skip
    if ours.error is not None:
        yield "gradient", f"{type(ours.error).__name__}: {ours.error}".splitlines()[0]
        return
    difference = differs(ours.value, theirs.value, values)
    if difference is not None:
        yield "gradient", difference[1]


def _same(kind: str, got: Outcome, wanted: Outcome, values: bool = True) -> Iterator[tuple[str, str]]:
    """Both raise the same, or give the same."""
    why = ("", "") if got.error is None else _why(got.error)
    if why[0] == "missing":
        yield why
    elif got.error is not None and wanted.error is None:
        yield kind, why[1]
    elif wanted.error is not None:
        if got.error is None:
            yield kind, f"nothing raised instead of {_why(wanted.error)[1]}"
        elif type(wanted.error).__name__ not in [base.__name__ for base in type(got.error).__mro__]:
            yield kind, f"{why[1]} instead of {_why(wanted.error)[1]}"
    else:
        difference = differs(got.value, wanted.value, values)
        if difference is not None:
            yield kind, difference[1]


def both(function: Callable, given: tuple) -> tuple[Outcome, Outcome]:
    """What tritonnn's form of a function and the function itself come to, and leave in `out`; ours has copies."""

    def call() -> Any:
        inner, (own, args, kwargs) = translate.of((function, given), {})
        return inner(own, *args, **kwargs), kwargs.get("out")

    got = attempt(call)  # first: the reference's call may write into what is given
    return got, attempt(lambda: (function(given[0], *given[1], **given[2]), given[2].get("out")))


def _plain_samples(
    entry: Any, names: tuple[str, ...] = ("float32", "int64", "complex64")
) -> Iterator[tuple[str, Any]]:
    for name in names:
        dtype = getattr(reference, name)
        if dtype in entry.supported_dtypes("cpu"):
            for i, sample in enumerate(samples(entry, dtype, False)[:3]):
                yield f"{name} sample {i}", sample


def _variants(entry: Any) -> Found:
    values = entry.name not in RANDOM | UNWRITTEN
    for where, sample in _plain_samples(entry):
        given = (sample.input, sample.args, sample.kwargs)
        for kind, function in (("method", entry.method_variant), ("in-place", entry.inplace_variant)):
            if function is not None and isinstance(sample.input, reference.Tensor):
                written = (sample.input.clone(), *given[1:])
                for finding in _same(kind, *both(function, written), values):
                    yield finding[0], where, finding[1]
        if entry.supports_out:
            for case, detail in _outs(entry, given, values):
                yield "missing" if case == "missing" else "out", f"{where} {case}", detail


def _other(dtype: Any) -> Any:
    if dtype is reference.complex64:  # of its precision
        return reference.float32
    return reference.int64 if dtype.is_floating_point else reference.float64


# Tensors to write a result into, some of which PyTorch refuses.
OUTS: dict[str, Callable] = {
    "same": lambda t: reference.full_like(t, 1),
    "empty": lambda t: reference.empty(0, dtype=t.dtype),
    "strided": lambda t: reference.ones(*t.shape, 2, dtype=t.dtype)[..., 1],
    "other dtype": lambda t: reference.empty_like(t, dtype=_other(t.dtype)),
    "bool": lambda t: reference.empty_like(t, dtype=reference.bool),
    "requires grad": lambda t: reference.ones_like(t, dtype=reference.float32, requires_grad=True),
}


def _outs(entry: Any, given: tuple, values: bool) -> Iterator[tuple[str, str]]:
    first = attempt(lambda: entry.op(given[0], *given[1], **given[2]))
    results = flat(first.value) if first.error is None else []
    if not results or not all(isinstance(item, reference.Tensor) for item in results):
        return
    for case, make in OUTS.items():
        outs = tuple(make(item) for item in results)
        kwargs = {**given[2], "out": outs if isinstance(first.value, (tuple, list)) else outs[0]}
        for kind, detail in _same("out", *both(entry.op, (*given[:2], kwargs)), values):
            yield ("missing" if kind == "missing" else case), detail


def _aliases(entry: Any) -> Found:
    for where, sample in itertools.islice(_plain_samples(entry), 1):
        given = (sample.input, sample.args, sample.kwargs)
        for alias in entry.aliases:
            for kind, function in (
                ("value", alias.op), ("method", alias.method_variant), ("in-place", alias.inplace_variant)
            ):  # fmt: skip
                if function is None or (kind != "value" and not isinstance(sample.input, reference.Tensor)):
                    continue
                written = (sample.input.clone() if kind == "in-place" else sample.input, *given[1:])
                for finding in _same(kind, *both(function, written), entry.name not in RANDOM):
                    yield finding[0], f"{alias.name} {where}", finding[1]


def _errors(entry: Any) -> Found:
    if entry.error_inputs_func is None:
        return
    translate.seed()
    for i, bad in enumerate(entry.error_inputs_func(entry, "cpu")):
        sample = bad.sample_input
        got, wanted = both(entry.op, (sample.input, sample.args, sample.kwargs))
        if wanted.error is not None:
            for kind, detail in _same("error", got, wanted):
                yield kind, f"error input {i}", detail


def report(names: list[str], verbose: bool) -> list[Finding]:
    """Print what is not known, or everything, and count."""
    with ProcessPoolExecutor(2) as pool:
        found = [finding for part in pool.map(check, names, chunksize=4) for finding in part]
    listed = {*KNOWN, *missing_names()}
    for finding in found:
        if verbose or finding.name not in listed:
            print(f"{finding.entry}: {finding.kind}: {finding.detail[:300]}")
    passed = len(names) - len({finding.entry for finding in found})
    print(f"{len(names)} names, {passed} pass; findings: {dict(Counter(finding.kind for finding in found))}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", default="", help="entries whose name has this")
    parser.add_argument(
        "--shrink", action="store_true", help="take what is there out of the list of missing names"
    )
    chosen = parser.parse_args()
    found = report([name for name in ENTRIES if chosen.k in name], bool(chosen.k))
    if chosen.shrink and not chosen.k:
        still = {finding.name for finding in found if finding.kind == "missing"}
        MISSING_FILE.write_text("".join(f"{name}\n" for name in sorted(still & missing_names())))


if __name__ == "__main__":
    main()
