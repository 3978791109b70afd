"""Loss layers: values from their formulas, reductions, older arguments."""

from __future__ import annotations

import math

import pytest

import tritonnn as torch

nn = torch.nn


def t(*values):
    return torch.tensor(values)


def sigmoid(v):
    return 1 / (1 + math.exp(-v))


ROWS = [[0.1, 0.8, 0.1], [2.0, 0.0, -1.0]]


def cross_entropy(row, target):
    return math.log(sum(math.exp(v) for v in row)) - row[target]


CASES = {
    "L1Loss": (nn.L1Loss, (t(1.0, 5.0), t(2.0, 2.0)), [1, 3]),
    "MSELoss": (nn.MSELoss, (t(1.0, 5.0), t(2.0, 2.0)), [1, 9]),
    "SmoothL1Loss": (nn.SmoothL1Loss, (t(0.5, 3.0), t(0.0, 0.0)), [0.125, 2.5]),
    "HuberLoss": (lambda **k: nn.HuberLoss(delta=2.0, **k), (t(1.0, 3.0), t(0.0, 0.0)), [0.5, 4]),
    "NLLLoss": (nn.NLLLoss, (t([-1.0, -2.0], [-3.0, -4.0]), t(1, 0)), [2, 3]),
    "CrossEntropyLoss": (
        nn.CrossEntropyLoss,
        (torch.tensor(ROWS), t(1, 2)),
        [cross_entropy(ROWS[0], 1), cross_entropy(ROWS[1], 2)],
    ),
    "PoissonNLLLoss": (nn.PoissonNLLLoss, (t(0.5, 1.0), t(0.5, 3.0)), [math.exp(0.5) - 0.25, math.e - 3]),
    "KLDivLoss": (
        nn.KLDivLoss,
        (t(-1.0, -2.0), t(0.25, 0.75)),
        [0.25 * (math.log(0.25) + 1), 0.75 * (math.log(0.75) + 2)],
    ),
    "BCELoss": (nn.BCELoss, (t(0.8, 0.4, 0.0), t(1.0, 0.0, 1.0)), [-math.log(0.8), -math.log(0.6), 100]),
    "BCEWithLogitsLoss": (
        nn.BCEWithLogitsLoss,
        (t(2.0, -1.0), t(1.0, 0.0)),
        [-math.log(sigmoid(2)), -math.log(1 - sigmoid(-1))],
    ),
    "SoftMarginLoss": (
        nn.SoftMarginLoss,
        (t(2.0, 2.0), t(1.0, -1.0)),
        [math.log1p(math.exp(-2)), math.log1p(math.exp(2))],
    ),
    "HingeEmbeddingLoss": (nn.HingeEmbeddingLoss, (t(0.3, 0.3), t(1.0, -1.0)), [0.3, 0.7]),
    "MarginRankingLoss": (
        lambda **k: nn.MarginRankingLoss(margin=0.5, **k),
        (t(1.0, 2.0), t(2.0, 1.0), t(1.0, 1.0)),
        [1.5, 0],
    ),
    "CosineEmbeddingLoss": (
        lambda **k: nn.CosineEmbeddingLoss(margin=0.5, **k),
        (t([3.0, 4.0], [3.0, 4.0]), t([4.0, 3.0], [4.0, 3.0]), t(1, -1)),
        [0.04, 0.46],
    ),
    "MultiMarginLoss": (
        nn.MultiMarginLoss,
        (t([0.1, 0.2, 0.7], [1.0, 0.0, 0.0]), t(1, 0)),
        [(0.9 + 1.5) / 3, 0],
    ),
    "MultiLabelMarginLoss": (nn.MultiLabelMarginLoss, (t([0.1, 0.2, 0.4, 0.8]), t([3, 0, -1, 1])), [0.85]),
    "MultiLabelSoftMarginLoss": (
        nn.MultiLabelSoftMarginLoss,
        (t([0.5, -1.0]), t([1.0, 0.0])),
        [-(math.log(sigmoid(0.5)) + math.log(1 - sigmoid(-1))) / 2],
    ),
    "TripletMarginLoss": (
        lambda **k: nn.TripletMarginLoss(margin=4.0, **k),
        (t([0.0]), t([2.0]), t([5.0])),
        [1],
    ),
    "TripletMarginLoss_swap": (
        lambda **k: nn.TripletMarginLoss(margin=4.0, swap=True, **k),
        (t([0.0]), t([2.0]), t([5.0])),
        [3],
    ),
}


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("name", CASES)
def test_formula_and_reductions(name):
    build, inputs, wanted = CASES[name]
    assert build(reduction="none")(*inputs).tolist() == pytest.approx(wanted, rel=1e-4, abs=1e-5)
    assert build(reduction="sum")(*inputs).item() == pytest.approx(sum(wanted), rel=1e-4)
    assert build()(*inputs).item() == pytest.approx(sum(wanted) / len(wanted), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"size_average": False}, 4.0),
        ({"size_average": True}, 2.0),
        ({"reduce": False}, [1.0, 3.0]),
        ({"reduce": False, "size_average": False}, [1.0, 3.0]),
        ({"reduce": True, "size_average": False}, 4.0),
        ({"size_average": False, "reduction": "none"}, 4.0),
    ],
)
def test_older_arguments_override_the_reduction(options, wanted):
    with pytest.warns(
        UserWarning, match="size_average and reduce args will be deprecated, please use reduction="
    ):
        loss = nn.L1Loss(**options)
    assert loss(t(1.0, 5.0), t(2.0, 2.0)).tolist() == wanted


