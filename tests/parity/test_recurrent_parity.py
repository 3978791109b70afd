"""Recurrent layers beside PyTorch's: what is refused, saved state of older versions, and a model in training."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest
import torch as reference
from programs import hold

import tritonnn as torch

REFUSED = """
nn.LSTM(3, 0)
nn.LSTM(0, 3)
nn.GRU(-1, 3)
nn.RNN(3, -1)
nn.LSTM(3, 4, 0)
nn.LSTM(3, 4, -1)
nn.LSTM(3, 4, proj_size=4)
nn.LSTM(3, 4, proj_size=5)
nn.LSTM(3, 4, proj_size=-1)
nn.GRU(3, 4, proj_size=2)
nn.RNN(3, 4, proj_size=2)
nn.LSTM(3, 4, 2, dropout=1.5)
nn.LSTM(3, 4, 2, dropout=-0.1)
nn.LSTM(3, 4, 2, dropout=True)
nn.LSTM(3, 4, 2, dropout='a')
nn.RNN(3, 4, nonlinearity='foo')
nn.LSTM(3, 4.0)
nn.LSTM(3.0, 4)
nn.LSTM('a', 4)
nn.LSTM(3, 4, num_layers=1.0)
nn.RNNBase('FOO', 3, 4)
nn.RNN(3, 4, nonlinearity='relu', mode=3)
nn.LSTM()
nn.GRU(3)
nn.GRU(3, 4, foo=1)
nn.LSTM(3, 4)(x[..., :2])
nn.LSTM(3, 4)(x[..., None])
nn.GRU(3, 4)(x[0, 0])
nn.RNN(3, 4)(x[0, 0])
nn.LSTM(3, 4)(x, (h[..., :3], h))
nn.LSTM(3, 4)(x, (h, h[..., :3]))
nn.LSTM(3, 4)(x, (h[:, :1], h))
nn.LSTM(3, 4)(x, (h[0], h[0]))
nn.LSTM(3, 4)(x[0], (h, h))
nn.LSTM(3, 4)(x, h)
nn.LSTM(3, 4)(x, (h,))
nn.LSTM(3, 4, 2)(x, (h, h))
nn.GRU(3, 4)(x, h[0])
nn.GRU(3, 4)(x[0], h)
nn.GRU(3, 4)(x, h[:, :1])
nn.RNN(3, 4, bidirectional=True)(x, h)
nn.LSTM(3, 4)(x.double())
nn.GRU(3, 4)(x.to(torch.int64))
nn.GRU(3, 4)(x, h.double())
nn.LSTM(3, 4)(x[:0])
nn.GRU(3, 4)(x[:0])
nn.LSTM(3, 4)('a')
nn.GRU(3, 4)(x, (h, h))
nn.LSTM(3, 4)(nn.utils.rnn.pack_sequence([y[:3], y[:2]]))
nn.GRU(3, 4)(nn.utils.rnn.pack_sequence([y[:3], y[:2]]))
nn.GRU(3, 4)(nn.utils.rnn.pack_sequence([x[0], x[0]]), h[:, :1])
nn.LSTMCell(3, 4)(y)
nn.LSTMCell(3, 4)(x)
nn.GRUCell(3, 4)(x)
nn.RNNCell(3, 4)(x)
nn.LSTMCell(3, 4)(x[0], (h[0, :1], h[0]))
nn.LSTMCell(3, 4)(x[0], (h[0], h[0, :, :3]))
nn.LSTMCell(3, 4)(x[0], (h, h))
nn.LSTMCell(3, 4)(x[0], h[0])
nn.GRUCell(3, 4)(x[0], h[0, 0])
nn.GRUCell(3, 4)(x[0], h)
nn.RNNCell(3, 4)(x[0], h[0, :, :3])
nn.RNNCell(3, 4, nonlinearity='foo')(x[0])
nn.LSTMCell(-1, 4)
torch.gru(x, h, w[:3], True, 1, 0.0, False, False, False)
torch.gru(x, h, w, True, 2, 0.0, False, False, False)
torch.gru(x, h[0], w, True, 1, 0.0, False, False, False)
torch.gru(x, h, [w[1], *w[1:]], True, 1, 0.0, False, False, False)
torch.gru(x, h, [*w[:3], w[3][:5]], True, 1, 0.0, False, False, False)
torch.gru(x, h, [w[0][:5], *w[1:]], True, 1, 0.0, False, False, False)
torch.gru_cell(x[0], h[0], w[0][:5], w[1])
torch.gru_cell(x[0], h[0], w[0], w[1][:5])
torch.gru_cell(x[0], h[0], w[0], w[1], w[2][:5], w[3])
torch.gru_cell(x[0, 0], h[0], w[0], w[1])
torch.gru_cell(x[0], h[0].double(), w[0], w[1])
torch.lstm_cell(x[0], (h[0],), w[0], w[1])
torch.lstm_cell(x[0], h[0], w[0], w[1])
"""
TAKEN = """
nn.RNN(3, 4, 1, 'relu').mode
nn.RNN(3, 4, 1, 'tanh', False, True, 0.0, True).bidirectional
nn.GRU(3, 4)(x[:, :0])[0]
nn.LSTM(3, 4).flatten_parameters()
[[w.shape for w in group] for group in nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2).all_weights]
[[w.shape for w in group] for group in nn.GRU(3, 4, bias=False).all_weights]
nn.LSTM(3, 4, 2, proj_size=2).get_expected_hidden_size(x, None)
nn.LSTM(3, 4, 2, proj_size=2).get_expected_cell_size(x, None)
nn.GRU(3, 4, batch_first=True).get_expected_hidden_size(x, None)
nn.LSTMCell(3, 0).weight_hh.shape
torch.gru(x, h, w, True, 1, 0.5, True, False, False)
torch.gru(x, h, w[:2], False, 1, 0.0, True, False, False)
torch.gru(x[0], torch.tensor([1, 1]), h[:, :1], w, True, 1, 0.0, False, False)
torch.gru_cell(x[0], h[0], w[0], w[1], None, w[3])
torch.gru_cell(x[0], h[0], w[0], w[1], w[2])
"""


def names(library: Any) -> dict[str, Any]:
    def ones(*shape: int) -> Any:
        return library.ones(*shape) / 8

    return {
        "x": ones(5, 2, 3),
        "y": ones(4, 5),
        "h": ones(1, 2, 4),
        "w": [ones(12, 3), ones(12, 4), ones(12), ones(12)],
    }


@pytest.mark.parametrize("line", REFUSED.strip().splitlines())
@pytest.mark.filterwarnings("ignore")
def test_refused(line: str) -> None:
    with pytest.raises(Exception):  # noqa: B017  # which one is PyTorch's to say
        eval(line, {"torch": torch, "nn": torch.nn, **names(torch)})
    hold(line, names, "cpu")


@pytest.mark.parametrize("line", TAKEN.strip().splitlines())
@pytest.mark.filterwarnings("ignore")
def test_taken(line: str) -> None:
    def rounded(library: Any) -> dict[str, Any]:
        return names(library)

    known = {"torch": torch, "nn": torch.nn, **rounded(torch)}
    other = {"torch": reference, "nn": reference.nn, **rounded(reference)}
    got, wanted = eval(line, known), eval(line, other)
    if isinstance(wanted, reference.Tensor):
        got, wanted = (got,), (wanted,)
    if isinstance(wanted, tuple) and wanted and isinstance(wanted[0], reference.Tensor):
        for a, b in zip(got, wanted, strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-6, atol=1e-6)
    else:
        assert got == wanted


def test_words() -> None:
    """What PyTorch says of the common mistakes is said here as well."""
    for line in (
        "nn.LSTM(3, 4)(x[..., :2])", "nn.LSTM(3, 4)(x, (h[..., :3], h))", "nn.GRU(3, 4)(x, h[:, :1])",
        "nn.GRU(3, 4)(x, h[0])", "nn.LSTM(3, 4)(x, (h[0], h[0]))", "nn.LSTM(3, 4)(x.double())",
        "nn.RNN(3, 4)(x[0, 0])", "nn.LSTM(3, 4)(x[..., None])", "nn.RNN(3, 4, nonlinearity='foo')",
        "nn.LSTM(3, 4, proj_size=4)", "nn.LSTM(3, 0)", "nn.GRU(3, 4, proj_size=2)", "nn.LSTMCell(3, 4)(y)",
        "nn.LSTMCell(3, 4)(x[0], (h[0, :1], h[0]))", "nn.RNNCell(3, 4)(x[0], h[0, :, :3])", "nn.GRUCell(3, 4)(x)",
        "nn.LSTM(3, 4)(x[:0])", "nn.LSTM(3, 4, 2, dropout=1.5)", "nn.LSTM(3, 4.0)",
    ):  # fmt: skip
        texts = []
        for library in (reference, torch):
            with pytest.raises(Exception) as caught:
                eval(line, {"torch": library, "nn": library.nn, **names(library)})
            texts.append(str(caught.value))
        assert texts[0].lower() in texts[1].lower(), line


def test_dropout_of_one_layer_warns_in_the_same_words() -> None:
    texts = []
    for library in (reference, torch):
        with pytest.warns(UserWarning) as caught:
            library.nn.GRU(3, 4, dropout=0.5)
        texts.append([str(warning.message) for warning in caught])
    assert texts[0] == texts[1]


def test_repr_of_all_options() -> None:
    for kind, options in (
        ("LSTM", {"num_layers": 2, "bias": False, "batch_first": True, "dropout": 0.5, "bidirectional": True,
                  "proj_size": 2}),
        ("GRU", {"num_layers": 2, "dropout": 0.25}), ("RNN", {"nonlinearity": "relu"}),
    ):  # fmt: skip
        theirs, ours = (getattr(library.nn, kind)(3, 4, **options) for library in (reference, torch))
        assert repr(ours) == repr(theirs) and list(ours.state_dict()) == list(theirs.state_dict())


@pytest.mark.parametrize("old", ["all_weights", "no projection", "no names"])
def test_pickles_of_older_versions(old: str) -> None:
    for library in (reference, torch):
        layer = library.nn.LSTM(3, 4, 2)
        state = dict(layer.__dict__)
        if old == "all_weights":
            state["all_weights"] = state["_all_weights"]
            del state["_all_weights"]
        elif old == "no projection":
            del state["proj_size"]
        else:
            state["all_weights"] = [[0] * 4, [0] * 4]
        again = library.nn.LSTM.__new__(library.nn.LSTM)
        again.__setstate__(copy.copy(state))
        assert again.proj_size == 0
        assert [[w.shape for w in group] for group in again.all_weights] == [
            [w.shape for w in group] for group in layer.all_weights
        ]
        x = library.ones(2, 1, 3)
        assert bool((again(x)[0] == layer(x)[0]).all())


def test_start_values() -> None:
    reference.manual_seed(0)
    torch.manual_seed(0)
    for build in (
        lambda nn: nn.LSTM(60, 100, 2, proj_size=50), lambda nn: nn.GRU(60, 100), lambda nn: nn.RNNCell(60, 100),
    ):  # fmt: skip
        wanted, got = build(reference.nn).state_dict(), build(torch.nn).state_dict()
        for name, value in wanted.items():
            a, b = value.numpy(), got[name].numpy()
            assert abs(b).max() <= 0.1 and abs(a.std() - b.std()) < 5 * 0.1 / np.sqrt(a.size), name


class Batches:
    """Text of a source whose next letter depends on the last one, in batches of (steps + 1, batch)."""

    def __init__(self, letters: int, steps: int, batch: int) -> None:
        rng = np.random.default_rng(5)
        table = rng.dirichlet(np.full(letters, 0.05), letters)
        text = [0]
        for _ in range(1000):
            text.append(int(rng.choice(letters, p=table[text[-1]])))
        self.text, self.rng, self.steps, self.batch = np.array(text), rng, steps, batch

    def next(self) -> np.ndarray:
        starts = self.rng.integers(0, len(self.text) - self.steps - 1, self.batch)
        return np.stack([self.text[s : s + self.steps + 1] for s in starts], 1)


def model(library: Any) -> Any:
    nn = library.nn

    class Language(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(12, 16)
            self.lstm = nn.LSTM(16, 24, 2)
            self.head = nn.Linear(24, 12)

        def forward(self, x):
            return self.head(self.lstm(self.embedding(x))[0])

    return Language()


def test_language_model_learns_as_in_pytorch() -> None:
    """100 steps from the same weights on the same batches: the same losses to 1e-4, and it does learn."""
    reference.manual_seed(3)
    theirs, ours = model(reference), model(torch)
    ours.load_state_dict(
        {name: torch.tensor(value.numpy().copy()) for name, value in theirs.state_dict().items()}
    )
    batches = Batches(12, 12, 8)
    given = [batches.next() for _ in range(100)]
    losses = []
    for library, net in ((reference, theirs), (torch, ours)):
        optimizer = library.optim.Adam(net.parameters(), lr=1e-2)
        curve = []
        for batch in given:
            text = library.tensor(batch)
            optimizer.zero_grad()
            scores = net(text[:-1])
            loss = library.nn.functional.cross_entropy(scores.reshape(-1, 12), text[1:].reshape(-1))
            loss.backward()
            library.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            curve.append(float(loss.detach()))
        losses.append(curve)
    assert losses[0][-1] < 0.7 * losses[0][0]
    np.testing.assert_allclose(losses[1], losses[0], rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_frozen_weights_get_no_gradient(kind: str) -> None:
    """Each pattern of wanted gradients gives those that PyTorch gives."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 2, 3))
    for frozen in ("weight_hh_l0", "weight_ih_l0", "bias_hh_l0", "weight_hh_l0_reverse"):
        grads = []
        start = None
        for library in (reference, torch):
            layer = getattr(library.nn, kind)(3, 4, bidirectional=True).double()
            if start is None:
                start = {name: value.numpy().copy() for name, value in layer.state_dict().items()}
            layer.load_state_dict({name: library.tensor(value) for name, value in start.items()})
            getattr(layer, frozen).requires_grad_(False)
            layer(library.tensor(x))[0].pow(2).sum().backward()
            grads.append({n: None if p.grad is None else p.grad.numpy() for n, p in layer.named_parameters()})
        assert grads[1][frozen] is None is grads[0][frozen]
        for name, grad in grads[0].items():
            if grad is not None:
                np.testing.assert_allclose(grads[1][name], grad, rtol=1e-9, atol=1e-12)


def test_warnings_of_no_other_kind() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.nn.LSTM(3, 4, 2, dropout=0.5, bidirectional=True)(torch.ones(5, 2, 3))
