"""The formats that datasets are in, read without any library that knows them."""

from __future__ import annotations

import gzip
import pickle
import struct

import numpy as np
import pytest
from fake_files import idx, idx_bytes, pickled, picture, png16, random

import tritonnn as torch
from tritonnn.vision.datasets import CIFAR10, HD1K, KittiFlow, VOCDetection
from tritonnn.vision.datasets._flow_files import read_flo, read_flow_png, read_pfm
from tritonnn.vision.datasets._masks import mask_of
from tritonnn.vision.datasets._pickles import read_pickle
from tritonnn.vision.datasets.mnist import (
    MNIST,
    read_image_file,
    read_label_file,
    read_sn3_pascalvincent_tensor,
)

TYPES = {8: "u1", 9: "i1", 11: "i2", 12: "i4", 13: "f4", 14: "f8"}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("packed", [False, True])
def test_idx(kind, packed, tmp_path):
    """Header and numbers written out by struct."""
    code = {"u1": "B", "i1": "b", "i2": "h", "i4": "i", "f4": "f", "f8": "d"}[TYPES[kind]]
    numbers = [0, 1, 2, 120, 7, 5]
    data = struct.pack(">4B2I", 0, 0, kind, 2, 2, 3) + struct.pack(f">6{code}", *numbers)
    path = tmp_path / "a-idx"
    path.write_bytes(gzip.compress(data) if packed else data)
    value = read_sn3_pascalvincent_tensor(str(path))
    assert value.tolist() == [numbers[:3], numbers[3:]]
    assert value.dtype == getattr(torch, str(np.dtype(TYPES[kind])))


def test_idx_that_is_none(tmp_path):
    good = idx_bytes(random(2, 3))
    for data, error in (
        (b"", AssertionError), (b"\x00\x00", AssertionError), (b"text file", AssertionError),
        (good[:6], AssertionError), (good[:-1], AssertionError), (good + b"x", AssertionError),
        (bytes([0, 0, 10, 1]) + bytes(8), AssertionError), (bytes([0, 0, 8, 4]) + bytes(40), AssertionError),
        (bytes([0, 0, 8, 3]) + b"\xff" * 12, AssertionError), (gzip.compress(good)[:-9], EOFError),
    ):  # fmt: skip
        (tmp_path / "b.idx").write_bytes(data)
        with pytest.raises(error, match=r"b\.idx"):
            read_sn3_pascalvincent_tensor(tmp_path / "b.idx")
    with pytest.raises(TypeError, match=r"a\.idx should be of dtype torch.uint8 instead of torch.int32"):
        read_label_file(idx(tmp_path / "a.idx", random(2, dtype=np.int32)))
    with pytest.raises(ValueError, match=r"a\.idx should have 3 dimensions instead of 2"):
        read_image_file(idx(tmp_path / "a.idx", random(2, 3)))
    (tmp_path / "a.idx").write_bytes(good[:-1])
    with pytest.raises(RuntimeError, match=r"a\.idx: shape '\[2, 3\]' is invalid for 5 bytes"):
        read_image_file(tmp_path / "a.idx")


