"""skorch: networks as scikit-learn's estimators, searched, cloned, stopped early, checkpointed and saved."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Checkpoint, EarlyStopping, EpochScoring, GradientNormClipping, LRScheduler
from skorch.dataset import ValidSplit
from skorch.exceptions import NotInitializedError
from torch import nn
from weights import drawn, fill


class Classifier(nn.Module):
    def __init__(self, hidden=8, outputs=3):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, hidden), nn.Tanh(), nn.Linear(hidden, outputs))
        fill(self)

    def forward(self, x):
        return self.layers(x)


def _data():
    x = drawn("x", 60, 5).numpy()
    return x, np.argmax(x @ drawn("w", 5, 3).numpy(), 1).astype(np.int64)


def _net(**more):
    given = dict(
        criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=0.05, batch_size=16, max_epochs=4, verbose=0,
        train_split=ValidSplit(3, stratified=True), iterator_train__shuffle=False,
    )  # fmt: skip
    return NeuralNetClassifier(Classifier, **{**given, **more})


def test_a_classifier_learns(expected):
    x, y = _data()
    net = _net(callbacks=[
        ("clip", GradientNormClipping(0.5)),
        ("schedule", LRScheduler("StepLR", step_size=2, gamma=0.5)),
        ("f1", EpochScoring("f1_macro", lower_is_better=False)),
    ]).fit(x, y)  # fmt: skip
    expected("train", net.history[:, "train_loss"], rtol=1e-5)
    expected("valid", net.history[:, "valid_loss"], rtol=1e-5)
    expected("f1", net.history[:, "f1_macro"])
    expected("logits", net.forward(x[:4]), rtol=1e-3)
    assert net.predict(x).dtype == np.int64
    assert net.score(x, y) > 0.5


def test_searched_in_a_pipeline(expected):
    x, y = _data()
    pipe = make_pipeline(StandardScaler(), _net(train_split=None))
    search = GridSearchCV(
        pipe, {"neuralnetclassifier__lr": [0.01, 0.05], "neuralnetclassifier__module__hidden": [4, 8]}, cv=3
    )
    search.fit(x, y)
    expected("scores", search.cv_results_["mean_test_score"])
    expected("best", [search.best_params_["neuralnetclassifier__lr"]])


def test_checkpoints_stopping_and_files(expected, tmp_path):
    x, y = _data()
    checkpoint = Checkpoint(dirname=tmp_path, monitor="valid_loss_best")
    net = _net(max_epochs=8, lr=0.5, callbacks=[checkpoint, EarlyStopping(patience=2)]).fit(x, y)
    expected("epochs", [len(net.history)])
    expected("valid", net.history[:, "valid_loss"], rtol=1e-3)
    fresh = _net(max_epochs=8).initialize()
    fresh.load_params(checkpoint=checkpoint)
    best = int(np.argmin(net.history[:, "valid_loss"]))
    assert fresh.history[-1, "epoch"] == best + 1
    net.save_params(f_params=tmp_path / "p.pt", f_optimizer=tmp_path / "o.pt", f_history=tmp_path / "h.json")
    fresh = _net().initialize()
    fresh.load_params(
        f_params=tmp_path / "p.pt", f_optimizer=tmp_path / "o.pt", f_history=tmp_path / "h.json"
    )
    assert np.array_equal(fresh.predict_proba(x), net.predict_proba(x))
    kept = pickle.loads(pickle.dumps(net))
    assert np.array_equal(kept.predict_proba(x), net.predict_proba(x))
    kept.partial_fit(x, y)
    assert len(kept.history) == len(net.history) + 8 or len(kept.history) > len(net.history)
    assert clone(net).lr == 0.5


def test_regression_and_two_classes(expected):
    x, y = _data()

    def fresh(outputs):
        return fill(nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, outputs)))

    net = NeuralNetRegressor(fresh(1), lr=0.05, max_epochs=3, verbose=0, train_split=None)
    net.fit(x, x.sum(1, keepdims=True))
    expected("regression", net.history[:, "train_loss"], rtol=1e-5)
    net = NeuralNetBinaryClassifier(fresh(1), lr=0.1, max_epochs=3, verbose=0, train_split=None)
    net.fit(x, (y == 1).astype(np.float32))
    expected("binary", net.history[:, "train_loss"], rtol=1e-5)
    with pytest.raises(NotInitializedError):
        _net().predict(x)
