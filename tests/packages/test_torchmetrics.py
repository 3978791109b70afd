"""torchmetrics: metrics of classes, numbers, pictures and text, summed over batches, saved and copied."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
import torchmetrics
from torchmetrics import functional as F
from weights import drawn

# torchmetrics warns of batches in which a class does not occur.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def _batches():
    return [(drawn(f"logits{i}", 16, 4).softmax(-1), torch.arange(16) * (i + 3) % 4) for i in range(3)]


CLASSES = {
    "accuracy": lambda: torchmetrics.Accuracy(task="multiclass", num_classes=4),
    "top2": lambda: torchmetrics.Accuracy(task="multiclass", num_classes=4, top_k=2),
    "f1": lambda: torchmetrics.F1Score(task="multiclass", num_classes=4, average="macro"),
    "precision": lambda: torchmetrics.Precision(task="multiclass", num_classes=4, average="weighted"),
    "recall": lambda: torchmetrics.Recall(task="multiclass", num_classes=4, average="none"),
    "confusion": lambda: torchmetrics.ConfusionMatrix(task="multiclass", num_classes=4),
    "auroc": lambda: torchmetrics.AUROC(task="multiclass", num_classes=4),
    "binned": lambda: torchmetrics.AUROC(task="multiclass", num_classes=4, thresholds=11),
    "ap": lambda: torchmetrics.AveragePrecision(task="multiclass", num_classes=4, average="none"),
    "kappa": lambda: torchmetrics.CohenKappa(task="multiclass", num_classes=4),
    "matthews": lambda: torchmetrics.MatthewsCorrCoef(task="multiclass", num_classes=4),
    "calibration": lambda: torchmetrics.CalibrationError(task="multiclass", num_classes=4),
    "hinge": lambda: torchmetrics.HingeLoss(task="multiclass", num_classes=4),
    "jaccard": lambda: torchmetrics.JaccardIndex(task="multiclass", num_classes=4),
}


@pytest.mark.parametrize("name", CLASSES)
def test_of_classes(expected, name):
    metric = CLASSES[name]()
    seen = [metric(probabilities, labels) for probabilities, labels in _batches()]
    expected("each", torch.stack(seen).float())
    expected("all", metric.compute().float())
    kept = pickle.loads(pickle.dumps(metric))
    assert torch.equal(kept.compute(), metric.compute())
    metric.reset()
    metric.update(*_batches()[1])
    assert torch.allclose(metric.compute().float(), seen[1].float(), equal_nan=True)


NUMBERS = [
    "MeanSquaredError", "MeanAbsoluteError", "R2Score", "PearsonCorrCoef", "SpearmanCorrCoef", "ExplainedVariance",
    "CosineSimilarity", "MeanAbsolutePercentageError", "KendallRankCorrCoef", "ConcordanceCorrCoef",
]  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_of_numbers(expected, name):
    metric = getattr(torchmetrics, name)()
    for i in range(3):
        target = drawn(f"target{i}", 20)
        predicted = target + 0.5 * drawn(f"noise{i}", 20)
        if name == "CosineSimilarity":
            target, predicted = target.view(4, 5), predicted.view(4, 5)
        metric.update(predicted, target)
    expected("value", metric.compute(), rtol=1e-4)


def test_collections_and_running_values(expected):
    metrics = torchmetrics.MetricCollection(
        {name: CLASSES[name]() for name in ("accuracy", "f1", "precision", "confusion")}, prefix="val_"
    )
    for probabilities, labels in _batches():
        metrics.update(probabilities, labels)
    values = metrics.compute()
    assert sorted(values) == ["val_accuracy", "val_confusion", "val_f1", "val_precision"]
    for name, value in values.items():
        expected(name, value.float())
    clone = metrics.clone(prefix="test_")
    assert torch.equal(clone.compute()["test_confusion"], values["val_confusion"])
    mean, tracker = (
        torchmetrics.MeanMetric(),
        torchmetrics.MetricTracker(torchmetrics.MeanSquaredError(), False),
    )
    for i in range(3):
        mean.update(drawn(f"values{i}", 3), weight=i + 1.0)
        tracker.increment()
        tracker.update(drawn(f"a{i}", 5), drawn(f"b{i}", 5))
    expected("mean", mean.compute())
    expected("tracked", tracker.compute_all())
    best, step = tracker.best_metric(return_step=True)
    expected("best", [float(best), step])
    assert float((torchmetrics.MeanMetric() + 1).compute() if False else mean.compute()) == float(
        mean.compute()
    )


def test_a_metric_is_differentiated_moved_and_saved(expected):
    predicted = drawn("predicted", 6).requires_grad_()
    F.mean_squared_error(predicted, drawn("target", 6)).backward()
    expected("grad", predicted.grad)
    metric = torchmetrics.MeanSquaredError()
    metric.persistent(True)
    metric.update(drawn("a", 5), drawn("b", 5))
    other = torchmetrics.MeanSquaredError()
    other.persistent(True)
    other.load_state_dict(metric.state_dict())
    assert torch.equal(other.compute(), metric.compute())
    assert copy.deepcopy(metric).to("cpu").set_dtype(torch.float64).compute().dtype == torch.float64


def test_of_pictures_and_text(expected):
    a = drawn("a", 2, 3, 32, 32).sigmoid()
    b = (a + 0.05 * drawn("b", 2, 3, 32, 32)).clamp(0, 1)
    expected("psnr", torchmetrics.image.PeakSignalNoiseRatio(data_range=1.0)(b, a))
    expected("ssim", torchmetrics.image.StructuralSimilarityIndexMeasure(data_range=1.0)(b, a))
    expected("tv", torchmetrics.image.TotalVariation()(a))
    expected("uqi", torchmetrics.image.UniversalImageQualityIndex()(b, a))
    expected(
        "perplexity",
        torchmetrics.text.Perplexity()(drawn("logits", 2, 5, 7), torch.arange(10).view(2, 5) % 7),
    )
    expected("wer", torchmetrics.text.WordErrorRate()(["the cat sat"], ["the cat sat down"]))
    expected(
        "bleu",
        torchmetrics.text.BLEUScore()(["the cat is on the mat"], [["there is a cat on the mat", "a cat"]]),
    )
    ranks = torchmetrics.retrieval.RetrievalMAP()(
        drawn("scores", 12), torch.arange(12) % 3 == 0, indexes=torch.arange(12) // 4
    )
    expected("map", ranks)
    expected("snr", torchmetrics.audio.SignalNoiseRatio()(drawn("heard", 50), drawn("sent", 50)))
