"""Run PyTorch programs on tritonnn: `import torch` gives tritonnn.

`serve()` installs an import hook; a module has one identity whichever name imported it (`torch.nn is
tritonnn.nn`). A name that does not exist here ends in
`tritonnn has no torch.X`, where Python's own message would name a module the script never mentioned.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import runpy
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution, DistributionFinder
from types import ModuleType, TracebackType

from tritonnn import _identity

__all__ = ["explain", "run", "serve", "shim_folder"]

SERVED = {"torch": "tritonnn", "torchvision": "tritonnn.vision"}
_EVERY = DistributionFinder.Context()
HINT = "If current PyTorch has it, please open an issue that quotes this line."


def _own_name(name: str) -> str | None:
    """'torch.nn' -> 'tritonnn.nn'; None for a name that is not served."""
    head, dot, rest = name.partition(".")
    return SERVED[head] + dot + rest if head in SERVED else None


def _served_name(name: str) -> str:
    """'tritonnn.nn' -> 'torch.nn'."""
    for served, own in sorted(SERVED.items(), key=lambda item: -len(item[1])):
        if name == own or name.startswith(own + "."):
            return served + name[len(own) :]
    return name


def missing(name: str) -> str:
    """The message for a PyTorch name that tritonnn does not have."""
    return f"tritonnn has no {name}. {HINT}"


class _Alias(Loader):
    """Hands out the tritonnn module itself under its PyTorch name."""

    def __init__(self, own_name: str) -> None:
        self.own_name = own_name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.own_name)
        self.own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.own_spec  # the import system has put the alias's spec there


class _Renaming(Loader):
    """Loads a module of tritonnn, whose classes then have PyTorch's names."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        # Modules that import one another find those that are not whole yet by their names.
        served = _name_of(module)
        sys.modules.setdefault(served, module)
        try:
            self.loader.exec_module(module)
        except BaseException:
            if sys.modules.get(served) is module:
                del sys.modules[served]
            raise
        _serve_module(module)


class _Finder(DistributionFinder):
    """Finds torch.* before any installed PyTorch is looked for."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        own = _own_name(fullname)
        if own is not None:
            # Python says that there is none where this one gives None, also to those who only ask.
            if own in sys.modules or _there_is(own):
                return ModuleSpec(fullname, _Alias(own), is_package=True)
            return _installed_module(fullname)
        if not _is_own(fullname):
            return None
        spec = PathFinder.find_spec(fullname, path)  # type: ignore[arg-type]
        if spec is not None and spec.loader is not None:
            spec.loader = _Renaming(spec.loader)
        return spec

    def find_distributions(self, context: DistributionFinder.Context = _EVERY) -> Iterator[Distribution]:
        for name in SERVED:
            if context.name is None or context.name.lower() == name:
                yield _identity.Installed(name)


def _there_is(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a package that there is not either
        return False


def _installed_module(name: str) -> ModuleSpec | None:
    """A module of an installed torchvision that tritonnn.vision has not; None where there is none.

    What it imports of torchvision itself is tritonnn's, so it runs where it needs nothing native.
    """
    head, *inner = name.split(".")
    if head != "torchvision" or not inner:
        return None
    spec = PathFinder.find_spec(head, [folder for folder in sys.path if folder != shim_folder()])
    for depth in range(1, len(inner) + 1):
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(".".join([head, *inner[:depth]]), spec.submodule_search_locations)
    return spec


def _serve_module(module: ModuleType) -> None:
    """A module of tritonnn under PyTorch's name, its classes too."""
    _identity.rename(module)
    name = vars(module)["__name__"]
    # Those who look for a class by its name look into sys.modules: typing, dataclasses, inspect.
    sys.modules.setdefault(_name_of(module), module)
    if _name_of(module) != name:
        _identity.call(module, _name_of(module))


def _name_of(module: ModuleType) -> str:
    """What a module of tritonnn goes by while it is served."""
    name = vars(module)["__name__"]
    return name if f"{name}.".startswith(_identity.INNER) else _served_name(name)


def serve() -> None:
    """From now on `import torch` gives tritonnn in this process, and its classes go by PyTorch's names.

    `torch.__version__` then is the version of PyTorch whose interface this is; `tritonnn.version.project` stays.

    Raises RuntimeError where the real PyTorch has been imported already: two libraries under one name
    would mix.
    """
    for name in SERVED:
        module = sys.modules.get(name)
        if module is not None and not _is_own(vars(module)["__name__"]) and not _is_shim(module):
            raise RuntimeError(f"{name} is imported already from {getattr(module, '__file__', '?')}")
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _Finder())
    if shim_folder() not in sys.path:  # for processes that multiprocessing spawns
        sys.path.insert(1, shim_folder())
    _identity.claim()
    for name, module in list(sys.modules.items()):
        if _is_own(name) and module is not None:
            _serve_module(module)
    library = sys.modules["tritonnn"]
    library.torch = library  # type: ignore[attr-defined]
    sys.modules["torch.ops"] = library.ops


