"""The op table: what an entry is, and how a function, a method, tests and documentation come from it.

An entry is a decorated function. Its signature is the op's schema, its docstring the documentation, and

- of a `primitive` its body is the rule: check the arguments and return what to allocate,
- of a `pointwise` primitive there is no body: shape and dtype follow from broadcasting and promotion,
- of a `view` its body returns shape, stride and offset over the same memory,
- of a `composite` its body computes with other ops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tritonnn import dispatch, dtypes
from tritonnn.autograd.saving import Saving
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, complete
from tritonnn.shape import Size
from tritonnn.tensor import Tensor

OPS: dict[str, Op] = {}
NAMESPACES: dict[str, dict[str, Any]] = {"torch": {}, "functional": {}, "linalg": {}, "special": {}}
KEYWORD_ALIASES = {
    "axis": "dim",
    "keepdims": "keepdim",
    "x": "input",
    "a": "input",
    "self": "input",
    "x2": "other",
}
ALL_TYPES = dtypes.ALL
FLOATING = dtypes.FLOATING
REAL = (dtypes.bool_, *dtypes.INTEGRAL, *dtypes.FLOATING)
NUMERIC = (*dtypes.INTEGRAL, *dtypes.FLOATING)
FLOATING_AND_COMPLEX = (*dtypes.FLOATING, *dtypes.COMPLEX)
ANY = (*REAL, *dtypes.COMPLEX)


class Out:
    """What a rule asks dispatch to allocate for one result.

    Args:
        shape: the extents.
        dtype: the type of the elements.
        device: only where no tensor argument tells it.
        strides: of a dense result whose dimensions do not lie row-major; None where they do.
    """

    __slots__ = ("device", "dtype", "shape", "strides")

    def __init__(
        self, shape: Sequence[int], dtype: DType, device: Any = None, strides: tuple[int, ...] | None = None
    ) -> None:
        self.shape = shape if shape.__class__ is Size else Size(shape)
        self.dtype = dtype
        self.device = device
        self.strides = strides


class Sample:
    """One valid call of an op, for the generated tests.

    Attributes:
        constants: names of the tensor arguments that the op refuses to differentiate.
    """

    constants: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs

    def constant(self, *names: str) -> Sample:
        """The call, with these arguments never requiring a gradient."""
        self.constants = names
        return self

    def __repr__(self) -> str:
        return f"Sample({self.args}, {self.kwargs})"


class Bad(Sample):
    """One call that must be refused: `Bad(args..., error=IndexError, match='regex', **kwargs)`."""

    def __init__(self, *args: Any, error: type[Exception] = RuntimeError, match: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.error = error
        self.match = match


class Perf(Sample):
    """One call for the performance report: `Perf("4096 x 1024", make(4096, 1024), dim=-1, flops=...)`.

    Args:
        label: what tells it from the op's other rows.
        flops: floating-point operations of a call; 0 where memory is what counts.
        nbytes: bytes read and written at least; 0 counts the inputs, and the largest of them once more.
        of: the element type of the inputs, by name.
        devices: where it is measured.
        quick: whether the short report has it.
    """

    def __init__(
        self, label: str, *args: Any, flops: float = 0, nbytes: float = 0, of: str = "float32",
        devices: tuple[str, ...] = ("cpu", "cuda"), quick: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        self.label, self.flops, self.nbytes, self.dtype = label, flops, nbytes, of
        self.devices, self.quick = devices, quick


class Entry(Protocol):
    """The function that an entry publishes."""

    op: Op
    __name__: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


class Op:
    """One entry of the table. Built by the decorators below."""

    def __init__(self, function: Callable, kind: str, **options: Any) -> None:
        code = function.__code__
        count = code.co_argcount + code.co_kwonlyargcount
        annotations = function.__annotations__
        self.name: str = options.get("name") or function.__name__
        self.public_name: str = options.get("public") or self.name  # what errors call it
        # The backend file; a module of entries that shares another's file says so by FAMILY.
        self.family: str = (
            options.get("family") or function.__globals__.get("FAMILY") or _last_part(function.__module__)
        )
        self.module: str = function.__module__
        self.kind = kind
        self.rule = _all_positional(function)
        self.names: tuple[str, ...] = code.co_varnames[:count]
        self.n_positional = code.co_argcount
        self.defaults = _defaults(function, self.names)
        self.check: Callable | None = options.get("check")
        self.legacy: Callable | None = options.get("legacy")
        self.refuse: dict[DType, str] = options.get("refuse") or {}
        self.n_required = next((i for i, name in enumerate(self.names) if name in self.defaults), count)
        slots = [(i, annotations.get(name, "")) for i, name in enumerate(self.names)]
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
        self._saving: dict[tuple, Saving] = {}
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

    def saving(self, needs: tuple[bool, ...], args: tuple) -> Saving:
        """What to save when the gradients of these edges are wanted."""
        key = needs if not self.list_slots else (needs, *[len(args[i]) for i in self.list_slots])
        plan = self._saving.get(key)
        if plan is None:
            plan = self._saving[key] = Saving(self, needs, args)
        return plan

    def bind(self, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, Any]:
        """All arguments in schema order, and `out`.

        Raises:
            TypeError: an argument is missing, unknown, or given twice.
        """
        if self.legacy is not None and len(args) > self.n_positional:
            args = self.legacy(args, kwargs)
        out = kwargs.pop("out", None)
        if len(args) > self.n_positional:
            raise TypeError(
                f"{self.name}() takes {self.n_positional} positional arguments but {len(args)} were given"
                f" (signature: {self.signature})"
            )
        values = list(args)
        for name in self.names[len(args) :]:
            if name in kwargs:
                values.append(kwargs.pop(name))
            elif name in self.defaults and not (kwargs and self._take_alias(name, kwargs, values)):
                values.append(self.defaults[name])
            elif name not in self.defaults and not self._take_alias(name, kwargs, values):
                raise TypeError(
                    f"{self.name}() missing required argument '{name}' (signature: {self.signature})"
                )
        if kwargs:
            name = next(iter(kwargs))
            known = "got multiple values for" if name in self.names else "got an unexpected keyword"
            raise TypeError(f"{self.name}() {known} argument '{name}' (signature: {self.signature})")
        if self.check is not None:
            try:
                self.check(*values)
            except Invalid as invalid:
                raise complete(self.public_name, self.names, tuple(values), invalid) from None
        return tuple(values), out

    def _take_alias(self, name: str, kwargs: dict[str, Any], values: list) -> bool:
        for alias, target in KEYWORD_ALIASES.items():
            if target == name and alias in kwargs:
                values.append(kwargs.pop(alias))
                return True
        return False

    @property
    def signature(self) -> str:
        """Such as 'add(input, other, *, alpha=1)'."""
        parts = []
        for i, name in enumerate(self.names):
            if i == self.n_positional:
                parts.append("*")
            parts.append(f"{name}={self.defaults[name]!r}" if name in self.defaults else name)
        return f"{self.name}({', '.join(parts)})"


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


def _last_part(module: str) -> str:
    return module.rsplit(".", 1)[-1]


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


# ---- dtype rules of pointwise ops: common dtype -> (dtype computed in, dtype of the result) ------------------


def PROMOTE(common: DType) -> tuple[DType, DType]:
    """The result has the common dtype (add, mul, maximum, ...)."""
    return common, common


def FLOAT(common: DType) -> tuple[DType, DType]:
    """Integers become the default floating dtype (exp, div, ...)."""
    if common.kind < 2:
        common = dtypes.get_default_dtype()
    return common, common


def BOOL(common: DType) -> tuple[DType, DType]:
    """The result is bool (comparisons, isnan, ...)."""
    return common, dtypes.bool_


# ---- decorators ---------------------------------------------------------------------------------------------


def primitive(**options: Any) -> Callable[[Callable], Entry]:
    """An op with two implementations by name; the decorated body is its rule.

    The body returns `Out(shape, dtype)`, or a tuple of them for several results; or `(outs, args)` where `args` are
    all arguments in schema order, normalised.

    Options:
        api: where it appears: "torch tensor functional linalg special".
        public: the name it appears under, where that is taken by another entry (F.softmax beside torch.softmax).
        grad: argument -> formula. The first parameter of a formula is the incoming gradient; the names of the others
            say what it needs and so what is saved: an argument, a result, `<argument>_shape|_dtype|_device`, `needs`.
        backward: one formula for all arguments instead; returns one gradient per argument (None for non-tensors).
        results: names of the results (a named tuple is returned where there are several).
        non_differentiable: names of the results that have no gradient (indices, saved statistics).
        dtypes: what the first tensor may be. samples, errors, perf: `lambda make: [...]`
            of `Sample`, `Bad` and `Perf`.
        reference: the definition in NumPy, independent of the op, for the tests: `lambda input, dim: ...`. The names of
            its parameters say what it needs, as those of a gradient formula do; tensors arrive as ndarrays (float16
            and bfloat16 as float64), and absent arguments as their defaults. A ufunc is given the tensors in order.
        inplace: also make the method `name_`. alias: more names.
        aliasing: the implementation may be given its first argument as the output (in-place calls need no copy).
        public: what errors call it, where users know another name.
        rule_only: names of arguments that only the rule reads (a dtype that the result's says already).
        alloc: sizes depend on data: the implementation gets `alloc(shape, dtype)` and returns the results.
        host: runs through the host by declaration.
        float8: whether tensors may be of float8 types: what only moves elements may, and products.
    """
    return lambda rule: _publish(Op(rule, "primitive", **options), dispatch.call, options)


def pointwise(result: Callable = PROMOTE, **options: Any) -> Callable[[Callable], Entry]:
    """An elementwise primitive; `result` is its dtype rule. Options as of `primitive`.

    Further options:
        exempt: names of tensor arguments that take no part in promotion (the condition of `where`).
        check: called with all arguments where one that is not a leading tensor was given (always, where there are
            only tensors); raises Invalid.
        refuse: dtype -> why a tensor of it is refused, where there is more to say than that.
        legacy: `(args, kwargs) -> args`, called with more positional arguments than the schema has; it may move
            some to kwargs, and returns args as they are where it does not know them.
    """
    options.setdefault("api", "torch tensor")
    options.setdefault("inplace", True)
    return lambda entry: _publish(
        Op(entry, "primitive", result_rule=result, **options), dispatch.pointwise, options
    )


def unary(
    name: str, doc: str, result: Callable = PROMOTE, grad: Callable | None = None, **options: Any
) -> Callable:
    """A pointwise op of one tensor, in one line: `exp = unary("exp", "e^x", FLOAT, lambda g, result: g * result)`."""

    def entry(input: Tensor) -> Any: ...

    import sys

    entry.__name__ = entry.__qualname__ = name
    entry.__module__ = sys._getframe(1).f_globals["__name__"]
    entry.__doc__ = doc
    options.setdefault("family", sys._getframe(1).f_globals.get("FAMILY"))
    if grad is not None:
        options["grad"] = {"input": grad}
    return pointwise(result, **options)(entry)


def view(**options: Any) -> Callable[[Callable], Entry]:
    """An op that only changes the geometry; the body returns (shape, stride, offset) in elements.

    A fourth value is the dtype of the elements, where the memory is seen as another one.
    """
    options.setdefault("api", "torch tensor")
    return lambda rule: _publish(Op(rule, "view", out=False, **options), dispatch.view, options)


def writing(**options: Any) -> Callable[[Callable], Entry]:
    """A primitive that writes into tensors it is given and has no result; the body checks, and returns those."""
    return lambda rule: _publish(Op(rule, "writing", out=False, **options), dispatch.write, options)


def composite(**options: Any) -> Callable[[Callable], Entry]:
    """An op whose body computes with other ops; devices and gradients come free."""

    def decorate(body: Any) -> Entry:
        op = Op(body, "composite", **options)
        op.function = body
        body.op = op
        _register(op, body, options)
        if op.inplace:
            _method(op.name + "_", dispatch.inplace_composite(body), options)
        return body

    return decorate


def expose(api: str, *names: str) -> Callable[[Callable], Callable]:
    """Put a plain function (no entry of its own) under its own and further names: `@expose("torch tensor")`."""

    def decorate(function: Callable) -> Callable:
        for name in (function.__name__, *names):
            for place in api.split():
                if place == "tensor":
                    setattr(Tensor, name, function)
                else:
                    NAMESPACES[place][name] = function
        return function

    return decorate


def _publish(op: Op, run: Callable, options: dict[str, Any]) -> Entry:
    tails, bind = op.tails, op.bind

    def function(*args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            tail = tails.get(len(args))
            if tail is not None:
                return run(op, args + tail)
        bound, out = bind(args, kwargs)
        return run(op, bound) if out is None else run(op, bound, out)

    entry = _dress(function, op, op.name)
    op.function = entry
    _register(op, entry, options)
    if op.inplace:

        def in_place(*args: Any, **kwargs: Any) -> Any:
            return dispatch.inplace(op, bind(args, kwargs)[0])

        _dress(in_place, op, op.name + "_")
        in_place.__doc__ = f"In-place version of `{op.name}`."
        _method(op.name + "_", in_place, options)
        for alias in options.get("alias", ()):
            _method(alias + "_", in_place, options)
    return entry


def _dress(function: Any, op: Op, name: str) -> Entry:
    function.__name__ = function.__qualname__ = name
    function.__module__ = op.module
    function.__doc__ = op.doc
    function.op = op
    return function


def _register(op: Op, function: Callable, options: dict[str, Any]) -> None:
    if op.name in OPS:
        raise ValueError(f"the op table has two entries '{op.name}': {OPS[op.name].module}, {op.module}")
    OPS[op.name] = op
    for place in op.api.split():
        for name in (options.get("public") or op.name, *options.get("alias", ())):
            if place == "tensor":
                setattr(Tensor, name, function)
            else:
                NAMESPACES[place][name] = function


def _method(name: str, function: Callable, options: dict[str, Any]) -> None:
    setattr(Tensor, name, function)
    if "torch" in options.get("api", "").split():
        NAMESPACES["torch"].setdefault(name, function)
