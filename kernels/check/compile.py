"""The proof of the kernels without a GPU: `python -m tritonnn.kernels.check` (`make kernels`).

Compiles every `Case` of every family for every architecture and fails where a kernel does not compile, spills
registers that its case has not declared, needs more shared memory than the hardware has, or lacks the matrix
instructions, the warp specialisation or the wide accesses that its case promises. Registers, spills, shared
memory and instructions (of the whole kernel and of its largest inner loop, in PTX or AMD assembly) are compared
with `regressions.json` beside this file: a figure that is worse, a binary that is not in the file and one in the
file that is made no more fail the check until `--update` accepts them. Results are cached by the hash of the
sources, the arguments and the version of Triton. `--package NAME` does the same for the kernels of another package,
whose figures are kept in its own `kernels/regressions.json`.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import pkgutil
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from typing import Any

from tritonnn._families import OWN
from tritonnn.kernels.check import regressions as _regressions
from tritonnn.kernels.check.binary import KINDS, SHARED, Report, measure
from tritonnn.runtime import needed

COUNTS = (
    "instructions of warps for a unit of the case's work; programs and warps that a multiprocessor holds; the share of "
    "the matrix unit's or memory's peak that the counts allow, and the resource that sets it"
)


def modules(package: str = OWN) -> Iterator[str]:
    """The modules with kernels of a package, by their names below its `kernels`: 'scan', 'loss.loss'."""
    kernels = importlib.import_module(f"{package}.kernels")
    for module in pkgutil.walk_packages(kernels.__path__, kernels.__name__ + "."):
        name = module.name.removeprefix(kernels.__name__ + ".")
        if package != OWN or not name.startswith(("check", "launch.interpreter")):
            yield name


@cache
def cases(module: str, package: str = OWN) -> list[Any]:
    """The cases that a module declares in COMPILE."""
    declared = getattr(importlib.import_module(f"{package}.kernels.{module}"), "COMPILE", [])
    return list(declared() if callable(declared) else declared)


def of_family(family: str) -> list[Any]:
    """The cases of all modules of a family."""
    return [case for module in modules() if module.split(".")[0] == family for case in cases(module)]


def build(case: Any, arch: str) -> Any:
    """The compiled kernel of a case."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from tritonnn.kernels.check.case import parse_signature

    types, constants, attributes = parse_signature(case.signature)
    names = case.kernel.arg_names
    signature = dict(zip(names, types, strict=False))
    for position, parameter in enumerate(case.kernel.params[len(types) :], len(types)):
        signature[parameter.name] = "constexpr"
        constants[position,] = case.constants.get(parameter.name, parameter.default)
    unknown = set(case.constants) - set(names)
    if unknown:
        raise TypeError(f"{case.name}: the kernel has no parameters {sorted(unknown)}")
    amd = arch.startswith("gfx")
    target = GPUTarget("hip", arch, 64) if amd else GPUTarget("cuda", int(arch[3:]), 32)
    options = {"num_warps": case.num_warps, "num_stages": case.num_stages, "enable_fp_fusion": case.fusion}
    if case.maxnreg and not amd:
        options["maxnreg"] = case.maxnreg
    source = ASTSource(case.kernel, signature, constants, attributes)
    return triton.compile(source, target=target, options=options)


def examine(case: Any, arch: str) -> Report:
    """Compile a case and hold it to what it promises."""
    try:
        compiled = build(case, arch)
    except Exception as error:
        return Report(case.name, arch, failure=_explain(error))
    return measure(case, arch, compiled)


def _explain(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1] if lines else ''}"[:300]


# ---- running them


def fingerprint(case: Any, arch: str) -> str:
    """What a report depends on: sources, arguments, architecture, version of Triton and of this file."""
    import triton

    def text(value: Any) -> str:
        return value.cache_key if hasattr(value, "cache_key") else repr(value)

    parts = [
        triton.__version__, arch, case.kernel.cache_key, case.signature, _own_hash(),
        *[f"{k}={text(v)}" for k, v in sorted(case.constants.items())],
        repr([getattr(case, f.name) for f in fields(case) if f.name not in ("kernel", "signature", "constants")]),
    ]  # fmt: skip
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def _own_hash() -> str:
    """Of what makes and measures binaries."""
    names = ("compile", "binary", "architectures", "ceiling", "counting", "counting_amd", "listing")
    files = [Path(__file__).with_name(f"{name}.py").read_bytes() for name in names]
    return hashlib.sha256(b"".join(files)).hexdigest()