def replace(name: str) -> None:
    """Put tritonnn's module in the place of the stand-in `name` that is being imported."""
    del sys.modules[name]
    importlib.import_module(name)


def _is_own(name: str) -> bool:
    return name == "tritonnn" or name.startswith("tritonnn.")


def _is_shim(module: ModuleType) -> bool:
    return os.path.dirname(getattr(module, "__file__", None) or "") == shim_folder()


def shim_folder() -> str:
    """What has a `torch` that puts tritonnn in its place, for processes that do not run this file."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "_shim")


def explain(error: BaseException) -> None:
    """Reword an error about a missing module or attribute of tritonnn as one about the PyTorch name."""
    name = None
    if isinstance(error, ModuleNotFoundError) and error.name and _own_name(error.name):
        name = error.name
    elif isinstance(error, ImportError):
        match = re.match(
            r"cannot import name '([^']+)' from '((?:tritonnn|torch(?:vision)?)(?:\.[^']*)?)'", str(error)
        )
        name = f"{_served_name(match[2])}.{match[1]}" if match else None
    elif isinstance(error, AttributeError) and error.name:
        owner = _owner(error.obj)
        name = f"{owner}.{error.name}" if owner else None
    if name is None:
        return
    why = _reason(name)
    text = f"tritonnn has no {name}{why}" if why else missing(name)
    error.args = (text, *error.args[1:])
    if isinstance(error, ImportError):
        error.msg = text


def _reason(name: str) -> str:
    """What the library itself says of a name that it leaves out, after that name; else nothing."""
    module, _, attribute = name.rpartition(".")
    try:
        getattr(sys.modules[_own_name(module) or module], attribute)
    except (AttributeError, KeyError) as error:
        text, start = str(error.args[0]), f"tritonnn has no {name}: "
        return text[len(start) - 2 :] if text.startswith(start) else ""
    return ""


def _owner(obj: object) -> str | None:
    """The PyTorch name of a module or class of tritonnn, or of a tensor's class; else None.

    Instances of other classes are left alone: an attribute missing on a user's Module is the user's bug.
    """
    if isinstance(obj, ModuleType):
        own = vars(obj).get("__name__", "")
        return _served_name(own) if _is_own(own) else None
    if isinstance(obj, type):
        module = _served_name(obj.__module__)
        return f"{module}.{obj.__name__}" if module.partition(".")[0] in SERVED else None
    return "torch.Tensor" if type(obj) is sys.modules["tritonnn"].Tensor else None


def _run_script(script: str, args: Sequence[str]) -> None:
    try:
        with open(script, "rb") as file:
            source = file.read()
    except OSError as error:
        reason = error.strerror or str(error)
        raise SystemExit(f"tritonnn run: cannot open {script!r}: {reason}") from None
    sys.argv[:] = [script, *args]
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    sys.path.insert(1, shim_folder())
    # A module of its own that stays in sys.modules: classes defined in the script pickle, and spawned
    # workers find the file, as under `python SCRIPT`.
    module = ModuleType("__main__")
    module.__dict__.update(__file__=script, __builtins__=__builtins__, __cached__=None)
    sys.modules["__main__"] = module
    exec(compile(source, script, "exec"), module.__dict__)


def _run_module(name: str, args: Sequence[str]) -> None:
    sys.argv[:] = [name, *args]
    sys.path[0] = os.getcwd()
    sys.path.insert(1, shim_folder())
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def run(name: str, args: Sequence[str], is_module: bool) -> int:
    """Run a script, or a module, under the name `__main__`; `serve()` has been called. Returns the exit code."""
    try:
        (_run_module if is_module else _run_script)(name, args)
    except Exception as error:
        explain(error)
        error.__traceback__ = _users_frames(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def _users_frames(trace: TracebackType | None) -> TracebackType | None:
    """A traceback from the user's first frame on, without those that started the program."""
    first = trace
    while first is not None and first.tb_frame.f_code.co_filename in (
        __file__,
        runpy.__file__,
        "<frozen runpy>",
    ):
        first = first.tb_next
    return first or trace