def test_class_weights_and_ignored_targets():
    x, y = torch.tensor(ROWS), t(1, 2)
    losses = [cross_entropy(ROWS[0], 1), cross_entropy(ROWS[1], 2)]
    weighted = nn.CrossEntropyLoss(weight=t(1.0, 2.0, 3.0))(x, y).item()
    assert weighted == pytest.approx((2 * losses[0] + 3 * losses[1]) / 5, rel=1e-5)
    assert nn.CrossEntropyLoss(ignore_index=2)(x, y).item() == pytest.approx(losses[0], rel=1e-5)
    assert list(nn.CrossEntropyLoss(weight=torch.ones(3)).state_dict()) == ["weight"]
    assert list(nn.CrossEntropyLoss().state_dict()) == []


def test_label_smoothing_mixes_in_the_mean_over_classes():
    x, y = torch.tensor(ROWS[:1]), t(1)
    every = [cross_entropy(ROWS[0], k) for k in range(3)]
    smooth = nn.CrossEntropyLoss(label_smoothing=0.3)(x, y).item()
    assert smooth == pytest.approx(0.7 * every[1] + 0.3 * sum(every) / 3, rel=1e-5)


def test_positive_weight():
    loss = nn.BCEWithLogitsLoss(pos_weight=t(3.0))(t([0.999]), t([1.0]))
    assert loss.item() == pytest.approx(3 * math.log1p(math.exp(-0.999)), rel=1e-5)


def test_kl_divergence_of_the_batch():
    x, y = t([0.5, 0.5]).log(), t([0.25, 0.75])
    wanted = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert nn.KLDivLoss(reduction="batchmean")(x, y).item() == pytest.approx(wanted, rel=1e-4)
    assert nn.KLDivLoss(reduction="batchmean", log_target=True)(x, y.log()).item() == pytest.approx(
        wanted, rel=1e-4
    )
    with pytest.raises(ValueError, match="has no weight"):
        nn.KLDivLoss(weight=torch.ones(2))


def test_gaussian_and_full_poisson_terms():
    plain = nn.GaussianNLLLoss()(t(1.0), t(3.0), t(2.0)).item()
    assert plain == pytest.approx(0.5 * (math.log(2) + 4 / 2), rel=1e-5)
    full = nn.GaussianNLLLoss(full=True)(t(1.0), t(3.0), t(2.0)).item()
    assert full == pytest.approx(plain + 0.5 * math.log(2 * math.pi), rel=1e-5)
    stirling = 3 * math.log(3) - 3 + 0.5 * math.log(2 * math.pi * 3)
    assert nn.PoissonNLLLoss(full=True)(t(1.0), t(3.0)).item() == pytest.approx(
        math.e - 3 + stirling, rel=1e-5
    )


def paths(probabilities, target, blank=0):
    """CTC by enumeration: the probability of every path that collapses to the target."""
    import itertools

    steps, classes = len(probabilities), len(probabilities[0])
    total = 0.0
    for path in itertools.product(range(classes), repeat=steps):
        collapsed = [label for label, _ in itertools.groupby(path)]
        if [label for label in collapsed if label != blank] == target:
            total += math.prod(probabilities[i][label] for i, label in enumerate(path))
    return total


@pytest.mark.parametrize("target", [[1], [1, 2], [1, 1], [2, 1, 2], []])
def test_ctc_against_enumeration(target):
    x = torch.randn(5, 1, 3).log_softmax(2)
    wanted = -math.log(paths(x[:, 0].exp().tolist(), target))
    labels = torch.tensor([target or [1]])
    loss = nn.CTCLoss(reduction="sum")(x, labels, torch.tensor([5]), torch.tensor([len(target)]))
    assert loss.item() == pytest.approx(wanted, rel=1e-4)


def test_ctc_of_a_batch_with_different_lengths():
    x = torch.randn(5, 2, 3).log_softmax(2).requires_grad_()
    targets, lengths = torch.tensor([1, 2, 2]), torch.tensor([2, 1])
    losses = nn.CTCLoss(reduction="none")(x, targets, torch.tensor([5, 3]), lengths)
    probabilities = x.detach().exp().tolist()
    wanted = [
        -math.log(paths([row[0] for row in probabilities], [1, 2])),
        -math.log(paths([row[1] for row in probabilities[:3]], [2])),
    ]
    assert losses.tolist() == pytest.approx(wanted, rel=1e-4)
    mean = nn.CTCLoss()(x, targets, (5, 3), (2, 1)).item()
    assert mean == pytest.approx((wanted[0] / 2 + wanted[1]) / 2, rel=1e-4)
    losses.sum().backward()
    assert float(x.grad[3:, 1].abs().max()) == 0


def test_ctc_of_impossible_alignments():
    x = torch.randn(1, 1, 3).log_softmax(2).requires_grad_()
    arguments = (torch.tensor([[1, 2]]), torch.tensor([1]), torch.tensor([2]))
    assert math.isinf(nn.CTCLoss()(x, *arguments).item())
    loss = nn.CTCLoss(zero_infinity=True)(x, *arguments)
    loss.backward()
    assert loss.item() == 0 and float(x.grad.abs().max()) == 0