def test_compressed_files_alone_are_enough(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    images, labels = random(2, 28, 28), np.array([4, 1], np.uint8)
    for part in ("train", "t10k"):
        idx(raw / f"{part}-images-idx3-ubyte.gz", images)
        idx(raw / f"{part}-labels-idx1-ubyte.gz", labels)
    digits = MNIST(tmp_path)
    assert digits.data.numpy().tolist() == images.tolist() and digits.targets.tolist() == [4, 1]
    assert np.array_equal(np.asarray(digits[1][0]), images[1]) and digits[1][1] == 1
    (raw / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(RuntimeError, match=r"MNIST/raw lacks t10k-labels-idx1-ubyte\. "):
        MNIST(tmp_path)
    idx(raw / "t10k-labels-idx1-ubyte", np.arange(3, dtype=np.uint8))
    with pytest.raises(RuntimeError, match=r"t10k-images-idx3-ubyte.gz has 2 pictures, .* has 3 labels"):
        MNIST(tmp_path, train=False)


@pytest.mark.parametrize("protocol", range(6))
def test_pickles(protocol, tmp_path):
    value = {
        "data": random(3, 5), "floats": np.arange(4.0).astype(">f8"), "columns": np.asfortranarray(random(2, 3)),
        "turned": random(2, 3, 4).transpose(1, 0, 2),
        "labels": [1, 2, 3], "names": ["a", "ü"], "raw": b"\x00\xff", "none": None, "more": (1.5, {"x": True}),
    }  # fmt: skip
    (tmp_path / "a").write_bytes(pickle.dumps(value, protocol=protocol))
    found = read_pickle(tmp_path / "a")
    assert list(found) == list(value)
    for name, expected in value.items():
        if isinstance(expected, np.ndarray):
            assert np.array_equal(found[name], expected) and found[name].shape == expected.shape
        else:
            assert found[name] == expected


def test_pickle_of_python_2(tmp_path):
    """As the real batches are: an array whose bytes are a str of eight bits."""
    data = (
        b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b"
        b"\x87Rq\x05(K\x01K\x02K\x02\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U\x04\x00\x7f\x80\xfftbU\x06labelsq\x08]q\t(K\x06K\x09eu."
    )
    (tmp_path / "a").write_bytes(data)
    found = read_pickle(tmp_path / "a")
    assert found["data"].tolist() == [[0, 127], [128, 255]] and found["labels"] == [6, 9]


class _Runs:
    def __reduce__(self):
        return exec, ("import tritonnn; tritonnn.HACKED = 1",)


def test_hostile_pickles(tmp_path):
    dtype, array = pickle.dumps(np.dtype("O"), 2), pickle.dumps(np.array([_Runs()], object), 2)
    evil = {
        "call": pickle.dumps(_Runs(), 2), "inside": pickle.dumps({"data": [_Runs()]}, 4), "objects": array,
        "dtype": dtype, "system": b"cos\nsystem\n(S'true'\ntR.", "ndarray": b"cnumpy\nndarray\n(I9999999999\ntR.",
        "huge": pickle.dumps(random(2, 3), 2).replace(b"K\x02K\x03", b"J\xff\xff\xff\x7fK\x03"),
        "persistent": b"Pid\n.", "cut": pickle.dumps(random(2, 3), 2)[:-5], "text": b"no pickle", "empty": b"",
        "fields": pickle.dumps(np.zeros(2, [("a", "u1")]), 2), "state": b"cnumpy\ndtype\n(S'u1'\ntR(I3\nS'?'\ntb.",
        "encode": b"c_codecs\nencode\n(Va\nVrot13\ntR.", "memory": b"\x80\x02}r\xff\xff\xff\xff.",
        "changed": b"c_codecs\nencode\n(N(V__defaults__\nNdtb.", "attribute": b"cnumpy\nndarray\n(Vx\nI1\ndb.",
        "new": b"\x80\x02cnumpy\ndtype\n(S'u1'\nt\x81.",
    }  # fmt: skip
    for name, data in evil.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(pickle.UnpicklingError, match=str(tmp_path / name)):
            read_pickle(tmp_path / name)
    assert not hasattr(torch, "HACKED")


def test_cifar_refuses_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tritonnn.vision.datasets.cifar.check_integrity", lambda path, md5: True)
    monkeypatch.setattr(CIFAR10, "train_list", [["batch", ""]])
    folder = tmp_path / "cifar-10-batches-py"
    for value, says in (
        (_Runs(), "exec"), ({"data": random(2, 3072)}, "no batch of pictures: KeyError"), (3, "no batch of pictures"),
        ({"data": random(2, 7), "labels": []}, "no batch of pictures"),
    ):  # fmt: skip
        pickled(folder / "batch", value)
        with pytest.raises(pickle.UnpicklingError, match=f"batch.*{says}"):
            CIFAR10(tmp_path)
    pickled(folder / "batch", {"data": random(2, 3072), "labels": [1]})
    with pytest.raises(RuntimeError, match="batch has 2 pictures and 1 labels"):
        CIFAR10(tmp_path)


def test_flo(tmp_path):
    path = tmp_path / "a.flo"
    path.write_bytes(b"PIEH" + struct.pack("<2i12f", 3, 2, *range(12)))
    flow = read_flo(path)
    assert flow.dtype == np.float32 and flow.tolist() == [[[0, 2, 4], [6, 8, 10]], [[1, 3, 5], [7, 9, 11]]]
    assert torch.from_numpy(flow).shape == (2, 2, 3)
    for data in (b"PIEG" + path.read_bytes()[4:], path.read_bytes()[:-4], b"PIEH"):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"a\.flo"):
            read_flo(path)


@pytest.mark.parametrize(("order", "scale"), [("<", "-1.0"), (">", "1")])
def test_pfm(order, scale, tmp_path):
    """The lowest line comes first."""
    path = tmp_path / "a.pfm"
    path.write_bytes(f"Pf\n3 2 \n{scale}\n".encode() + struct.pack(f"{order}6f", *range(6)))
    assert read_pfm(path).tolist() == [[[3, 4, 5], [0, 1, 2]]]
    path.write_bytes(f"PF\n1 2\n{scale}\n".encode() + struct.pack(f"{order}6f", *range(6)))
    assert read_pfm(path).tolist() == [[[3], [0]], [[4], [1]]] and read_pfm(path, 3)[2].tolist() == [[5], [2]]
    for data in (b"P5\n3 2\n-1\n", b"Pf\n3\n-1\n", b"Pf\n3 2\n-1\n" + bytes(20), b"Pf\n3 2\nx\n" + bytes(24)):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"a\.pfm"):
            read_pfm(path)


