"""Hostile files: memory and time in proportion to their length, nothing of a tensor's own replaced, clear errors."""

from __future__ import annotations

import copy
import io
import pickle
import struct
import time
import tracemalloc
import zipfile

import pytest
from test_serialization_errors import archive_of

import tritonnn as torch
from tritonnn.serialization import _budget
from tritonnn.utils import safetensors

REFUSED = (pickle.UnpicklingError, RuntimeError)


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


def parameter(state: bytes) -> bytes:
    return call("torch._utils._rebuild_parameter_with_state", tensor(b")", b")"), b"\x88", ORDERED, state)


COLLIDING = b"".join(b"(" + pickle.dumps(k * ((1 << 61) - 1), 2)[2:-1] + b"Nt" for k in range(1, 4000))
SAME_HASH = b"}(" + b"".join(pickle.dumps(k * ((1 << 61) - 1), 2)[2:-1] + b"N" for k in range(1, 4000)) + b"u"
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
    "an unknown opcode": b"\xff",
    "nothing": b"",
    "an item that is no byte": call("builtins.bytearray") + b"M\x00\x01a",
    "text that is none": b"X\x02\x00\x00\x00\xff\xff",
}  # fmt: skip


def peak_and_time(work) -> tuple[int, float]:
    tracemalloc.start()
    begin = time.perf_counter()
    try:
        with pytest.raises(REFUSED) as caught:
            work()
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    message = str(caught.value)
    assert "the given file object" in message and len(message) < 3000, message[:300]
    return peak, time.perf_counter() - begin


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_are_refused_within_bounds(name):
    pickled = HOSTILE[name] + b"."
    zipped = archive_of(pickled, **{"0": bytes(16)})
    peak, seconds = peak_and_time(lambda: torch.load(zipped))
    assert peak < 64e6 and seconds < 20  # tracemalloc slows the longest, of 600 kB, to some seconds
    legacy = io.BytesIO()
    torch.save(0, legacy, _use_new_zipfile_serialization=False)
    head = legacy.getvalue()[: -len(pickle.dumps(0, 2) + pickle.dumps([], 2))]
    old = io.BytesIO(head + pickled + pickle.dumps(["0"], 2) + struct.pack("<q", 4) + bytes(16))
    peak, seconds = peak_and_time(lambda: torch.load(old))
    assert peak < 64e6 and seconds < 20


