"""Op: one entry of the table as everything else reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from inspect import CO_VARARGS, CO_VARKEYWORDS
from typing import Any

from tritonnn._families import OWN
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, complete, refused
from tritonnn.table import between
from tritonnn.table._reading import all_positional, defaults_of, place_of, plain_note
from tritonnn.table.arguments import Kind, kind_of_argument, taken_at_once, verify
from tritonnn.table.entry import Later
from tritonnn.table.formulas import no_derivative
from tritonnn.table.rules import FLOAT, FLOATING, PROMOTE

OPS: dict[str, Op] = {}
# Where entries appear, by the word that an entry's `api` has for it; the modules that users find them in.
MODULES = {
    "torch": "tritonnn", "functional": "tritonnn.nn.functional", "linalg": "tritonnn.linalg",
    "special": "tritonnn.special", "fft": "tritonnn.fft", "torchvision": "tritonnn.ops.torchvision",
}  # fmt: skip
NAMESPACES: dict[str, dict[str, Any]] = {place: {} for place in MODULES}
#: what takes `out=` where it is no composite; "package" is the module of an entry of another package
PUBLISHED = frozenset(("torch", "linalg", "special", "fft", "package"))
KEYWORD_ALIASES = {
    "axis": "dim", "keepdims": "keepdim", "x": "input", "x1": "input", "a": "input", "self": "input", "x2": "other",
}  # fmt: skip


_ANY = CO_VARARGS | CO_VARKEYWORDS


def _option(name: str, default: Any) -> Any:
    return cached_property(lambda op: op.options.get(name) or default)


class Op:
    """One entry of the table. Built by the decorators below.

    Hundreds are made at import, so what can wait is computed where it is first asked for, and kept.
    """

    def __init__(self, function: Callable, kind: str, **options: Any) -> None:
        code = function.__code__
        self.options = options
        self.kind = kind
        self.body = self.run = function  # what a call runs may be exchanged; the body stays
        # What its body and the functions of the backends are called, and what it is in the table: those of other
        # packages are `package.name` there, which no list of the library's can mean by accident.
        self.own_name: str = options.get("name") or function.__name__
        self.package, self.family = place_of(function.__module__)
        self.name: str = self.own_name if self.package == OWN else f"{self.package}.{self.own_name}"
        # What errors call it: `linalg_svd`, of which functions of linalg are made, as users do.
        self.public_name: str = options.get("public") or self.name.replace("linalg_", "linalg.", 1)
        self.api: str = options.get("api", "")
        self.names: tuple[str, ...] = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        self.n_positional = code.co_argcount
        self.takes_any = bool(code.co_flags & _ANY)  # sizes in line, as in `x.expand(2, -1)`
        in_line = (
            code.co_varnames[len(self.names) : len(self.names) + 1] if code.co_flags & CO_VARARGS else ()
        )
        self.takes_tensors = any(
            ["int" not in str(function.__annotations__.get(name)).lower() for name in in_line]
        )
        self.legacy: Callable | None = options.get("legacy")
        self.inplace: bool = options.get("inplace", False)
        # Whether `out=` is taken beside the arguments that are named: said by composites and by what is published
        # in nn.functional alone.
        published = kind != "composite" and not PUBLISHED.isdisjoint(self.api.split())
        self.takes_out: bool = options.get("out", published)
        self.cpu: Callable | None = None  # found by name when first needed
        self.gpu: Callable | None = None
        self.launches: dict[tuple, Any] = {}  # pointwise calls on a GPU by their geometries
        self.tuple_type: type | None = None
        self.saving: dict[tuple, Any] = {}  # plans of what to save, by which gradients are wanted
        self.node_class: Any = None  # of the nodes that its calls record, where all have the same name
        self.function: Callable

    # ---- the schema -------------------------------------------------------------------------------------------

    @cached_property
    def annotations(self) -> dict[str, str]:
        """Argument, and "return", -> its annotation."""
        given = self.body.__annotations__
        return (
            dict(given) if self.package == OWN else {name: plain_note(note) for name, note in given.items()}
        )

    @cached_property
    def module(self) -> str:
        """Where the entry stands."""
        return self.body.__module__

    @cached_property
    def rule(self) -> Callable:
        """The body, its keyword-only parameters taken by position."""
        return all_positional(self.body)

    @cached_property
    def doc(self) -> str:
        """The docstring."""
        return self.body.__doc__ or ""

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Argument -> default."""
        return defaults_of(self.body, self.names)

    @cached_property
    def n_required(self) -> int:
        """How many arguments come before the first with a default."""
        return next((i for i, name in enumerate(self.names) if name in self.defaults), len(self.names))

    @cached_property
    def notes(self) -> list[str]:
        """The annotation of each argument."""
        return [self.annotations.get(name, "") for name in self.names]

    @cached_property
    def kinds(self) -> tuple[Kind | None, ...]:
        """What each argument may be."""
        functional = "functional" in self.api.split()
        return tuple(
            [
                kind_of_argument(name, note, self.defaults.get(name, ...) is None, functional)
                for name, note in zip(self.names, self.notes)
            ]
        )

    @cached_property
    def places(self) -> dict[str, int]:
        """Argument -> its position."""
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Other names that arguments may be given by, and whose they are."""
        known = {**KEYWORD_ALIASES, **self.options.get("keywords", {})}
        return {a: name for a, name in known.items() if name in self.places and a not in self.places}

    @cached_property
    def tensor_slots(self) -> tuple[int, ...]:
        """Positions of the tensors, lists of tensors among them."""
        return tuple([i for i, note in enumerate(self.notes) if "Tensor" in note])

    @cached_property
    def list_slots(self) -> tuple[int, ...]:
        """Positions of the lists of tensors."""
        return tuple([i for i, note in enumerate(self.notes) if "Tensors" in note])

    @cached_property
    def optional_slots(self) -> frozenset[int]:
        """Positions of the tensors that may be None."""
        return frozenset([i for i in self.tensor_slots if "None" in self.notes[i]])

    @cached_property
    def number_slots(self) -> frozenset[int]:
        """Positions of the tensors that may be numbers."""
        return frozenset([i for i in self.tensor_slots if "Number" in self.notes[i]])

    @cached_property
    def rule_only(self) -> frozenset[int]:
        """Positions of arguments that only the rule reads; the backend's function does not take them."""
        return frozenset(
            [self.places[name] for name in self.options.get("rule_only", ()) if name in self.places]
        )

    @cached_property
    def tails(self) -> dict[int, tuple]:
        """By number of positional arguments given: the defaults of the rest."""
        return _tails(self)

    def way(self, given: int, unchecked: int) -> tuple:
        """How a call with so many positional arguments and none by name is completed and looked at.

        Args:
            unchecked: the position from which on classes of arguments are looked at.

        Returns:
            (the defaults of the rest, ((position, classes that need no closer look), ...)); () where the call has to
            be bound.
        """
        return (self.tails[given], self.looks(unchecked, given)) if given in self.tails else ()

    def looks(self, first: int, end: int) -> tuple[tuple[int, frozenset[type]], ...]:
        """(position, classes that need no closer look) of the arguments between two positions."""
        return tuple([(i, taken_at_once(self.kinds[i], i in self.list_slots)) for i in range(first, end)])

    # ---- what it computes with -----------------------------------------------------------------------------------

    check: Callable | None = _option("check", None)
    samples: Callable | None = _option("samples", None)
    errors: Callable | None = _option("errors", None)
    perf: Callable | None = _option("perf", None)
    backward: Callable | None = _option("backward", None)
    result_rule: Callable | None = _option("result_rule", None)
    alloc: bool = _option("alloc", False)
    typed_by_out: bool = _option("typed_by_out", False)  # whether it computes in the type of its `out=`
    host: str | Callable[..., str] = _option(
        "host", ""
    )  # the library on the host, or what names it for arguments
    out: bool = _option("out", True)
    float8: bool = _option("float8", False)
    aliasing: bool = _option("aliasing", False)
    recorded: bool = _option("recorded", False)
    renewable: bool = _option("renewable", False)
    several: bool = _option("several", False)  # as many results as a call needs, all of them views
    results: tuple[str, ...] = _option("results", ("result",))
    own_form: tuple[str, ...] = _option("own_form", ())
    preserved: tuple[str, ...] = _option("preserved", ())
    dtypes: tuple[DType, ...] = _option("dtypes", FLOATING)

    @cached_property
    def reference(self) -> Callable | None:
        """The definition in NumPy."""
        given = self.options.get("reference")
        return given.find() if isinstance(given, Later) else given

    @cached_property
    def refuse(self) -> dict[DType, str]:
        """dtype -> why a tensor of it is refused."""
        return self.options.get("refuse") or {}

    @cached_property
    def plain(self) -> bool:
        """Whether a call needs nothing but its rule, one allocation and its backend function."""
        return bool(self.tensor_slots) and not (self.alloc or self.host or self.list_slots or self.rule_only)

    @cached_property
    def fast(self) -> dict[DType, DType]:
        """Input dtype -> result dtype, where the op computes in the input's own dtype."""
        return _fast_dtypes(self)

    @cached_property
    def promoting(self) -> tuple[int, ...]:
        """Positions of the tensors that take part in promotion."""
        exempt = self.options.get("exempt", ())
        return tuple([i for i in self.tensor_slots if self.names[i] not in exempt])

    # ---- its derivative ------------------------------------------------------------------------------------------

    @cached_property
    def has_derivative(self) -> bool:
        """Whether gradients are known: by formulas, or by those of the ops it is composed of."""
        composed = self.kind == "composite" and not self.options.get("no_derivative")
        return bool(self.options.get("grad")) or self.backward is not None or composed

    @cached_property
    def grad(self) -> dict[str, Callable]:
        """Argument -> formula."""
        known = self.options.get("grad") or {}
        if self.options.get("unrecorded"):
            return known
        floating = self.result_rule in (PROMOTE, FLOAT)
        if self.has_derivative or not (floating or self.host or self.options.get("no_derivative")):
            return known
        # A floating result without a formula: backward says so instead of leaving the gradient out silently.
        return {self.names[slot]: no_derivative(self.public_name) for slot in self.tensor_slots}

    @cached_property
    def differentiable(self) -> bool:
        """Whether calls are recorded."""
        return bool(self.grad) or self.backward is not None

    @cached_property
    def non_differentiable(self) -> frozenset[int]:
        """Numbers of the results that have no gradient."""
        without = self.options.get("non_differentiable", ())
        return frozenset([i for i, name in enumerate(self.results) if name in without])

    @cached_property
    def gradient_index(self) -> int:
        """Formulas get the one gradient there can be, or with several differentiable results a tuple (index -1)."""
        if self.several:
            return -1
        differentiable = [i for i in range(len(self.results)) if i not in self.non_differentiable]
        return differentiable[0] if len(differentiable) == 1 else -1

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"

    def implementation(self, device_type: str) -> Callable:
        """The backend function of the op's name, found in the file of the op's family."""
        if device_type == "cpu":
            from tritonnn.cpu_fallback import implementation
        else:
            from tritonnn.kernels import implementation
        found = implementation(self.family, self.own_name, self.package)
        function = between.passed(self, device_type, found)
        setattr(self, "cpu" if device_type == "cpu" else "gpu", function)
        return function

    def bind(self, args: tuple, kwargs: dict[str, Any], suffix: str = "") -> tuple[tuple, Any]:
        """All arguments in schema order, and `out`; `suffix` is what a form's name has more than the op's.

        Raises:
            TypeError: an argument is missing, unknown, or given twice.
        """
        if self.legacy is not None and len(args) > self.n_positional:
            args = self.legacy(args, kwargs)
        out = kwargs.pop("out", None)
        if len(args) > self.n_positional:
            raise self.refusal(
                f"takes {self.n_positional} positional arguments but {len(args)} were given", args, suffix
            )
        values = list(args)
        for name in self.names[len(args) :]:
            if name in kwargs:
                values.append(kwargs.pop(name))
            elif name in self.defaults and not (kwargs and self._take_alias(name, kwargs, values)):
                values.append(self.defaults[name])
            elif name not in self.defaults and not self._take_alias(name, kwargs, values):
                raise self.refusal(f"missing required argument '{name}'", values, suffix)
        if kwargs:
            name = next(iter(kwargs))
            known = self.aliases.get(name, name) in self.names
            what = "got multiple values for" if known else "got an unexpected keyword"
            raise self.refusal(f"{what} argument '{name}'", values, suffix)
        if self.api:
            values = verify(self, values)  # type: ignore[assignment]  # a list, as it was given one
        if self.check is not None:
            try:
                values = self.check(*values) or values
            except Invalid as invalid:
                raise complete(self.public_name, self.names, tuple(values), invalid) from None
        return tuple(values), out

    def _take_alias(self, name: str, kwargs: dict[str, Any], values: list) -> bool:
        for alias in kwargs:
            if self.aliases.get(alias) == name:
                values.append(kwargs.pop(alias))
                return True
        return False

    def rename(self, kwargs: dict[str, Any]) -> None:
        """Give arguments that came by another name their own, where that did not come as well."""
        for alias in [alias for alias in kwargs if alias in self.aliases]:
            if self.aliases[alias] not in kwargs:
                kwargs[self.aliases[alias]] = kwargs.pop(alias)

    def refusal(self, text: str, args: Sequence[Any], suffix: str = "") -> Exception:
        """What is said of arguments that are not those of the signature; `args` are those known, in order."""
        name = self.public_name + suffix
        return refused(f"{name}() {text} (signature: {self.signature})", self.names, args)

    @property
    def signature(self) -> str:
        """Such as 'add(input, other, *, alpha=1)'."""
        code = self.body.__code__
        inline = code.co_varnames[len(self.names)] if code.co_flags & CO_VARARGS else ""
        parts = []
        for i, name in enumerate(self.names):
            if i == self.n_positional:
                parts.append(f"*{inline}")
            parts.append(f"{name}={self.defaults[name]!r}" if name in self.defaults else name)
        if inline and len(self.names) == self.n_positional:
            parts.append(f"*{inline}")
        if code.co_flags & CO_VARKEYWORDS:
            parts.append(f"**{code.co_varnames[len(self.names) + bool(inline)]}")
        return f"{self.public_name}({', '.join(parts)})"


def _tails(op: Op) -> dict[int, tuple]:
    """By number of positional arguments given: the defaults of the rest."""
    values = [op.defaults.get(name) for name in op.names]
    if any(name not in op.defaults for name in op.names[op.n_positional :]):
        return {}
    if op.check is not None:  # what is given goes through `bind`, which checks; defaults mostly are good
        if len(op.names) == len(op.tensor_slots) or getattr(op.check, "of_defaults", False):
            return {}
        return {op.n_required: tuple(values[op.n_required :])} if op.n_required in _tensor_counts(op) else {}
    return {given: tuple(values[given:]) for given in range(op.n_required, op.n_positional + 1)}


def _tensor_counts(op: Op) -> tuple[int, ...]:
    """The number of leading tensor arguments, if all other arguments have defaults; else nothing."""
    count = len(op.tensor_slots)
    return (count,) if op.tensor_slots == tuple(range(count)) else ()


def _fast_dtypes(op: Op) -> dict[DType, DType]:
    """Input dtype -> result dtype, where the op computes in the input's own dtype."""
    if op.result_rule is None:
        return {}
    table = {}
    for given in op.dtypes:
        compute, result = op.result_rule(given)
        if compute is given:
            table[given] = result
    return table
