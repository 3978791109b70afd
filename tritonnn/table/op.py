"""Op: one entry of the table as everything else reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import CO_VARARGS, CO_VARKEYWORDS
from typing import TYPE_CHECKING, Any

from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, complete, refused
from tritonnn.table.arguments import kind_of_argument, verify
from tritonnn.table.rules import FLOAT, FLOATING, PROMOTE

if TYPE_CHECKING:
    from tritonnn._tensor import Tensor

OPS: dict[str, Op] = {}
# Where entries appear, by the word that an entry's `api` has for it; the modules that users find them in.
MODULES = {
    "torch": "tritonnn", "functional": "tritonnn.nn.functional", "linalg": "tritonnn.linalg",
    "special": "tritonnn.special",
}  # fmt: skip
NAMESPACES: dict[str, dict[str, Any]] = {place: {} for place in MODULES}
KEYWORD_ALIASES = {
    "axis": "dim",
    "keepdims": "keepdim",
    "x": "input",
    "x1": "input",
    "a": "input",
    "self": "input",
    "x2": "other",
}


class Op:
    """One entry of the table. Built by the decorators below."""

    def __init__(self, function: Callable, kind: str, **options: Any) -> None:
        code = self.code = function.__code__
        count = code.co_argcount + code.co_kwonlyargcount
        annotations = function.__annotations__
        self.annotations: dict[str, str] = dict(annotations)
        self.name: str = options.get("name") or function.__name__
        self.public_name: str = options.get("public") or self.name  # what errors call it
        self.module: str = function.__module__
        # The folder or file below ops/; its backend functions stand in those of the same name.
        self.family: str = _family(self.module)
        self.kind = kind
        self.rule = _all_positional(function)
        self.names: tuple[str, ...] = code.co_varnames[:count]
        self.n_positional = code.co_argcount
        self.takes_any = bool(
            code.co_flags & (CO_VARARGS | CO_VARKEYWORDS)
        )  # `x.expand(2, -1)`: sizes in line
        self.defaults = _defaults(function, self.names)
        self.check: Callable | None = options.get("check")
        self.legacy: Callable | None = options.get("legacy")
        self.refuse: dict[DType, str] = options.get("refuse") or {}
        self.n_required = next((i for i, name in enumerate(self.names) if name in self.defaults), count)
        slots = [(i, annotations.get(name, "")) for i, name in enumerate(self.names)]
        functional = "functional" in options.get("api", "").split()
        self.kinds = tuple(
            [
                kind_of_argument(name, note, self.defaults.get(name, ...) is None, functional)
                for name, (_, note) in zip(self.names, slots)
            ]
        )
        self.places = {name: i for i, name in enumerate(self.names)}
        # Other names that arguments may be given by, and whose they are.
        named = {**KEYWORD_ALIASES, **options.get("keywords", {})}
        self.aliases = {a: name for a, name in named.items() if name in self.places and a not in self.places}
        self.tensor_slots = tuple(i for i, note in slots if "Tensor" in note)
        self.list_slots = tuple(i for i, note in slots if "Tensors" in note)
        self.tails = _tails(self)
        self.optional_slots = frozenset(i for i, note in slots if "Tensor" in note and "None" in note)
        self.number_slots = frozenset(i for i, note in slots if "Tensor" in note and "Number" in note)
        self.results: tuple[str, ...] = options.get("results") or ("result",)
        self.grad: dict[str, Callable] = options.get("grad") or {}
        self.backward: Callable | None = options.get("backward")
        self.has_derivative = bool(self.grad) or self.backward is not None or kind == "composite"
        if not self.has_derivative and (
            options.get("result_rule") in (PROMOTE, FLOAT)
            or options.get("host")
            or options.get("no_derivative")
        ):
            # A floating result without a formula: backward says so instead of leaving the gradient out silently.
            self.grad = {self.names[slot]: _no_derivative(self.public_name) for slot in self.tensor_slots}
        self.differentiable = bool(self.grad) or self.backward is not None
        self.non_differentiable: frozenset = frozenset(
            i for i, name in enumerate(self.results) if name in options.get("non_differentiable", ())
        )
        differentiable = [i for i in range(len(self.results)) if i not in self.non_differentiable]
        # Formulas get the one gradient there can be, or with several differentiable results a tuple (index -1).
        self.gradient_index = differentiable[0] if len(differentiable) == 1 else -1
        self.dtypes: tuple[DType, ...] = options.get("dtypes") or FLOATING
        self.samples: Callable | None = options.get("samples")
        self.errors: Callable | None = options.get("errors")
        self.reference: Callable | None = options.get("reference")
        self.perf: Callable | None = options.get("perf")
        self.alloc: bool = options.get("alloc", False)
        # Arguments that only the rule reads; the backend's function does not take them.
        self.rule_only = frozenset(
            i for i, name in enumerate(self.names) if name in options.get("rule_only", ())
        )
        self.host: bool = options.get("host", False)
        self.out: bool = options.get("out", True)
        self.float8: bool = options.get("float8", False)
        # Whether `out=` is taken beside the arguments that are named: said by composites and by what is published
        # in nn.functional alone.
        places = set(options.get("api", "").split())
        published = kind != "composite" and bool(places & {"torch", "linalg", "special"})
        self.takes_out: bool = options.get("out", published)
        # Whether a call needs nothing but its rule, one allocation and its backend function.
        self.plain = bool(self.tensor_slots) and not (
            self.alloc or self.host or self.list_slots or self.rule_only
        )
        self.inplace: bool = options.get("inplace", False)
        self.aliasing: bool = options.get("aliasing", False)
        self.api: str = options.get("api", "")
        self.result_rule: Callable | None = options.get("result_rule")
        self.fast = _fast_dtypes(self)
        self.promoting = tuple(i for i in self.tensor_slots if self.names[i] not in options.get("exempt", ()))
        self.doc = function.__doc__ or ""
        self.tuple_type: type | None = None
        self.cpu: Callable | None = None  # found by name when first needed
        self.gpu: Callable | None = None
        self.saving: dict[tuple, Any] = {}  # plans of what to save, by which gradients are wanted
        self.function: Callable

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"

    def implementation(self, device_type: str) -> Callable:
        """The backend function of the op's name, found in the file of the op's family."""
        if device_type == "cpu":
            from tritonnn.cpu_fallback import implementation

            self.cpu = implementation(self.family, self.name)
            return self.cpu
        from tritonnn.kernels import implementation as kernel

        self.gpu = kernel(self.family, self.name)
        return self.gpu

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
        code = self.code
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


def _all_positional(function: Callable) -> Callable:
    """The rule with its keyword-only parameters taken by position, as dispatch passes them."""
    code = function.__code__
    if not code.co_kwonlyargcount:
        return function
    count = code.co_argcount
    names = code.co_varnames[count : count + code.co_kwonlyargcount]
    return lambda *args: function(*args[:count], **dict(zip(names, args[count:], strict=True)))


def _defaults(function: Callable, names: tuple[str, ...]) -> dict[str, Any]:
    given = function.__defaults__ or ()
    positional = names[: function.__code__.co_argcount]
    found = dict(zip(positional[len(positional) - len(given) :], given, strict=True))
    found.update(function.__kwdefaults__ or {})
    return found


def _tails(op: Op) -> dict[int, tuple]:
    """By number of positional arguments given: the defaults of the rest."""
    values = [op.defaults.get(name) for name in op.names]
    if any(name not in op.defaults for name in op.names[op.n_positional :]):
        return {}
    if op.check is not None:  # defaults are good; what is given goes through `bind`, which checks
        if len(op.names) == len(op.tensor_slots):
            return {}
        return {op.n_required: tuple(values[op.n_required :])} if op.n_required in _tensor_counts(op) else {}
    return {given: tuple(values[given:]) for given in range(op.n_required, op.n_positional + 1)}


def _no_derivative(name: str) -> Callable:
    def refuse(g: Tensor) -> Tensor:
        raise NotImplementedError(f"the derivative for '{name}' is not implemented")

    return refuse


def _tensor_counts(op: Op) -> tuple[int, ...]:
    """The number of leading tensor arguments, if all other arguments have defaults; else nothing."""
    count = len(op.tensor_slots)
    return (count,) if op.tensor_slots == tuple(range(count)) else ()


def _family(module: str) -> str:
    """tritonnn.ops.loss.margin -> loss; outside the package the last part of the name."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["tritonnn", "ops"] and len(parts) > 2 else parts[-1]


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
