"""Short runs of the examples: they train, write their files, and fail when they should."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import tritonnn as torch
from tritonnn.utils.safetensors import load_file

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")


def example(name: str):
    """The module of an example."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def is_png(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5000


def test_digits_learns_saves_and_draws(tmp_path, capsys):
    digits = example("train_digits")
    assert (
        digits.main(
            ["--epochs", "3", "--out", str(tmp_path / "runs"), "--min-accuracy", "0.9", "--device", "cpu"]
        )
        == 0
    )
    out = capsys.readouterr().out
    assert "epoch  3/3" in out and "after loading the checkpoint" in out
    assert is_png(tmp_path / "runs" / "curves.png") and is_png(tmp_path / "runs" / "samples.png")
    model = digits.DigitNet()
    model.load_state_dict(load_file(tmp_path / "runs" / "model.safetensors"))
    _, test_set = digits.load_digits(EXAMPLES / "data" / "digits.npz")
    assert digits.accuracy(model, test_set, torch.device("cpu")) >= 0.9


def test_digits_fails_when_it_does_not_learn(tmp_path, capsys):
    digits = example("train_digits")
    assert digits.main(["--epochs", "1", "--lr", "1e-9", "--out", str(tmp_path), "--device", "cpu"]) == 1
    assert "FAILED: the accuracy should be at least 98.00%" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        digits.main(["--epochs", "0"])
    with pytest.raises(FileNotFoundError):
        digits.main(["--data", str(tmp_path / "none.npz")])


def test_digits_fails_when_the_checkpoint_is_another_network(tmp_path, monkeypatch, capsys):
    digits = example("train_digits")
    torch.manual_seed(1)
    other = digits.DigitNet().state_dict()
    monkeypatch.setattr(digits, "load_file", lambda path: other)
    assert (
        digits.main(["--epochs", "1", "--out", str(tmp_path), "--min-accuracy", "0", "--device", "cpu"]) == 1
    )
    assert "FAILED: the accuracy was" in capsys.readouterr().err


def test_the_split_is_the_same_in_every_run():
    digits = example("train_digits")
    torch.manual_seed(1)
    a_train, a_test = digits.load_digits(EXAMPLES / "data" / "digits.npz")
    torch.manual_seed(2)
    b_train, b_test = digits.load_digits(EXAMPLES / "data" / "digits.npz")
    assert len(a_train) + len(a_test) == 1797 and len(a_test) == 360
    assert bool(
        (a_test.tensors[0] == b_test.tensors[0]).all() and (a_train.tensors[1] == b_train.tensors[1]).all()
    )


SMALL = ["--width", "32", "--batch-size", "8", "--sample", "40", "--device", "cpu"]


def test_char_gpt_learns_and_writes(tmp_path, capsys):
    gpt = example("char_gpt")
    status = gpt.main(["--steps", "60", "--out", str(tmp_path), "--max-loss", "3.3", *SMALL])
    assert status == 0, capsys.readouterr().out
    assert is_png(tmp_path / "loss.png") and len((tmp_path / "sample.txt").read_text(encoding="utf-8")) == 41
    assert load_file(tmp_path / "model.safetensors")["characters.weight"].shape == (76, 32)


def test_char_gpt_fails_when_the_loss_is_high(tmp_path, capsys):
    gpt = example("char_gpt")
    assert gpt.main(["--steps", "1", "--out", str(tmp_path), *SMALL]) == 1
    assert "FAILED: the loss should be below 2.0" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        gpt.main(["--width", "30", "--heads", "4"])


def test_char_gpt_sees_no_later_character():
    gpt = example("char_gpt")
    model = gpt.CharGPT(10, 8, 16, 2, 2).eval()
    ids = torch.randint(10, (1, 8))
    changed = ids.clone()
    changed[0, 5:] = (changed[0, 5:] + 1) % 10
    with torch.no_grad():
        a, b = model(ids), model(changed)
    assert torch.allclose(a[0, :5], b[0, :5])
    assert not torch.allclose(a[0, 5:], b[0, 5:])
