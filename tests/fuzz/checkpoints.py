"""Damaged and hostile checkpoints: file number n is a pure function of n.

Valid files of every format are damaged byte by byte, as archives, as pickles opcode by opcode, and as headers; others
are hostile by hand, or random programs of opcodes.
"""

from __future__ import annotations

import functools
import io
import json
import pickle
import pickletools
import random
import struct
import zipfile
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from fuzz.hostile import HOSTILE, STORAGE, text


class Allowed:
    """What a program has allowed its files to name; it takes no arguments and keeps no state."""

    __slots__ = ()


class Made(NamedTuple):
    """A file, how it was made, and what reads it: 'zip' and 'legacy' `torch.load`, 'safetensors' its own."""

    how: str
    format: str
    data: bytes


NUMBERS = (0, 1, 2, 3, 7, 8, 63, 64, 255, 256, 65535, 1 << 31, (1 << 31) - 1, 1 << 32, 1 << 40, (1 << 63) - 1, 1 << 63,
           1 << 64, 1 << 200, -1, -2, -(1 << 31), -(1 << 63))  # fmt: skip
NAMES = (
    "os system", "posix system", "builtins eval", "builtins exec", "builtins getattr", "builtins __import__",
    "subprocess Popen", "tritonnn.serialization load", "operator attrgetter", "functools partial", "torch load",
    "builtins list", "builtins set", "builtins frozenset", "builtins range", "builtins bytearray", "builtins complex",
    "builtins slice", "builtins int", "builtins dict", "collections OrderedDict", "collections Counter",
    "collections defaultdict", "_codecs encode", "torch Size", "torch device", "torch Tensor", "torch float32",
    "torch bool", "torch FloatStorage", "torch LongStorage", "torch BoolStorage", "torch.storage UntypedStorage",
    "torch._utils _rebuild_tensor", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor_v3",
    "torch._utils _rebuild_parameter", "torch._utils _rebuild_parameter_with_state",
    "torch._utils _rebuild_meta_tensor_no_storage", "torch._tensor _rebuild_from_type_v2",
    "torch.nn.parameter Parameter", "torch.nn.parameter Buffer", "torch uint16", "torch complex64",
    "fuzz.checkpoints Allowed",
)  # fmt: skip
TEXTS = ("storage", "cpu", "cuda", "cuda:0", "cuda:7", "meta", "0", "1", "latin1", "utf-8", "zlib", "shape", "data",
         "dtype", "_buf", "conj", "neg", "__class__", "__dict__", "tag", "", "\u00e9", "x" * 300)  # fmt: skip


# ---- valid files ----------------------------------------------------------------------------------------------------


#: opcodes of old protocols and rare ones, with what follows them
RARE = (
    b"ios\nsystem\n", b"itorch\nSize\n", b"P0\n", b"Pstorage\n", b"o", b"\x82\x01", b"\x83\x01\x00",
    b"\x84\x01\x00\x00\x00", b"I01\n", b"I7\n", b"L99L\n", b"F1.5\n", b"S'abc'\n", b"V\\u00e9\n", b"p3\n", b"g3\n",
    b"T\x02\x00\x00\x00ab", b"U\x01a", b"C\x01a", b"B\x01\x00\x00\x00a", b"\x8e\x01\x00\x00\x00\x00\x00\x00\x00a",
    b"\x96\x01\x00\x00\x00\x00\x00\x00\x00a", b"\x8c\x01a", b"\x97", b"\x98", b"\x80\x05",
)  # fmt: skip


def _contents(torch: Any) -> list[Any]:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    base = torch.arange(24.0).reshape(2, 3, 4)
    tagged = torch.nn.Parameter(torch.ones(2))
    tagged.tag = {"decay": [0.1, (1, 2)]}
    plain = {
        "numbers": [1, -1, 2.5, 1 << 70, True, None, 1 + 2j],
        "text": ["a", "\u00e9" * 9, b"bytes", bytearray(b"array")],
        "sets": [{1, 2}, frozenset({(1, "a")})], "od": OrderedDict(b=1, a=2), "counter": Counter("abca"),
        "default": defaultdict(list, a=[1]), "slices": [slice(1, None), range(9)], (1, ("key",)): "tuple",
    }  # fmt: skip
    return [
        {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3},
        [base, base[1], base.transpose(0, 2), torch.ones(1).expand(5), torch.tensor(2.5), torch.zeros(0, 3)],
        [
            torch.tensor([1, 0, 2]).to(t)
            for t in (
                torch.bool,
                torch.int8,
                torch.bfloat16,
                torch.float8_e5m2,
                torch.complex64,
                torch.uint16,
                torch.half,
            )
        ],
        [tagged, torch.nn.Buffer(torch.ones(1)), torch.Size([2, 3]), torch.device("cuda", 1), torch.float16],
        plain,
        [torch.empty(2, device="meta"), torch.ones(2, requires_grad=True), plain["sets"]],
    ]