def _work(job: tuple[str, int, str, str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """One case on one architecture, in a worker process; cached reports are taken as they are."""
    module, index, arch, package, known = job
    warnings.simplefilter("ignore")
    case = cases(module, package)[index]
    key = fingerprint(case, arch)
    if key in known:
        return key, known[key]
    return key, asdict(examine(case, arch))


def _cache_file() -> Path:
    from tritonnn.config import CACHE_DIR

    return Path(CACHE_DIR) / "compile.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(content, indent=0, sort_keys=True) + "\n")
    partial.replace(path)


_known: dict[str, Any] = {}


def _remember(known: dict[str, Any]) -> None:
    _known.update(known)


def _run(job: tuple[str, int, str, str]) -> tuple[str, dict[str, Any]]:
    return _work((*job, _known))


def compile_all(
    wanted: str,
    archs: Iterable[str],
    jobs: int,
    use_cache: bool,
    sampled: Iterable[str] = (),
    package: str = OWN,
) -> list[Report]:
    """Reports of every case whose name contains `wanted`; for a `sampled` architecture of each kernel's first one."""
    known = _read(_cache_file()) if use_cache else {}
    todo = [
        (module, index, arch)
        for module in modules(package)
        for index, case in enumerate(cases(module, package))
        if wanted in case.name
        for arch in case.archs
        if arch in archs
    ]
    todo = sample(todo, sampled, package)
    twice = [key for key, n in Counter((cases(f, package)[i].name, a) for f, i, a in todo).items() if n > 1]
    if twice:
        raise ValueError(f"several cases have the same name: {twice}")
    reports = []
    with ProcessPoolExecutor(jobs, initializer=_remember, initargs=(known,)) as pool:
        for number, pair in enumerate(pool.map(_run, [(*job, package) for job in todo], chunksize=2), 1):
            reports.append(pair)
            if use_cache and number % 200 == 0:  # a run that is stopped has not been for nothing
                _save_cache(known, reports)
    if use_cache:
        _save_cache(known, reports)
    return [Report(**report) for _, report in reports]


def sample(
    jobs: list[tuple[str, int, str]], sampled: Iterable[str], package: str = OWN
) -> list[tuple[str, int, str]]:
    """The jobs (module, number of the case, architecture), for some architectures of each kernel's first case."""
    kept, met = [], set()
    for module, index, arch in jobs:
        kernel = (cases(module, package)[index].kernel, arch)
        if arch not in sampled or kernel not in met:
            kept.append((module, index, arch))
        met.add(kernel)
    return kept


def _save_cache(known: dict[str, Any], reports: list[tuple[str, dict[str, Any]]]) -> None:
    """Write the reports that are not cached yet."""
    fresh = {key: report for key, report in reports if not report["failure"]}
    if set(fresh) - set(known):
        _write(_cache_file(), {**known, **fresh} if len(known) < 50000 else fresh)


def show(reports: list[Report]) -> str:
    """A row for each case, a column for each architecture."""
    from tabulate import tabulate

    archs = sorted({r.arch for r in reports}, key=list(SHARED).index)
    rows: dict[str, dict[str, str]] = {}
    for r in reports:
        spills = f" spills {r.spills}" if r.spills else ""
        text = (
            "FAILED"
            if r.failure
            else f"{r.registers}r {r.shared / 1024:.3g}K {r.instructions}i/{r.loop}{spills}"
        )
        rows.setdefault(r.name, {})[r.arch] = text
    table = [[name, *[row.get(arch, "") for arch in archs]] for name, row in rows.items()]
    return tabulate(table, ["kernel", *archs], disable_numparse=True)


def show_counts(reports: list[Report]) -> str:
    """A row for each binary whose work is counted."""
    from tabulate import tabulate

    rows = [
        [r.name, r.arch, r.unit, *[f"{n:.5g}" for n in (r.issued, *[r.counts[kind] for kind in KINDS])],
         f"{r.counts['blocks']} ({r.counts['warps']})", f"{r.counts['ceiling']:.0f} % ({r.counts['by']})"]
        for r in reports if r.counts
    ]  # fmt: skip
    heads = ["kernel", "", "for a", "issued", *KINDS, "programs (warps)", "ceiling"]
    return tabulate(rows, heads, disable_numparse=True) if rows else ""


def main(arguments: list[str] | None = None) -> int:
    """Compile, print, compare. Returns the exit status."""
    os.environ.pop("TRITON_INTERPRET", None)  # interpreted functions cannot be compiled
    if text := needed.missing(needed.COMPILER):
        raise SystemExit(f"python -m tritonnn.kernels.check: {text}")
    import triton

    parser = argparse.ArgumentParser(
        prog="python -m tritonnn.kernels.check", description=__doc__.split("\n")[0]
    )
    parser.add_argument("-k", default="", metavar="TEXT", help="only cases whose name contains it")
    parser.add_argument("--arch", action="append", choices=list(SHARED), help="only this architecture")
    parser.add_argument(
        "--sample", action="append", choices=list(SHARED), default=[], metavar="ARCH",
        help="only the first case of every kernel for this architecture",
    )  # fmt: skip
    parser.add_argument("-j", type=int, default=_processors(), help="processes (all processors)")
    parser.add_argument("--no-cache", action="store_true", help="compile everything anew")
    parser.add_argument("--update", action="store_true", help=f"keep the figures in {_regressions.KEPT.name}")
    parser.add_argument("--quiet", action="store_true", help="no table")
    parser.add_argument("--package", default=OWN, help="whose kernels; the library's own by default")
    options = parser.parse_args(arguments)
    kept_in = _regressions.place(options.package)
    start = time.perf_counter()
    archs = options.arch or list(SHARED)
    reports = compile_all(options.k, archs, options.j, not options.no_cache, options.sample, options.package)
    if not options.quiet:
        print(show(reports))
        print("registers, shared memory, instructions / of the largest inner loop")
        if counted := show_counts(reports):
            print(f"\n{counted}\n{COUNTS}")
    for r in reports:
        if r.failure:
            print(f"FAILED   {r.name} {r.arch}: {r.failure}")
    failures = sum(bool(r.failure) for r in reports)
    version = ".".join(triton.__version__.split(".")[:2])
    whole = not options.k and not options.arch
    if options.update:
        everything = whole and not options.sample
        kept = _regressions.updated(reports, version, _regressions.load(kept_in), everything)
        _regressions.save(kept, kept_in)
        print(f"kept {len(reports) - failures} binaries in {kept_in}")
    else:
        failures += _compare(reports, version, whole, options)
    seconds = time.perf_counter() - start
    print(
        f"{len(reports)} binaries of {len({r.name for r in reports})} cases in {seconds:.0f} s: {failures} failures"
    )
    return 1 if failures else 0


def _compare(reports: list[Report], version: str, whole: bool, options: argparse.Namespace) -> int:
    """Print what differs from the kept figures; how much of it is not acceptable as it is."""
    kept = _regressions.load(_regressions.place(options.package))
    if kept.triton != version:
        print(f"figures are kept for Triton {kept.triton or '-'}, this is {version}: not compared")
        return 0
    worse = _regressions.regressions(reports, kept.binaries)
    new, gone = _regressions.differences(reports, kept.binaries, whole)
    gone = [name for name in gone if not name.endswith(tuple(options.sample))]  # not looked at
    for line in worse:
        print("WORSE   ", line)
    for line in new:
        print("NEW     ", line)
    for line in gone:
        print("GONE    ", line)
    if worse or new or gone:
        print(f"Make it as good as it was, or accept it: {_regressions.accept(options.package)}")
    # Who works on some kernels, with -k or --arch, need not keep them yet.
    return len(worse) + (len(new) + len(gone) if whole else 0)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
