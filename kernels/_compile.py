"""The proof of the kernels without a GPU: `python -m tritonnn.kernels._compile` (`make kernels`).

Compiles every `Case` of every family for every architecture and fails where a kernel does not compile, spills
registers that its case has not declared, needs more shared memory than the hardware has, or lacks the matrix
instructions, the warp specialisation or the wide accesses that its case promises. Registers, spills, shared
memory and instructions (of the whole kernel and of its largest inner loop, in PTX or AMD assembly) are compared
with `regressions.json` beside this file, so that a change that makes a kernel worse shows; `--update` keeps the
present figures. Results are cached by the hash of the sources, the arguments and the version of Triton.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

KEPT = Path(__file__).with_name("regressions.json")
SHARED = {"sm_80": 166912, "sm_90": 232448, "sm_100": 232448, "gfx942": 65536}
MATRIX = {
    "sm_80": r"\bmma\.sync",
    "sm_90": r"\bwgmma\.mma_async",
    "sm_100": r"\btcgen05\.mma",
    "gfx942": r"\bv_mfma_",
}
SLACK = {
    "registers": (4, 1.0),
    "spills": (0, 1.0),
    "shared": (0, 1.0),
    "instructions": (4, 1.03),
    "loop": (4, 1.03),
}


@dataclass
class Report:
    """One compiled case: its figures, or why it failed."""

    name: str
    arch: str
    registers: int = 0
    spills: int = 0
    shared: int = 0
    instructions: int = 0
    loop: int = 0
    failure: str = ""

    def figures(self) -> dict[str, int]:
        """What is kept and compared."""
        return {key: getattr(self, key) for key in SLACK}


def families() -> Iterator[str]:
    """The modules of this package, by name."""
    import tritonnn.kernels as package

    for module in pkgutil.iter_modules(package.__path__):
        if module.name not in ("_compile", "_interpreter"):
            yield module.name


@cache
def cases(family: str) -> list[Any]:
    """The cases that a module declares in COMPILE."""
    declared = getattr(importlib.import_module(f"tritonnn.kernels.{family}"), "COMPILE", [])
    return list(declared() if callable(declared) else declared)


def build(case: Any, arch: str) -> Any:
    """The compiled kernel of a case."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from tritonnn.kernels._case import parse_signature

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
    options = {"num_warps": case.num_warps, "num_stages": case.num_stages, "enable_fp_fusion": True}
    if case.maxnreg and not amd:
        options["maxnreg"] = case.maxnreg
    source = ASTSource(case.kernel, signature, constants, attributes)
    return triton.compile(source, target=target, options=options)


def examine(case: Any, arch: str) -> Report:
    """Compile a case and hold it to what it promises."""
    report = Report(case.name, arch)
    try:
        compiled = build(case, arch)
    except Exception as error:
        report.failure = _explain(error)
        return report
    amd = arch.startswith("gfx")
    text = compiled.asm["amdgcn" if amd else "ptx"]
    report.shared = compiled.metadata.shared
    report.instructions, report.loop = count_instructions(text, amd)
    report.registers, report.spills = _amd_usage(text) if amd else _nvidia_usage(compiled.asm["cubin"])
    report.failure = "; ".join(_broken_promises(case, report, text))
    return report


def _broken_promises(case: Any, report: Report, text: str) -> Iterator[str]:
    arch = report.arch
    if report.spills > case.spills:
        yield f"spills {report.spills} bytes of registers, declared are {case.spills}"
    if report.shared > SHARED[arch]:
        yield f"needs {report.shared} bytes of shared memory, {arch} has {SHARED[arch]}"
    if case.matrix and not re.search(MATRIX[arch], text):
        yield f"has no matrix instructions ({MATRIX[arch]})"
    if case.specialize and arch == "sm_90" and "setmaxnreg" not in text:
        yield "warp specialisation was not applied (no setmaxnreg)"
    if case.ptx and arch.startswith("sm_") and case.ptx not in text:
        yield f"its PTX has no {case.ptx}"


def count_instructions(text: str, amd: bool) -> tuple[int, int]:
    """Instructions of a kernel in PTX or AMD assembly, and of the largest loop without a loop inside."""
    labels: dict[str, int] = {}
    branches: list[tuple[int, int]] = []
    count = 0
    for line in text.splitlines():
        code = re.sub(r"(//|;|/\*).*" if amd else r"//.*", "", line).strip()
        label = re.match(r"(\$L__BB\w+|\.LBB\w+):", code)
        if label:
            labels[label[1]] = count
        elif re.match(r"(@!?%\w+\s+)?[a-z][\w.:]*(\s|;|$)", code) and code[-1] != ":":
            target = re.search(r"(?:bra(?:\.uni)?|s_c?branch\w*)\s+(\$L__BB\w+|\.LBB\w+)", code)
            if target and target[1] in labels:
                branches.append((labels[target[1]], count))
            count += 1
    inner = [
        (a, b) for a, b in branches
        if not any((c, d) != (a, b) and a <= c and d <= b for c, d in branches)
    ]  # fmt: skip
    return count, max((b - a + 1 for a, b in inner), default=0)