@functools.cache
def _valid() -> dict[str, list[bytes]]:
    """Files of each format."""
    import tritonnn as torch
    from tritonnn.utils import safetensors

    valid: dict[str, list[bytes]] = {"zip": [], "legacy": [], "safetensors": []}
    for content in _contents(torch):
        for protocol in (1, 2, 4, 5):
            for zipped, kind in ((True, "zip"), (False, "legacy")):
                file = io.BytesIO()
                torch.save(content, file, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
                valid[kind].append(file.getvalue())
    tensors = {
        "a": torch.ones(2, 3),
        "b": torch.tensor([True, False]),
        "c": torch.zeros(0, 2, dtype=torch.float16),
    }
    valid["safetensors"] = [safetensors.save(tensors, {"made": "here"}), safetensors.save({})]
    return valid


@functools.cache
def _pickles() -> list[bytes]:
    return [zipfile.ZipFile(io.BytesIO(raw)).read("archive/data.pkl") for raw in _valid()["zip"]]


# ---- damage ---------------------------------------------------------------------------------------------------------


def damaged(rng: random.Random, data: bytes) -> bytes:
    """Some bytes flipped, set, cut out, doubled, moved, or the end cut off."""
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        if not content:
            break
        at = rng.randrange(len(content))
        # Directory and headers are at the ends, which are short.
        at = rng.choice((at, min(at % 600, len(content) - 1), max(0, len(content) - 1 - at % 600)))
        length = rng.choice((1, 2, 4, 8, 30))
        action = rng.randrange(8)
        if action < 2:
            content[at] ^= 1 << rng.randrange(8)
        elif action == 2:
            content[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, *b"().RQbsue"))
        elif action == 3:
            del content[at : at + length]
        elif action == 4:
            content[at:at] = content[at : at + length]
        elif action == 5:
            other = rng.randrange(len(content))
            content[at : at + length] = content[other : other + length]
        elif action == 6:
            width = rng.choice((2, 4, 8))
            number = rng.choice(NUMBERS) % (1 << 8 * width)
            content[at : at + width] = number.to_bytes(width, "little")
        else:
            del content[at:]
    return bytes(content)


def opcodes(pickled: bytes) -> list[bytes]:
    """A pickle as its opcodes with their arguments."""
    try:
        places = [place for _, _, place in pickletools.genops(pickled)]
    except Exception:  # damaged already
        return [pickled]
    return [pickled[a:b] for a, b in zip(places, [*places[1:], len(pickled)])]


def argument(rng: random.Random) -> bytes:
    """An opcode that pushes something."""
    kind = rng.randrange(12)
    if kind < 3:
        return pickle.dumps(rng.choice(NUMBERS), 2)[2:-1]
    if kind < 5:
        return text(rng.choice(TEXTS))
    if kind < 7:
        module, name = rng.choice(NAMES).split()
        return f"c{module}\n{name}\n".encode()
    if kind == 7:
        return rng.choice((b"h", b"r")) + struct.pack("<I", rng.randrange(30))[: rng.choice((1, 1, 4))]
    if kind == 8:
        return STORAGE
    if kind == 9:
        return pickle.dumps(rng.choice((0.0, -1.5, float("nan"), float("inf"))), 2)[2:-1]
    return rng.choice((b")", b"]", b"}", b"N", b"\x88", b"\x89", b"\x8f", b"("))


def operation(rng: random.Random) -> bytes:
    """An opcode that does something with what is on the stack."""
    if rng.random() < 0.15:
        return b"q" + bytes([rng.randrange(30)])
    if rng.random() < 0.05:
        return bytes([rng.randrange(256)])
    if rng.random() < 0.08:
        return rng.choice(RARE)
    return rng.choice((b"\x85", b"\x86", b"\x87", b"t", b"l", b"d", b"a", b"e", b"s", b"u", b"\x90", b"\x91", b"R",
                       b"R", b"R", b"\x81", b"b", b"Q", b"0", b"1", b"2", b"\x94", b"\x93", b"\x92"))  # fmt: skip


