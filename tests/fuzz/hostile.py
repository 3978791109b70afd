"""Hostile pickles made by hand: what each of them would do to a reader that believes it.

None ends with its STOP, so that they can be put together.
"""

from __future__ import annotations

import pickle
import struct


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def call(name: str, *args: bytes) -> bytes:
    module, _, function = name.rpartition(".")
    return f"c{module}\n{function}\n(".encode() + b"".join(args) + b"tR"


def doubled(start: bytes, times: int) -> bytes:
    """A tuple that holds a tuple twice, which does so in turn."""
    return start + b"".join(b"q\x01h\x01\x86" for _ in range(times))


DEEP = b")" + b"\x85" * 200_000
BOMB = doubled(b")", 60)
STORAGE = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x04tQ"
COMPLEX = b"(" + text("storage") + b"ctorch\nComplexFloatStorage\n" + text("0") + text("cpu") + b"K\x02tQ"
HUGE = b"\x8a\x05\x00\x00\x00\x00\x01"  # 2 ** 32
BYTES = STORAGE.replace(b"ctorch\nFloatStorage\n", b"ctorch.storage\nUntypedStorage\n").replace(
    b"K\x04", b"K\x10"
)
V2, V3 = "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3"
TYPED, META = "torch._tensor._rebuild_from_type_v2", "torch._utils._rebuild_meta_tensor_no_storage"
ORDERED = b"ccollections\nOrderedDict\n)R"


def tensor(size: bytes, stride: bytes, *more: bytes, storage: bytes = STORAGE) -> bytes:
    return call(V2, storage, b"K\x00", size, stride, b"\x89", ORDERED, *more)


EXPANDED = tensor(b"(" + HUGE + b"t", b"(K\x00t")


def parameter(state: bytes) -> bytes:
    return call("torch._utils._rebuild_parameter_with_state", tensor(b")", b")"), b"\x88", ORDERED, state)


COLLIDING = b"".join(b"(" + pickle.dumps(k * ((1 << 61) - 1), 2)[2:-1] + b"Nt" for k in range(1, 4000))
SAME_HASH = b"}(" + b"".join(pickle.dumps(k * ((1 << 61) - 1), 2)[2:-1] + b"N" for k in range(1, 4000)) + b"u"
NAMED_V2 = b"ctorch._utils\n_rebuild_tensor_v2\n"
HASHES = b"".join(pickle.dumps(k * ((1 << 61) - 1), 2)[2:-1] for k in range(1, 4001))
RANGE = call("builtins.range", HUGE)