def test_errors_name_file_place_and_reason(tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(archive_of(b"\x80\x02K\x01K\x02cos\nsystem\n.").getvalue())
    with pytest.raises(
        pickle.UnpicklingError, match=r"load: '.*model\.pt' .*GLOBAL posix.system|os.system"
    ) as caught:
        torch.load(path)
    assert "before byte 17 of the pickle" in str(caught.value)


def test_honest_nests_are_within_the_bounds():
    nest: object = 1
    for depth in range(60):
        nest = [(nest, {"a": depth})]
    shared = tuple(range(100))
    made = {
        "nest": nest,
        "numbers": set(range(-500, 5000)),
        "pairs": {(a, b): a * b for a in range(60) for b in range(60)},
        "same keys": [{shared: 1} for _ in range(500)],
        "floats": {k / 7: k for k in range(5000)},
        "frozen": {frozenset({1, 2}), frozenset()},
        "slices": [slice(1, None), slice(None)],
        "range": range(10**12),
        "bytes": [bytearray(b"x" * 1000), b"\xff" * 1000],
    }
    file = io.BytesIO()
    for zipped in (True, False):
        for protocol in (2, 4):
            file = io.BytesIO()
            torch.save(made, file, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
            file.seek(0)
            got = torch.load(file)
            assert got == made and type(got["frozen"]) is set


def test_what_holds_itself_is_loaded():
    loop: list = []
    loop.append({"again": loop})
    file = io.BytesIO()
    torch.save(loop, file)
    file.seek(0)
    got = torch.load(file)
    assert got[0]["again"] is got


def test_records_are_not_unpacked_without_a_bound():
    def packed(size: int, method: int) -> io.BytesIO:
        file = io.BytesIO()
        storage = STORAGE.replace(b"FloatStorage", b"ByteStorage").replace(
            b"K\x04", pickle.dumps(size, 2)[2:-1]
        )
        with zipfile.ZipFile(file, "w", method) as archive:
            archive.writestr("archive/data.pkl", storage + b"0N.")
            archive.writestr("archive/data/0", bytes(size))
        file.seek(0)
        return file

    assert torch.load(packed(100_000, zipfile.ZIP_DEFLATED)) is None
    with pytest.raises(RuntimeError, match="would take far more than"):
        torch.load(packed(_budget.FREE * 2, zipfile.ZIP_DEFLATED))
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(RuntimeError, match="compressed in a way that is not read"):
            torch.load(packed(1000, method))


@pytest.mark.parametrize("mmap", [False, True])
def test_records_over_the_same_bytes_are_counted(tmp_path, mmap):
    """Many names in the directory for one record of the file."""
    count, size = 100, 1_000_000
    storage = STORAGE.replace(b"FloatStorage", b"ByteStorage").replace(b"K\x04", pickle.dumps(size, 2)[2:-1])
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        parts = (storage.replace(text("0"), text(str(key))) for key in range(count))
        archive.writestr("archive/data.pkl", b"(" + b"".join(parts) + b"t.")
        archive.writestr("archive/data/0", bytes(size))
        for key in range(1, count):
            again = copy.copy(archive.getinfo("archive/data/0"))
            again.filename = f"archive/data/{key}"
            archive.filelist.append(again)
            archive.NameToInfo[again.filename] = again
    with pytest.raises(REFUSED, match="would take far more" if mmap else "differ"):
        torch.load(tmp_path / "a.pt", mmap=mmap)


@pytest.mark.parametrize("value", [2, 255])
def test_truth_values_are_zeros_and_ones(value):
    file = io.BytesIO()
    torch.save(torch.tensor([True, False]), file)
    pickled = zipfile.ZipFile(file).read("archive/data.pkl")
    with pytest.raises(RuntimeError, match="truth values are the bytes 0 and 1"):
        torch.load(archive_of(pickled, **{"0": bytes([value, 0])}))
    saved = safetensors.save({"a": torch.tensor([True, False])})
    with pytest.raises(ValueError, match=r"tensor 'a' .*truth values"):
        safetensors.load(saved[:-2] + bytes([value, 0]))


def test_windows_are_not_computed_without_a_bound():
    count = 4000
    storage = COMPLEX.replace(b"K\x02", pickle.dumps(count, 2)[2:-1])
    half = pickle.dumps(count // 2, 2)[2:-1]
    metadata = b"}" + text("conj") + b"\x88s"
    pickled = tensor(b"(" + half * 2 + b"t", b"(K\x01K\x01t", metadata, storage=storage) + b"."
    with pytest.raises(pickle.UnpicklingError, match="a conjugated or negated tensor would take far more"):
        torch.load(archive_of(pickled, **{"0": bytes(8 * count)}))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_conjugated_and_expanded_tensors_take_what_their_storage_does(device):
    """A billion elements over two, negated: computed once per stored element."""
    real = device == "cuda"  # which computes no complex numbers
    metadata = b"}" + text("conj") + (b"\x89s" if real else b"\x88s") + text("neg") + b"\x88s"
    storage = STORAGE.replace(b"K\x04", b"K\x02") if real else COMPLEX
    pickled = tensor(b"(" + HUGE + b"K\x02t", b"(K\x00K\x01t", metadata, storage=storage) + b"."
    data = torch.tensor([1.0, 3.0] if real else [1 + 2j, 3 - 1j]).numpy().tobytes()
    got = torch.load(archive_of(pickled, **{"0": data}), map_location=device)
    wanted = [-1, -3] if real else [-1 + 2j, -3 - 1j]
    assert got.shape == (2**32, 2) and got[5].tolist() == wanted and got.device.type == device


def test_no_slot_of_a_tensor_is_set_by_a_file():
    for name in (
        "shape",
        "dtype",
        "device",
        "_buf",
        "_storage",
        "_base",
        "_node",
        "_rg",
        "_stride",
        "_offset",
        "grad",
    ):
        state = b"}" + text(name) + b"(K\x09ts"
        for made in (
            parameter(state),
            parameter(b"N" + state + b"\x86"),
            call(
                "torch._tensor._rebuild_from_type_v2", f"c{V2.rpartition('.')[0]}\n_rebuild_tensor_v2\n".encode(),
                b"ctorch\nTensor\n", b"(" + STORAGE + b"K\x00))\x89" + ORDERED + b"t", state,
            ),
        ):  # fmt: skip
            with pytest.raises(RuntimeError, match=f"would replace its own '{name}'"):
                torch.load(archive_of(made + b".", **{"0": bytes(16)}))

    class Own(torch.Tensor):
        pass

    with (
        torch.serialization.safe_globals([(Own, "torch.Own")]),
        pytest.raises(pickle.UnpicklingError, match="may not be set"),
    ):
        torch.load(archive_of(b"ctorch\nOwn\n)\x81N}" + text("shape") + b"(K\x09ts\x86b."))


def test_attributes_survive():
    x, p, b = (
        torch.ones(2),
        torch.nn.Parameter(torch.ones(2)),
        torch.nn.Buffer(torch.zeros(1), persistent=False),
    )
    x.note, p.tag, p.name, b.kind = [1, x], "decay", "weight", "steps"
    for copied in (pickle.dumps, None):
        if copied is not None:
            got = pickle.loads(copied([x, p, b]))
        else:
            file = io.BytesIO()
            torch.save([torch.nn.Parameter(p), p, b], file)
            file.seek(0)
            got = torch.load(file)
        assert got[1].tag == "decay" and got[1].name == "weight" and type(got[1]) is torch.nn.Parameter
        assert type(got[2]) is torch.nn.Buffer and got[2].kind == "steps" and not got[2].persistent


def test_safetensors_of_impossible_shapes():
    for shape, dtype in (([0, 1 << 62, 4], "F32"), ([0] * 100, "F32"), ([1, 2], "F99")):
        header = b'{"a":{"dtype":"%s","shape":%s,"data_offsets":[0,0]}}' % (
            dtype.encode(),
            str(shape).encode(),
        )
        with pytest.raises(ValueError, match="the given bytes"):
            safetensors.load(struct.pack("<Q", len(header)) + header)