def rewritten(rng: random.Random, pickled: bytes) -> bytes:
    """A pickle with opcodes dropped, doubled, exchanged, inserted, or with other arguments."""
    parts = opcodes(pickled)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(len(parts))
        action = rng.randrange(8)
        if action == 0:
            del parts[at]
        elif action == 1:
            parts.insert(at, parts[at])
        elif action == 2:
            other = rng.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
        elif action == 3:
            parts.insert(at, argument(rng))
        elif action == 4:
            parts.insert(at, operation(rng))
        elif action == 5:
            parts[at] = argument(rng)
        elif action == 6:
            foreign = opcodes(rng.choice(_pickles()))
            begin = rng.randrange(len(foreign))
            parts[at:at] = foreign[begin : begin + rng.choice((1, 3, 10, 40))]
        elif parts[at][:1] in (b"K", b"M", b"J", b"\x8a"):
            parts[at] = pickle.dumps(rng.choice(NUMBERS), 2)[2:-1]
        elif parts[at][:1] == b"c":
            parts[at] = "c{}\n{}\n".format(*rng.choice(NAMES).split()).encode()
        else:
            parts[at] = text(rng.choice(TEXTS))
        if not parts:
            break
    return b"".join(parts)


def nearly(rng: random.Random, pickled: bytes) -> bytes:
    """A pickle with one or two small numbers changed by a little: sizes, strides, offsets, and lengths of storages."""
    parts = opcodes(pickled)
    places = [i for i, part in enumerate(parts) if part[:1] in (b"K", b"M")]
    for at in rng.sample(places, min(len(places), rng.choice((1, 1, 2)))):
        number = int.from_bytes(parts[at][1:], "little")
        number = rng.choice((number + 1, number + 1, max(number - 1, 0), 2 * number, number + 4, 0))
        parts[at] = pickle.dumps(number, 2)[2:-1]
    return b"".join(parts)


def program(rng: random.Random) -> bytes:
    """Opcodes at random, in an order that has a chance."""
    content = bytearray(rng.choice((b"", b"\x80\x02", b"\x80\x04")))
    for _ in range(rng.choice((5, 20, 80))):
        if rng.random() < 0.25:  # a call
            module, name = rng.choice(NAMES[11:]).split()
            content += f"c{module}\n{name}\n(".encode()
            content += b"".join(argument(rng) for _ in range(rng.choice((0, 1, 1, 2, 4, 6, 7))))
            content += b"tR"
        content += argument(rng) if rng.random() < 0.7 else operation(rng)
    return bytes(content) + b"."


# ---- the files ------------------------------------------------------------------------------------------------------


def archive(rng: random.Random, pickled: bytes, records: dict[str, bytes]) -> bytes:
    """An archive with right checksums around a pickle, and sometimes with records that are not right."""
    file = io.BytesIO()
    odd = rng.random() < 0.3
    method = rng.choice((0, 8, 8, 12, 14)) if odd and rng.random() < 0.3 else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", method) as content:
        content.writestr("archive/data.pkl", pickled)
        for name, data in records.items():
            if odd and rng.random() < 0.2:
                continue
            if odd and rng.random() < 0.2:
                data = data[: rng.randrange(len(data) + 1)] + bytes(rng.choice((0, 1, 8, 1 << 20)))
            if odd and rng.random() < 0.02 and method:
                data = bytes(160 << 20)
            if data and rng.random() < 0.1:  # of truth values, perhaps
                data = bytes([rng.choice((2, 128, 255))]) + data[1:]
            content.writestr(f"archive/data/{name}", data)
        if rng.random() < 0.3:
            content.writestr(
                "archive/byteorder", rng.choice((b"little", b"big", b"", b"\xff", b"little" * 9))
            )
    return file.getvalue()


def _parts(rng: random.Random) -> tuple[bytes, dict[str, bytes]]:
    """The pickle and the storages of a valid archive."""
    whole = zipfile.ZipFile(io.BytesIO(rng.choice(_valid()["zip"])))
    records = {n.rpartition("/")[2]: whole.read(n) for n in whole.namelist() if "/data/" in n}
    return whole.read("archive/data.pkl"), records


