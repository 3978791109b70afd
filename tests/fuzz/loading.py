"""Loads the files of `fuzz.checkpoints` in child processes that may not do anything else.

`python -m fuzz.loading --files 1000 --seed 0` (with tests/ on PYTHONPATH) loads files 0 to 999 and prints what became
of them; `--only 17` loads that one in this process and shows its error. A child has a bound on its memory, a bound on
the time for each file and an audit hook; it may raise what is documented, with a text that names the file.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
import time
import types
from collections import Counter
from typing import Any, NamedTuple

MEMORY = 1 << 30  # bytes of addresses that a child may take beyond what it has when it begins
GROWTH = 80 << 20  # bytes by which a file of at most some hundred kilobytes may make it grow
SECONDS = 10
CHUNK = 250  # files of one child
NESTING = 1000 + 2  # containers in containers; in them names and slices
# Nothing that a file does may cause one of these: code that runs, a process, a module, a file written, a connection.
FORBIDDEN = (
    "exec", "compile", "import", "code.__new__", "function.__new__", "os.", "subprocess.", "pty.", "shutil.", "socket.",
    "ctypes.", "marshal.", "tempfile.", "webbrowser.", "sys.settrace", "sys.setprofile",
)  # fmt: skip
READING = {"os.stat", "os.listdir", "os.scandir"}


class Report(NamedTuple):
    """What became of many files."""

    outcomes: Counter[str]
    findings: list[str]
    slowest: float
    growth: int

    def __str__(self) -> str:
        lines = [f"{count:8} {what}" for what, count in sorted(self.outcomes.items())]
        lines += [f"slowest file: {self.slowest:.2f} s; largest growth of a process: {self.growth >> 20} MiB"]
        return "\n".join([*lines, *(f"FOUND {finding}" for finding in self.findings)])


# ---- in a child -----------------------------------------------------------------------------------------------------


class _TooLong(BaseException):
    pass


_armed = False
_seen: list[str] = []


def _hook(event: str, args: tuple) -> None:
    if _armed and event.startswith(FORBIDDEN) and event not in READING:
        _seen.append(f"{event} {args!r:.200}")
    elif _armed and event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        _seen.append(f"open {args!r:.200}")


def _late(*_: Any) -> None:
    raise _TooLong


def _use(value: Any) -> str:
    """Reads every element of every tensor that was loaded, as far as there are not too many; what is wrong with it.

    A tensor lies inside its memory and truth values are 0 or 1, containers are nested as deep as is promised, and
    there is nothing but what files may hold.
    """
    import tritonnn as torch

    todo, seen = [(value, 0)], set()
    while todo:
        item, depth = todo.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if depth > NESTING:
            return f"nested more than {NESTING} deep"
        inside: list[Any] = []
        if isinstance(item, torch.Tensor):
            if wrong := _outside(item):
                return wrong
            if item.device.type != "meta" and item.numel() < 100_000 and 0 not in item.shape:
                item.detach().cpu().clone().tolist()
            inside = list(vars(item).values())
        elif isinstance(item, dict):
            inside = [*item, *item.values()]
        elif isinstance(item, (list, tuple, set, frozenset)):
            inside = list(item)
        elif isinstance(item, slice):
            inside = [item.start, item.stop, item.step]
        elif not isinstance(item, _plain_types()):
            return f"a {type(item).__module__}.{type(item).__qualname__} was loaded"
        todo += [(part, depth + 1) for part in inside]
    return ""


def _plain_types() -> tuple[type, ...]:
    """What files may hold beside containers and tensors: numbers, text, names of what is harmless."""
    import tritonnn as torch
    from fuzz.checkpoints import Allowed

    numbers = (type(None), bool, int, float, complex, str, bytes, bytearray, range, type)
    return (
        *numbers,
        types.FunctionType,
        torch.dtype,
        torch.device,
        torch.layout,
        torch.TypedStorage,
        Allowed,
    )


def _outside(tensor: Any) -> str:
    """Whether elements of a tensor are not in its memory, or are none of its type."""
    import numpy as np

    shape, stride, offset = tuple(tensor.shape), tensor.stride(), tensor.storage_offset()
    geometry = f"shape {shape}, stride {stride}, offset {offset}"
    if any(type(n) is not int or n < 0 for n in (*shape, *stride, offset)):
        return f"a tensor of {geometry}"
    if tensor.device.type == "meta":
        return ""
    elements = tensor.untyped_storage().nbytes() // tensor.dtype.itemsize
    last = offset if 0 in shape else offset + 1 + sum((n - 1) * step for n, step in zip(shape, stride))
    if last > elements:
        return f"a tensor of {geometry} over {elements} elements"
    if tensor.dtype.name == "bool" and 0 < tensor.numel() < 100_000:
        held = np.ascontiguousarray(tensor.detach().cpu().numpy()).view(np.uint8)
        if held.max() > 1:
            return f"a truth value that is {held.max()}"
    return ""


def _read(checkpoint: Any, number: int, path: str) -> Any:
    """Reads a file in one of the ways there are."""
    import tritonnn as torch
    from tritonnn.utils import safetensors

    if checkpoint.format == "safetensors":
        device = "cuda" if number % 5 == 0 else "cpu"
        return (
            safetensors.load_file(path, device) if number % 2 else safetensors.load(checkpoint.data, device)
        )
    import io

    from fuzz.checkpoints import Allowed

    where = (None, "cpu", "cuda", {"cpu": "cuda"}, {"cuda:0": "cpu"}, _kept, _moved)[number % 7]
    encoding = ("utf-8", "latin1", "bytes")[number // 3 % 3]
    way = number % 3
    with torch.serialization.safe_globals([Allowed] if number % 2 else []):
        if way == 0:
            return torch.load(io.BytesIO(checkpoint.data), map_location=where, encoding=encoding)
        mapped = way == 2 and checkpoint.format == "zip"
        return torch.load(path, map_location=where, mmap=mapped, encoding=encoding)


def _kept(storage: Any, location: str) -> Any:
    return storage if location.startswith("cpu") else None


def _moved(storage: Any, location: str) -> Any:
    return storage.cuda() if len(location) % 2 else storage.cpu()


def _undocumented(error: Exception, name: str) -> str:
    """What is wrong with an error of a type that is documented."""
    text = str(error)
    if isinstance(error, RecursionError) or isinstance(error.__cause__, MemoryError):
        return f"{type(error).__name__} of {type(error.__cause__).__name__}"
    if "the given " not in text and name not in text:
        return f"a text without the file: {text[:200]}"
    return f"a text of {len(text)} characters" if len(text) > 4000 else ""


def attempt(number: int, path: str) -> dict[str, Any]:
    """Loads one file; what became of it, and what was wrong with that."""
    global _armed
    from fuzz import checkpoints

    checkpoint = checkpoints.make(number)
    with open(path, "wb") as file:
        file.write(checkpoint.data)
    documented = (
        (ValueError,) if checkpoint.format == "safetensors" else (pickle.UnpicklingError, RuntimeError)
    )
    _forget_peak()
    before, begin = _memory("VmRSS"), time.perf_counter()
    outcome, wrong = "loaded", ""
    _seen.clear()
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        _armed = True
        value = _read(checkpoint, number, path)
        _armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        wrong = _use(value)
    except documented as error:
        _armed = False
        outcome, wrong = type(error).__name__, _undocumented(error, os.path.basename(path))
    except _TooLong:
        wrong = outcome = "too long"
    except BaseException as error:
        outcome, wrong = type(error).__name__, f"{type(error).__name__}: {error!s:.200}"
    finally:
        _armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
    growth = _memory("VmHWM") - before
    if growth > GROWTH:
        wrong = wrong or f"{growth >> 20} MiB for {len(checkpoint.data)} bytes"
    if _seen:
        wrong = f"events: {_seen[:3]}"
    seconds = time.perf_counter() - begin
    return {
        "number": number,
        "how": checkpoint.how,
        "outcome": outcome,
        "wrong": wrong,
        "seconds": seconds,
        "growth": growth,
    }


def _memory(what: str) -> int:
    """Bytes that this process has (VmRSS), or had at most since `_forget_peak` (VmHWM)."""
    with open("/proc/self/status", encoding="ascii") as file:
        (line,) = (line for line in file if line.startswith(what))
    return int(line.split()[1]) * 1024


def _forget_peak() -> None:
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def child(first: int, count: int) -> None:
    """Loads files and prints a line of JSON before and after each."""
    import warnings

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "fuzzed.pt")
        _warm_up(path)
        with open("/proc/self/statm") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
        signal.signal(signal.SIGALRM, _late)
        sys.addaudithook(_hook)
        for number in range(first, first + count):
            print(json.dumps({"begins": number}), flush=True)
            print(json.dumps(attempt(number, path)), flush=True)


def _warm_up(path: str) -> None:
    """Loads something of everything once, so that all modules are there, and the codec of an old opcode."""
    b"a".decode("raw_unicode_escape")
    import tritonnn as torch
    from fuzz import checkpoints

    for kind, files in checkpoints._valid().items():
        for number, data in enumerate(files * 15):
            checkpoint = checkpoints.Made("valid", kind, data)
            with open(path, "wb") as file:
                file.write(data)
            try:
                _use(_read(checkpoint, number, path))
            except RuntimeError:
                pass
    try:
        torch.load(__import__("io").BytesIO(b"nothing"))
    except RuntimeError:
        pass


# ---- in the parent --------------------------------------------------------------------------------------------------


def run(first: int, count: int, until: float | None = None) -> Report:
    """Loads files `first` to `first + count - 1`, or fewer where the time `until` (`time.time()`) comes before."""
    report = Report(Counter(), [], 0.0, 0)
    begin, end = first, first + count
    while begin < end and (until is None or time.time() < until):
        begin, report = _chunk(begin, min(CHUNK, end - begin), report)
    return report


def _chunk(first: int, count: int, report: Report) -> tuple[int, Report]:
    command = [sys.executable, "-m", "fuzz.loading", "--child", str(first), "--files", str(count)]
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    results = [line for line in lines if "outcome" in line]
    report.outcomes.update(line["outcome"] for line in results)
    for line in results:
        if line["wrong"]:
            report.findings.append(f"file {line['number']} ({line['how']}): {line['wrong']}")
    if not lines:
        raise RuntimeError(f"a child ended before its first file:\n{done.stderr}")
    last = first + len(results)
    if len(results) < count:
        report.findings.append(f"file {last}: the process ended with {done.returncode}: {done.stderr[-500:]}")
        report.outcomes["process ended"] += 1
        last += 1
    slowest = max([report.slowest, *(line["seconds"] for line in results)])
    growth = max([report.growth, *(line["growth"] for line in results)])
    return last, report._replace(slowest=slowest, growth=growth)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="number of the first file")
    parser.add_argument("--only", type=int, help="the number of one file, loaded in this process")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        child(options.child, options.files)
        return 0
    if options.only is not None:
        child(options.only, 1)
        return 0
    report = run(options.seed, options.files)
    print(report)
    return bool(report.findings)


if __name__ == "__main__":
    sys.exit(main())
