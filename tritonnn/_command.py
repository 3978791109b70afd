"""The command line: `tritonnn`, which `python -m tritonnn` is too."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tritonnn._run import explain, report, run, serve, shim_folder, users_frames

USAGE = """usage: tritonnn run [--profile] SCRIPT [ARGS ...]
       tritonnn run [--profile] -m MODULE [ARGS ...]
       tritonnn summary MODULE:FACTORY --input SHAPE[:DTYPE] [--input ...] [--depth N]
       tritonnn ops where NAME ... | stubs [--check] | --coverage
       tritonnn collect-env
       tritonnn --version | --help
`python -m tritonnn` is the same command.

run: runs an unmodified PyTorch script with torch served by tritonnn. With --profile it prints at the end, to the
    standard error, the ten most expensive ops by module, and the peaks of memory.
summary: prints the layers of the model that FACTORY() of MODULE returns, called with inputs of these shapes
    (1,3,224,224; 1,16:int64): output shapes, parameters, multiply-adds and the memory of activations.
ops: where an op's entry, kernel and NumPy function stand; the type stubs; a table of what each op has.
collect-env: what a bug report needs to know about this machine."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit code.

    Args:
        arguments: those of the command line, without the program's name; `sys.argv`'s by default.
    """
    command, *rest = [*(sys.argv[1:] if arguments is None else arguments)] or [""]
    if command in ("-h", "--help", "help") or (command in COMMANDS and rest[:1] in (["-h"], ["--help"])):
        print(USAGE)
        return 0
    if command == "--version":
        from tritonnn.version import project

        print(f"tritonnn {project}")
        return 0
    if command not in COMMANDS:
        return _refused(f"there is no command {command!r}" if command else "")
    try:
        return COMMANDS[command](rest)
    except BrokenPipeError:  # who reads has had enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is flushed at exit
        return 1


def _refused(reason: str = "") -> int:
    print(USAGE + (f"\n\n{reason}" if reason else ""), file=sys.stderr)
    return 2


def _run(rest: Sequence[str]) -> int:
    rest = list(rest)
    profiled = rest[:1] == ["--profile"]
    if profiled:
        rest.pop(0)
    is_module = rest[:1] == ["-m"]
    if is_module:
        rest.pop(0)
    if not rest or (rest[0].startswith("-") and not is_module):
        return _refused()
    serve()
    with _profiled() if profiled else contextlib.nullcontext():
        return run(rest[0], rest[1:], is_module)


@contextlib.contextmanager
def _profiled() -> Iterator[None]:
    """Print at the end, however it comes, what the calls of this thread took."""
    from tritonnn.profiler._totals import Totals

    totals = Totals()
    totals.start()
    try:
        yield
    finally:
        totals.stop()
        sys.stdout.flush()
        print(totals.report(), file=sys.stderr)


def _summary(rest: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("tritonnn summary")
    parser.add_argument(
        "model", metavar="MODULE:FACTORY", help="a function, a class or a model; torch is tritonnn there"
    )
    parser.add_argument(
        "--input", action="append", required=True, metavar="SHAPE[:DTYPE]", help="one per argument"
    )
    parser.add_argument("--depth", type=int, help="levels of modules to show")
    options = parser.parse_args(list(rest))
    module, _, factory = options.model.partition(":")
    if not factory:
        parser.error(f"expected MODULE:FACTORY, but got {options.model!r}")
    serve()
    sys.path[:1] = [os.getcwd(), shim_folder()]
    try:
        import tritonnn

        model = _model(module, factory)
        inputs = tuple(_input(text, parser) for text in options.input)
        print(tritonnn.utils.summary(model, inputs, depth=options.depth))
    except Exception as error:
        if isinstance(error, SyntaxError) or users_frames(error.__traceback__) is not None:
            report(error)
            return 1
        explain(error)
        kind = "" if isinstance(error, (ImportError, AttributeError)) else f"{type(error).__name__}: "
        raise SystemExit(f"tritonnn summary: {kind}{error}") from None
    return 0


def _model(module: str, factory: str) -> Any:
    """The model that `MODULE:FACTORY` names: itself, or what the call without arguments returns."""
    import tritonnn

    found: Any = importlib.import_module(module)
    for name in factory.split("."):
        found = getattr(found, name)
    if isinstance(found, tritonnn.nn.Module):
        return found
    if not callable(found):
        raise SystemExit(
            f"tritonnn summary: {module}:{factory} is neither a model nor callable, but {type(found).__name__}"
        )
    with contextlib.suppress(ValueError):  # of builtins that say no signature
        needed = [
            name
            for name, argument in inspect.signature(found).parameters.items()
            if argument.default is argument.empty and not argument.kind.name.startswith("VAR")
        ]
        if needed:
            raise SystemExit(
                f"tritonnn summary: {module}:{factory} needs the arguments {', '.join(needed)}; "
                "name a function without arguments that returns the model, or a model"
            )
    model = found()
    if not isinstance(model, tritonnn.nn.Module):
        raise SystemExit(
            f"tritonnn summary: {module}:{factory}() is expected to return a torch.nn.Module, "
            f"but returned {type(model).__name__}"
        )
    return model


def _input(text: str, parser: argparse.ArgumentParser) -> Any:
    """The tensor that `1,3,224,224` or `1,16:int64` describes: random numbers, or zeros where they are no floats."""
    import tritonnn

    sizes, _, name = text.partition(":")
    dtype = getattr(tritonnn, name or "float32", None)
    if not isinstance(dtype, tritonnn.dtype) or not re.fullmatch(r"\d+(,\d+)*", sizes):
        parser.error(f"expected a shape such as 1,3,224,224 or 1,16:int64, but got {text!r}")
    shape = [int(size) for size in sizes.split(",")]
    make = tritonnn.rand if dtype.is_floating_point else tritonnn.zeros
    return make(*shape, dtype=dtype)


def _ops(rest: Sequence[str]) -> int:
    from tritonnn.ops.__main__ import main

    return main(list(rest))


def _collect_env(rest: Sequence[str]) -> int:
    from tritonnn import collect_env

    if rest:
        return _refused()
    collect_env.main()
    return 0


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "run": _run,
    "summary": _summary,
    "ops": _ops,
    "collect-env": _collect_env,
}