def _old(rng: random.Random, pickled: bytes, records: dict[str, bytes]) -> bytes:
    """A file in the format before 1.6 around a pickle."""
    whole = rng.choice(_valid()["legacy"])
    ends = []
    file = io.BytesIO(whole)
    for _ in range(3):
        pickle.load(file)
        ends.append(file.tell())
    keys = sorted(records)
    rng.random() < 0.2 and rng.shuffle(keys)
    storages = b"".join(
        struct.pack(
            "<q",
            rng.choice(NUMBERS[:-4]) % (1 << 62)
            if rng.random() < 0.1
            else len(records[k]) // rng.choice((1, 4, 8)),
        )
        + records[k]
        for k in keys
    )
    return whole[: ends[-1]] + pickled + pickle.dumps(keys, 2) + storages


def _hostile(rng: random.Random) -> bytes:
    one = HOSTILE[rng.choice(list(HOSTILE))]
    if rng.random() < 0.3:
        one = rewritten(rng, one[:3000])
    return one + (HOSTILE[rng.choice(list(HOSTILE))] if rng.random() < 0.2 else b"") + b"."


def _header(rng: random.Random) -> bytes:
    """A safetensors file with another header."""
    raw = rng.choice(_valid()["safetensors"][:1])
    (length,) = struct.unpack("<Q", raw[:8])
    header, data = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    entry = header[rng.choice("abc")]
    action = rng.randrange(6)
    if action == 0:
        entry["shape"] = [rng.choice(NUMBERS[:18]) for _ in range(rng.choice((0, 1, 2, 3, 70)))]
    elif action == 1:
        entry["data_offsets"] = [rng.choice(NUMBERS[:18]), rng.choice(NUMBERS[:18])]
    elif action == 2:
        entry["dtype"] = rng.choice(("F64", "BOOL", "I8", "F4", "F8_E8M0", "U64", "", "F32 ", "C64"))
    elif action == 3:
        header[rng.choice(("", "__metadata__", "\u0000", "x" * 3000))] = rng.choice(
            (entry, {}, [], 3, {"a": 3})
        )
    elif action == 4:
        entry[rng.choice(list(entry))] = rng.choice((None, [], {}, "", 1.5, [[]] * 9, -1))
    else:
        entry["shape"], entry["data_offsets"] = [0, 1 << 62, rng.choice(NUMBERS[:18])], [0, 0]
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded) + rng.choice((0, 0, 0, 1, -1, 1 << 40))) + encoded + data


def _bytewise(kind: str) -> Callable[[random.Random], bytes]:
    return lambda rng: damaged(rng, rng.choice(_valid()[kind]))


def _around(
    wrap: Callable[..., bytes], change: Callable[[random.Random, bytes], bytes]
) -> Callable[[random.Random], bytes]:
    def make(rng: random.Random) -> bytes:
        pickled, records = _parts(rng)
        return wrap(rng, change(rng, pickled), records)

    return make


# (how, format, weight, maker)
KINDS: tuple[tuple[str, str, int, Callable[[random.Random], bytes]], ...] = (
    ("bytes of an archive", "zip", 12, _bytewise("zip")),
    ("bytes of an old file", "legacy", 12, _bytewise("legacy")),
    ("bytes of safetensors", "safetensors", 8, _bytewise("safetensors")),
    ("header of safetensors", "safetensors", 8, _header),
    ("bytes of a pickle", "zip", 10, _around(archive, damaged)),
    ("opcodes of a pickle", "zip", 20, _around(archive, rewritten)),
    ("numbers of a pickle", "zip", 14, _around(archive, nearly)),
    ("numbers of an old pickle", "legacy", 6, _around(_old, nearly)),
    ("opcodes of an old pickle", "legacy", 10, _around(_old, rewritten)),
    ("random opcodes", "zip", 10, _around(archive, lambda rng, _: program(rng))),
    ("random opcodes in an old file", "legacy", 4, _around(_old, lambda rng, _: program(rng))),
    ("hostile by hand", "zip", 4, _around(archive, lambda rng, _: _hostile(rng))),
    ("hostile by hand in an old file", "legacy", 2, _around(_old, lambda rng, _: _hostile(rng))),
)  # fmt: skip


def make(number: int) -> Made:
    """File `number`."""
    rng = random.Random(number)
    how, kind, _, maker = rng.choices(KINDS, [row[2] for row in KINDS])[0]
    return Made(how, kind, maker(rng))
