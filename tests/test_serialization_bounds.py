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
from fuzz.hostile import ALLOWED, COMPLEX, HOSTILE, HUGE, ORDERED, STORAGE, V2, call, parameter, tensor, text
from test_serialization_errors import archive_of

import tritonnn as torch
from tritonnn.serialization import _budget
from tritonnn.utils import safetensors

REFUSED = (pickle.UnpicklingError, RuntimeError)


def peak_and_time(work, allowed: bool = False) -> tuple[int, float]:
    """Of work that is refused, unless it is one of those that are allowed."""
    tracemalloc.start()
    begin = time.perf_counter()
    message = "the given file object"
    try:
        work()
        assert allowed
    except REFUSED as error:
        message = str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert "the given file object" in message and len(message) < 3000, message[:300]
    return peak, time.perf_counter() - begin


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_are_refused_within_bounds(name):
    pickled = HOSTILE[name] + b"."
    zipped = archive_of(pickled, **{"0": bytes(16)})
    peak, seconds = peak_and_time(lambda: torch.load(zipped), name in ALLOWED)
    assert peak < 64e6 and seconds < 20  # tracemalloc slows the longest, of 600 kB, to some seconds
    legacy = io.BytesIO()
    torch.save(0, legacy, _use_new_zipfile_serialization=False)
    head = legacy.getvalue()[: -len(pickle.dumps(0, 2) + pickle.dumps([], 2))]
    old = io.BytesIO(head + pickled + pickle.dumps(["0"], 2) + struct.pack("<q", 4) + bytes(16))
    peak, seconds = peak_and_time(lambda: torch.load(old), name in ALLOWED)
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


def test_old_storages_declare_no_more_than_there_is():
    """A storage of a terabyte, in the object and before its bytes."""
    count = 1 << 38
    head = io.BytesIO()
    torch.save(0, head, _use_new_zipfile_serialization=False)
    begin = head.getvalue()[: -len(pickle.dumps(0, 2) + pickle.dumps([], 2))]
    storage = STORAGE.replace(b"K\x04", pickle.dumps(count, 2)[2:-1])
    old = begin + storage + b"." + pickle.dumps(["0"], 2) + struct.pack("<q", count) + bytes(16)
    with pytest.raises(RuntimeError, match=f"storage 0 of {4 * count} bytes reaches beyond its end"):
        torch.load(io.BytesIO(old))
    for declared, keys in ((3, ["0"]), (4, ["0", "0"]), (4, ["1"]), (4, "0"), (4, [DOUBLED]), (4, [])):
        old = begin + STORAGE + b"." + pickle.dumps(keys, 2) + struct.pack("<q", declared) + bytes(16)
        with pytest.raises(REFUSED, match=r"the given file object.*storage"):
            torch.load(io.BytesIO(old))


DOUBLED: tuple = ()
for _ in range(60):
    DOUBLED = (DOUBLED, DOUBLED)


def test_error_text_of_what_a_declared_function_raises():
    """Not the repr of what it raised: of a nest that holds everything twice it would never end."""

    def lookup(key):
        raise KeyError(DOUBLED)

    made = archive_of(call("own.lookup", b"N") + b".")
    declared = torch.serialization.safe_globals([(lookup, "own.lookup")])
    with declared, pytest.raises(pickle.UnpicklingError, match="KeyError"):
        torch.load(made)