def _nvidia_usage(cubin: bytes) -> tuple[int, int]:
    """Registers of a thread and bytes of local memory (spills), as the vendor's tool reads them off the binary."""
    import triton

    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        listing = subprocess.run(
            [tool, "-res-usage", file.name], capture_output=True, text=True, check=True
        ).stdout
    registers = [int(n) for n in re.findall(r"REG:(\d+)", listing)]
    local = [int(n) for n in re.findall(r"(?:STACK|LOCAL):(\d+)", listing)]
    return max(registers), max(local)


def _amd_usage(text: str) -> tuple[int, int]:
    registers = [int(n) for n in re.findall(r"\.vgpr_count:\s+(\d+)", text)]
    scratch = [int(n) for n in re.findall(r"ScratchSize: (\d+)", text)]
    return max(registers, default=0), max(scratch, default=0)


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
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def _work(job: tuple[str, int, str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """One case on one architecture, in a worker process; cached reports are taken as they are."""
    family, index, arch, known = job
    warnings.simplefilter("ignore")
    case = cases(family)[index]
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


def _run(job: tuple[str, int, str]) -> tuple[str, dict[str, Any]]:
    return _work((*job, _known))


def compile_all(wanted: str, archs: Iterable[str], jobs: int, use_cache: bool) -> list[Report]:
    """Reports of every case whose name contains `wanted`."""
    known = _read(_cache_file()) if use_cache else {}
    todo = [
        (family, index, arch)
        for family in families()
        for index, case in enumerate(cases(family))
        if wanted in case.name
        for arch in case.archs
        if arch in archs
    ]
    found = []
    with ProcessPoolExecutor(jobs, initializer=_remember, initargs=(known,)) as pool:
        for number, pair in enumerate(pool.map(_run, todo, chunksize=8), 1):
            found.append(pair)
            if use_cache and number % 200 == 0:  # a run that is stopped has not been for nothing
                _save_cache(known, found)
    if use_cache:
        _save_cache(known, found)
    return [Report(**report) for _, report in found]


def _save_cache(known: dict[str, Any], found: list[tuple[str, dict[str, Any]]]) -> None:
    """Write the reports that are not cached yet."""
    fresh = {key: report for key, report in found if not report["failure"]}
    if set(fresh) - set(known):
        _write(_cache_file(), {**known, **fresh} if len(known) < 50000 else fresh)


def regressions(reports: list[Report], kept: dict[str, Any]) -> list[str]:
    """Where a figure is worse than the kept one by more than its slack."""
    worse = []
    for report in reports:
        before = kept.get(report.name, {}).get(report.arch)
        if before is None or report.failure:
            continue
        for key, (plus, times) in SLACK.items():
            now = getattr(report, key)
            if now > before[key] * times + plus:
                worse.append(f"{report.name} {report.arch}: {key} {before[key]} -> {now}")
    return worse


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


def main(arguments: list[str] | None = None) -> int:
    """Compile, print, compare. Returns the exit status."""
    os.environ.pop("TRITON_INTERPRET", None)  # interpreted functions cannot be compiled
    import triton

    parser = argparse.ArgumentParser(
        prog="python -m tritonnn.kernels._compile", description=__doc__.split("\n")[0]
    )
    parser.add_argument("-k", default="", metavar="TEXT", help="only cases whose name contains it")
    parser.add_argument("--arch", action="append", choices=list(SHARED), help="only this architecture")
    parser.add_argument("-j", type=int, default=min(2, os.cpu_count() or 1), help="processes")
    parser.add_argument("--no-cache", action="store_true", help="compile everything anew")
    parser.add_argument("--update", action="store_true", help=f"keep the figures in {KEPT.name}")
    parser.add_argument("--quiet", action="store_true", help="no table")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    reports = compile_all(options.k, options.arch or list(SHARED), options.j, not options.no_cache)
    if not options.quiet:
        print(show(reports))
        print("registers, shared memory, instructions / of the largest inner loop")
    kept = _read(KEPT)
    version = ".".join(triton.__version__.split(".")[:2])
    same = kept.get("triton") == version
    failures = [f"{r.name} {r.arch}: {r.failure}" for r in reports if r.failure]
    worse = regressions(reports, kept.get("kernels", {})) if same and not options.update else []
    new = [r for r in reports if r.arch not in kept.get("kernels", {}).get(r.name, {})]
    print(
        f"{len(reports)} binaries of {len({r.name for r in reports})} cases in {time.perf_counter() - start:.0f} s"
    )
    if not same:
        print(f"figures are kept for Triton {kept.get('triton', '-')}, this is {version}: not compared")
    elif new and not options.update:
        print(f"{len(new)} binaries are not in {KEPT.name} yet: keep them with --update")
    for line in failures:
        print("FAILED ", line)
    for line in worse:
        print("WORSE  ", line)
    if options.update:
        _keep(reports, version, kept if same else {}, options)
    return 1 if failures or worse else 0


def _keep(reports: list[Report], version: str, kept: dict[str, Any], options: argparse.Namespace) -> None:
    whole = not options.k and not options.arch
    kernels = {} if whole else kept.get("kernels", {})
    for r in reports:
        if not r.failure:
            kernels.setdefault(r.name, {})[r.arch] = r.figures()
    _write(KEPT, {"triton": version, "kernels": kernels})
    print(f"kept {len(reports)} in {KEPT}")


if __name__ == "__main__":
    sys.exit(main())