def test_flow_png(tmp_path):
    """All five filters of lines, all values of both bytes."""
    pixels = (np.arange(3 * 80 * 16) * 40503 % 65536).astype(np.uint16).reshape(16, 80, 3)
    flow, known = read_flow_png(png16(tmp_path / "a.png", pixels))
    assert np.array_equal(flow * 64 + 32768, pixels.transpose(2, 0, 1)[:2]) and known.all()
    for path in (
        picture(tmp_path / "c.png"),
        picture(tmp_path / "d.jpg"),
        picture(tmp_path / "e.png", mode="I;16"),
    ):
        with pytest.raises(ValueError, match=f"{path.name}: three channels of 16 bits were expected"):
            read_flow_png(path)
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:200])
    with pytest.raises(RuntimeError, match=r"a\.png"):
        read_flow_png(tmp_path / "a.png")


@pytest.mark.parametrize(("name", "folder"), [("KittiFlow", "training"), ("HD1K", "")])
def test_flow_of_16_bits(name, folder, tmp_path):
    """64ths of a pixel above 2**15, and in the third channel whether it is known."""
    pixels = np.array(
        [[[32768, 32768, 1], [32768 + 64, 32768 - 96, 1]], [[0, 65535, 0], [1, 2, 1]]], np.uint16
    )
    if name == "HD1K":
        images = [f"hd1k/hd1k_input/image_2/000000_000{i}.png" for i in range(2)]
        flows = [f"hd1k/hd1k_flow_gt/flow_occ/000000_000{i}.png" for i in range(2)]
    else:
        images = [f"KittiFlow/training/image_2/000000_1{i}.png" for i in range(2)]
        flows = ["KittiFlow/training/flow_occ/000000_10.png"]
    for image in images:
        picture(tmp_path / image)
    for file in flows:
        png16(tmp_path / file, pixels)
    dataset = {"KittiFlow": KittiFlow, "HD1K": HD1K}[name](tmp_path)
    assert len(dataset) == 1 and len(3 * dataset) == 3
    first, _, flow, valid = dataset[0]
    assert first.size == (7, 5) and flow.dtype == np.float32 and valid.dtype == bool
    assert flow.tolist() == [[[0, 1], [-512, -32767 / 64]], [[0, -1.5], [32767 / 64, -32766 / 64]]]
    assert valid.tolist() == [[True, True], [False, True]]
    assert np.array_equal(read_flow_png(tmp_path / flows[0])[0], flow)


def test_masks():
    assert mask_of({"size": [2, 3], "counts": [1, 2, 3]}, 2, 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    square = [1, 1, 3, 1, 3, 3, 1, 3]
    assert mask_of([square], 4, 4).sum() == 4 and mask_of([square, [0, 0, 1, 0, 1, 1, 0, 1]], 4, 4).sum() == 5
    assert mask_of([], 2, 2).tolist() == [[0, 0], [0, 0]]
    for wrong, says in (
        ({"counts": [1, 2]}, "3 pixels for a mask of 4 by 4"), ({"counts": [-1, 17]}, "run lengths"),
        ([[1, 2, 3]], "polygon of 3"), ("text", "dict or a list"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=says):
            mask_of(wrong, 4, 4)


def test_xml_that_expands_is_refused(tmp_path):
    base = tmp_path / "VOCdevkit" / "VOC2012"
    picture(base / "JPEGImages" / "1.jpg")
    (base / "ImageSets" / "Main").mkdir(parents=True)
    (base / "ImageSets" / "Main" / "train.txt").write_text("1\n")
    (base / "Annotations").mkdir()
    bomb = '<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;">]><annotation><size>&c;</size></annotation>'
    for text, error in ((bomb, ValueError), ("<annotation><size>", SyntaxError), ("", SyntaxError)):
        (base / "Annotations" / "1.xml").write_text(text)
        with pytest.raises(error, match=r"1\.xml"):
            VOCDetection(tmp_path)[0]
