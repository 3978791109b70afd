"""Unpickling that runs nothing of the file, and takes memory and time in proportion to it."""

from __future__ import annotations

import pickle
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from typing import IO, Any

from tritonnn._tensor import Tensor
from tritonnn.serialization._budget import Budget, Frozen, WrongArgument, brief, check_nesting
from tritonnn.serialization._builders import BUILDERS
from tritonnn.serialization._pickling import Reader, StorageRef, find_known, safe_table

_OPCODES = (
    "PROTO FRAME STOP POP POP_MARK DUP MARK NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 "
    "LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 "
    "BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8 TUPLE EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 LIST EMPTY_LIST "
    "APPEND APPENDS DICT EMPTY_DICT SETITEM SETITEMS EMPTY_SET ADDITEMS FROZENSET GET BINGET LONG_BINGET PUT "
    "BINPUT LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL REDUCE NEWOBJ NEWOBJ_EX BUILD BINPERSID"
)
_DICTS = (dict, OrderedDict, defaultdict, Counter)
_plain: Any = pickle._Unpickler
_Op = Callable[[Any], None]


_SMALL = 1 << 16  # bytes that are asked for without a look at what is left


class Source:
    """A file of which a pickle may read `size` bytes; what is asked for is compared with what is left first."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file = file
        self.size = size
        self.start = file.tell()

    @property
    def place(self) -> int:
        """How much of it has been read."""
        return self.file.tell() - self.start

    def read(self, count: int) -> bytes:
        """Exactly `count` bytes.

        Raises:
            UnpicklingError: there are not as many.
        """
        data = b"" if count > _SMALL and count > self.size - self.place else self.file.read(count)
        if len(data) != count:
            left = self.size - self.place + len(data)
            raise pickle.UnpicklingError(f"{count} bytes are needed where {left} are left")
        return data

    def readline(self) -> bytes:
        """The bytes up to the end of a line."""
        return self.file.readline(self.size - self.place)


class Opcodes(dict[int, _Op]):
    """What each opcode does."""

    def __missing__(self, code: int) -> _Op:
        raise pickle.UnpicklingError(f"opcode {code:#04x} is none that saved files hold")


def _noted(plain: _Op) -> _Op:
    """An opcode that makes a tuple."""

    def load(self: Any) -> None:
        plain(self)
        self.frozen.note(self.stack[-1], self.stack[-1])

    return load


class SafeUnpickler(Reader, pickle._Unpickler):
    """Builds only what it knows to be harmless, and what the program has declared safe.

    Python's unpickler written in Python, with the opcodes that can do more taken out or checked: a name gives
    an entry of a table, only such an entry can be called or instantiated, and attributes are only set on
    instances of classes that the program has declared safe.

    Args:
        source: what to read.
        load_storage: gives the storage for (type, key, location, number of elements).
        encoding: of strings that Python 2 has written.
        space: what tensors that are computed may take, where that is not counted with the rest.
    """

    def __init__(
        self,
        source: Source,
        load_storage: Callable[..., StorageRef],
        encoding: str,
        space: Budget | None = None,
    ) -> None:
        super().__init__(source, encoding=encoding)
        self.source = source
        self.load_storage = load_storage
        self.budget = Budget(source.size)
        self.bytes = space or self.budget
        self.frozen = Frozen(self.budget)

    def load(self) -> Any:
        """The object.

        Raises:
            UnpicklingError, RuntimeError: as below; the text says before which byte of the pickle.
        """
        try:
            known = self._run()
            check_nesting(known)
            return known
        except WrongArgument:
            raise
        except Exception as error:
            kind = RuntimeError if _is_runtime_error(error) else pickle.UnpicklingError
            raise kind(f"{reason(error)} (before byte {self.source.place} of the pickle)") from error

    def _run(self) -> Any:
        self.read, self.readline = self.source.read, self.source.readline
        self.metastack: list[list[Any]] = []
        self.stack: list[Any] = []
        self.append = self.stack.append
        self.proto = 0
        read, dispatch = self.read, self.dispatch
        try:
            while True:
                dispatch[read(1)[0]](self)
        except pickle._Stop as stop:  # type: ignore[attr-defined]
            return stop.value

    def load_frame(self) -> None:
        """The opcodes that follow are announced as so many bytes: nothing hangs on it but that they are there."""
        size = int.from_bytes(self.read(8), "little")
        if size > self.source.size - self.source.place:
            raise pickle.UnpicklingError(f"a frame of {size} bytes reaches beyond the end")

    def find_class(self, module: str, name: str) -> Any:
        """The entry of the table under a name.

        Raises:
            UnpicklingError: there is none.
        """
        module, name, known = find_known(module, name)
        if known is not None:
            return known[0]
        raise pickle.UnpicklingError(
            f"Weights only load failed. Unsupported global: GLOBAL {module:.100}.{name:.100} was not an allowed "
            "global by default, since calling it could run code. If you trust the file, either allow it with "
            f"torch.serialization.add_safe_globals([{name:.100}]) (or the context manager "
            f"torch.serialization.safe_globals([{name:.100}])), or load with weights_only=False, which can run "
            "any code that the file contains."
        )

    def is_declared(self, item: object) -> bool:
        """Whether the program has declared it safe."""
        return any(item is known for known in safe_table().values())

    def call(self, function: Any, args: object) -> Any:
        """What a function or class of the table gives for the arguments in the file.

        Raises:
            UnpicklingError: it may not be called.
        """
        if type(args) is not tuple:
            raise pickle.UnpicklingError(f"arguments of a call are no tuple but {brief(args)}")
        if self.is_declared(function):
            return function(*args)
        build = _BUILDERS.get(id(function))
        if build is None:
            raise pickle.UnpicklingError(f"Weights only load failed: {brief(function)} may not be called")
        return build(self, *args)

    def load_reduce(self) -> None:
        """Calls a function of the table."""
        args = self.stack.pop()
        self.stack[-1] = self.call(self.stack[-1], args)

    def load_newobj(self) -> None:
        """Makes an instance of a class of the table."""
        args, cls = self.stack.pop(), self.stack.pop()
        if self._may_make(cls) or args != ():
            self._check_tuple(args)
            self.append(cls.__new__(cls, *args))
        else:
            self.append(cls())

    def load_newobj_ex(self) -> None:
        """Makes an instance of a class that was declared safe, with keyword arguments."""
        kwargs, args, cls = self.stack.pop(), self.stack.pop(), self.stack.pop()
        if not self._may_make(cls) or type(kwargs) is not dict:
            raise pickle.UnpicklingError(f"Weights only load failed: {brief(cls)} takes no keyword arguments")
        self._check_tuple(args)
        self.append(cls.__new__(cls, *args, **kwargs))

    def _may_make(self, cls: Any) -> bool:
        """Whether the program has declared a class safe; a container of Python's is not, and may be made empty."""
        if self.is_declared(cls):
            return True
        if not any(cls is kind for kind in (list, set, bytearray, *_DICTS)):
            raise pickle.UnpicklingError(
                f"Weights only load failed: instances of {brief(cls)} may not be made: allow the class with "
                "torch.serialization.add_safe_globals"
            )
        return False

    def _check_tuple(self, args: object) -> None:
        if type(args) is not tuple:
            raise pickle.UnpicklingError(f"arguments of an instance are no tuple but {brief(args)}")

    def load_build(self) -> None:
        """Sets the attributes of an OrderedDict, or of an instance of a class that was declared safe."""
        target = self.stack[-2]
        if type(target) is OrderedDict:
            self._set_attributes(target, self.stack.pop())
            return
        if isinstance(target, Tensor) or not self.is_declared(type(target)):
            raise pickle.UnpicklingError(
                f"Weights only load failed: attributes of {brief(target)} may not be set: allow its class with "
                "torch.serialization.add_safe_globals"
            )
        _plain.load_build(self)

    def _set_attributes(self, target: OrderedDict, state: object) -> None:
        """As `state_dict()._metadata`; what a dict has of its own is not replaced."""
        if not isinstance(state, dict):
            raise pickle.UnpicklingError("Weights only load failed: an OrderedDict's state must be a dict")
        self.budget.spend(8 * len(state), "the attributes of an OrderedDict")
        for name in state:
            if type(name) is not str or name.startswith("__") or hasattr(OrderedDict, name):
                raise pickle.UnpicklingError(f"an OrderedDict's state would replace its own {brief(name)}")
        target.__dict__.update(state)

    # ---- containers ---------------------------------------------------------------------------------------------

    def _into(self, target: object, kinds: Iterable[type], keys: Iterable[object] = ()) -> None:
        if not any(type(target) is kind for kind in kinds) and not self.is_declared(type(target)):
            raise pickle.UnpicklingError(f"Weights only load failed: items of {brief(target)} may not be set")
        self.frozen.keys(target, keys)

    def load_append(self) -> None:
        """Appends to a list."""
        self._into(self.stack[-2], (list, bytearray))
        _plain.load_append(self)

    def load_appends(self) -> None:
        """Extends a list."""
        self._into(self.metastack[-1][-1], (list, bytearray))
        _plain.load_appends(self)

    def load_setitem(self) -> None:
        """Sets an item of a dict."""
        self._into(self.stack[-3], _DICTS, (self.stack[-2],))
        _plain.load_setitem(self)

    def load_setitems(self) -> None:
        """Sets items of a dict."""
        self._into(self.metastack[-1][-1], _DICTS, self.stack[::2])
        _plain.load_setitems(self)

    def load_additems(self) -> None:
        """Adds to a set."""
        self._into(self.metastack[-1][-1], (set,), self.stack)
        _plain.load_additems(self)

    def load_dict(self) -> None:
        """Makes a dict of the items above the mark."""
        self.frozen.keys(self.stack, self.stack[::2])
        _plain.load_dict(self)

    def load_frozenset(self) -> None:
        """Makes a frozenset of the items above the mark."""
        self.frozen.keys(self.stack, self.stack)
        items = self.stack
        _plain.load_frozenset(self)
        self.frozen.note(self.stack[-1], items)

    def load_mark(self) -> None:
        """Sets a mark; more of them inside each other than containers may be are of no use."""
        if len(self.metastack) > 2 * 1000:
            raise pickle.UnpicklingError("marks are nested too deep")
        _plain.load_mark(self)

    def load_bytearray8(self) -> None:
        """Reads a bytearray; the room for it is made when its bytes are there."""
        self.append(bytearray(self.read(int.from_bytes(self.read(8), "little"))))

    dispatch = Opcodes(
        (getattr(pickle, name)[0], _plain.dispatch[getattr(pickle, name)[0]]) for name in _OPCODES.split()
    )
    dispatch.update({
        pickle.FRAME[0]: load_frame,
        pickle.REDUCE[0]: load_reduce,
        pickle.NEWOBJ[0]: load_newobj,
        pickle.NEWOBJ_EX[0]: load_newobj_ex,
        pickle.BUILD[0]: load_build,
        pickle.APPEND[0]: load_append,
        pickle.APPENDS[0]: load_appends,
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
        pickle.ADDITEMS[0]: load_additems,
        pickle.DICT[0]: load_dict,
        pickle.FROZENSET[0]: load_frozenset,
        pickle.MARK[0]: load_mark,
        pickle.BYTEARRAY8[0]: load_bytearray8,
    })  # fmt: skip
    dispatch.update(
        {
            code[0]: _noted(_plain.dispatch[code[0]])
            for code in (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3)
        }
    )


_BUILDERS = {id(function): build for function, build in BUILDERS.items()}


def _is_runtime_error(error: Exception) -> bool:
    return isinstance(error, RuntimeError) and not isinstance(error, RecursionError)


def reason(error: BaseException) -> str:
    """An error's text, bounded: a KeyError's is the repr of a key, which may be endless."""
    text = error.args[0] if error.args and type(error.args[0]) is str else ""
    if isinstance(error, (pickle.UnpicklingError, RuntimeError)) and text:
        return text[:2000]
    if isinstance(error, UnicodeError):
        text = error.reason if hasattr(error, "reason") else ""
    return f"{type(error).__name__}{text and ': '}{text[:300]}"