HOSTILE = {
    "a deep tuple as a key": b"}" + DEEP + b"Ns",
    "a deep tuple in a set": call("builtins.set", b"]" + DEEP + b"a"),
    "a deep tuple in a frozenset": b"(" + DEEP + b"\x91",
    "a deep tuple in a dict of a mark": b"(" + DEEP + b"Nd",
    "a deep tuple in an OrderedDict": ORDERED + DEEP + b"Ns",
    "a deep tuple": DEEP,
    "deep slices": b"N" + b"".join(b"q\x01cbuiltins\nslice\n(h\x01Nt" + b"R" for _ in range(20_000)),
    "deep lists": b"]" * 20_000 + b"a" * 19_999,
    "deep lists, from the top": b"]q\x00h\x00" + b"]q\x01a0h\x01" * 9000 + b"0",
    "deep dicts": b"}" + b"K\x01}" * 10_000 + b"s" * 10_000,
    "marks in marks": b"(" * 100_000,
    "a doubled tuple as a key": b"}" + BOMB + b"Ns",
    "a doubled tuple in a set": b"\x8f(" + BOMB + b"\x90",
    "a doubled tuple as a function": BOMB + b")R",
    "a doubled tuple as arguments": b"cbuiltins\nlist\n" + BOMB + b"R",
    "a doubled tuple as a class": BOMB + b")\x81",
    "a doubled tuple with attributes": BOMB + b"}b",
    "a doubled tuple as a list": BOMB + b"Na",
    "a doubled tuple as a storage": STORAGE.replace(b"ctorch\nFloatStorage\n", BOMB),
    "a doubled tuple as a key of a storage": STORAGE.replace(text("0"), BOMB),
    "a doubled tuple as a persistent id": BOMB + b"Q",
    "a doubled tuple as a size": tensor(BOMB, b")"),
    "a doubled tuple as a device": call("torch.device", BOMB),
    "a doubled tuple as a state": parameter(BOMB),
    "a doubled tuple as the name of an attribute": parameter(b"}" + doubled(b")", 9) + b"Ns"),
    "a list of a range": call("builtins.list", RANGE),
    "a set of a range": call("builtins.set", RANGE),
    "a frozenset of a range": call("builtins.frozenset", RANGE),
    "a Counter of a range": call("collections.Counter", RANGE),
    "a Size of a range": call("torch.Size", RANGE),
    "a bytearray of a range": call("builtins.bytearray", RANGE),
    "a bytearray of a number": call("builtins.bytearray", HUGE),
    "a dict of a range": call("builtins.dict", RANGE),
    "arguments of a range": b"cbuiltins\nset\n" + RANGE + b"R",
    "arguments of an instance of a range": b"cbuiltins\nset\n" + RANGE + b"\x81",
    "a shape of a range": tensor(RANGE, RANGE),
    "lists of a list": b"](" + b"N" * 40_000 + b"eq\x01]" + b"cbuiltins\nlist\n(h\x01tRa" * 20_000,
    "a number of many digits": call("builtins.int", text("9" * 100_000)),
    "another codec": call("_codecs.encode", text("a" * 100), text("zlib_codec")),
    "a codec that is a module": call("_codecs.encode", text("a" * 100), text("idna")),
    "an unknown codec": call("_codecs.encode", text("a"), text("no_such_codec")),
    "keys of one hash": SAME_HASH,
    "pairs of one hash": call("builtins.dict", b"](" + COLLIDING + b"e"),
    "a long text that is not there": b"\x8d" + struct.pack("<Q", 1 << 40),
    "a long bytearray that is not there": b"\x96" + struct.pack("<Q", 1 << 40),
    "a long frame that is not there": b"\x80\x04\x95" + struct.pack("<Q", 1 << 40),
    "too many dimensions": tensor(b"(" + b"K\x01" * 70 + b"t", b"(" + b"K\x01" * 70 + b"t"),
    "more elements than there are numbers": tensor(b"(" + HUGE * 2 + b"t", b"(K\x00K\x00t"),
    "a shape beyond 64 bits": tensor(b"(" + b"\x8a\x09" + b"\xff" * 8 + b"\x00" + b"t", b"(K\x00t"),
    "an offset beyond an empty tensor": call(V2, STORAGE, HUGE, b"(K\x00t", b"(K\x01t", b"\x89", ORDERED),
    "a meta tensor beyond 64 bits": call(META, b"ctorch\nfloat32\n", b"(" + HUGE * 2 + b"t", b"(K\x00K\x00t", b"\x89"),
    "truth values over bytes": call(V3, BYTES, b"K\x00", b"(K\x02t", b"(K\x01t", b"\x89", ORDERED, b"ctorch\nbool\n"),
    "another type over a storage": call(V3, STORAGE, b"K\x00", b")", b")", b"\x89", ORDERED, b"ctorch\nint64\n"),
    "a storage of two types": b"(" + STORAGE + STORAGE.replace(b"FloatStorage", b"IntStorage") + b"t",
    "a device of many digits": STORAGE.replace(text("cpu"), text("cuda:" + "9" * 99)),
    "a device of other digits": STORAGE.replace(text("cpu"), text("cuda:²")),
    "a name of an OrderedDict's": ORDERED + b"}" + text("items") + b"Nsb",
    "a factory that builds tensors": call("collections.defaultdict", b"ctorch._utils\n_rebuild_parameter\n"),
    "a tensor of what is none": call(TYPED, b"cbuiltins\nset\n", b"ctorch\nTensor\n", b")", b"}"),
    "a tensor of another class": call(TYPED, b"ctorch.nn.parameter\nParameter\n", b"cbuiltins\nset\n", b")", b"}"),
    "a tensor of a range": call(TYPED, NAMED_V2, b"ctorch\nTensor\n", RANGE, b"}"),
    "a tensor of an expanded tensor": call(TYPED, NAMED_V2, b"ctorch\nTensor\n", EXPANDED, b"}"),
    "a conjugated tensor": tensor(b"K\x02\x85", b"K\x01\x85", b"}" + text("conj") + b"\x88s", storage=COMPLEX),
    "a negated tensor of many equal elements": tensor(HUGE + b"\x85", b"K\x00\x85", b"}" + text("neg") + b"\x88s"),
    "a conjugated tensor of rows in one another": tensor(
        b"M\x00\x40M\x00\x40\x86", b"K\x00K\x00\x86", b"}" + text("conj") + b"\x88s", storage=COMPLEX
    ),
    "bits that are none": tensor(b")", b")", BOMB),
    "a gradient that is none": call(V2, STORAGE, b"K\x00", b")", b")", BOMB, ORDERED),
    "keys of one hash in a set": b"\x8f(" + HASHES + b"\x90",
    "keys of one hash in a frozenset": b"(" + HASHES + b"\x91",
    "keys of one hash of a mark": b"(" + HASHES + b"d",
    "a deep frozenset": b"(N\x91" + b"q\x01(h\x01\x91" * 20_000,
    "items set in what is no dict": call("collections.Counter") + b"0" + STORAGE + b"(NNu",
    "an unknown opcode": b"\xff",
    "nothing": b"",
    "an item that is no byte": call("builtins.bytearray") + b"M\x00\x01a",
    "text that is none": b"X\x02\x00\x00\x00\xff\xff",
}  # fmt: skip

#: those that may be loaded, since a file may say so in all honesty; within the bounds
ALLOWED = frozenset(
    (
        "a conjugated tensor",
        "a negated tensor of many equal elements",
        "a conjugated tensor of rows in one another",
    )
)
