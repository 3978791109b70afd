"""Faults in distributions and in the numbers that they draw."""

from __future__ import annotations

from mutants import Fault

GAMMA = "cpu_fallback/variates/gamma.py"
BINOMIAL = "cpu_fallback/variates/binomial.py"
IMPLICIT = "cpu_fallback/variates/implicit.py"
BASE = "tritonnn/distributions/distribution.py"
TRANSFORMED = "tritonnn/distributions/transformed_distribution.py"
EVENTS = "tritonnn/distributions/_transforms/events.py"
VARIATES, FORMULAS = "tests/test_variates.py", "tests/test_distributions.py"

FAULTS = [
    Fault(
        "gamma: no boost of small shapes",
        "formula",
        GAMMA,
        "value[small] += np.log(np.maximum(boost, 2.0**-54)) / shape[small]",
        "pass",
        f"{VARIATES} -k moments",
    ),
    Fault(
        "gamma: attempts counted from one",
        "random numbers",
        GAMMA,
        "philox(seed, counters[open_], attempt)",
        "philox(seed, counters[open_], attempt + 1)",
        f"{VARIATES} -k gamma_agrees",
    ),
    Fault(
        "binomial: the other side is not turned back",
        "formula",
        BINOMIAL,
        "np.where(turned, n - k, k)",
        "k",
        f"{VARIATES} -k binomial",
    ),
    Fault(
        "binomial: rejection without the odds",
        "formula",
        BINOMIAL,
        "right += (kept - mode[open_]) * log_odds[open_]",
        "right += 0",
        f"{VARIATES} -k binomial_probabilities",
    ),
    Fault(
        "variates: the tail on the other side",
        "derivative",
        IMPLICIT,
        "upper = log_x >= psi\n",
        "upper = log_x < psi\n",
        f"{VARIATES} -k far_below",
    ),
    Fault(
        "distributions: values are not checked",
        "argument check",
        BASE,
        "        valid = support.check(value)\n",
        "        valid = value == value\n",
        "tests/test_distribution_classes.py -k messages",
    ),
    Fault(
        "distributions: a decreasing transform keeps its side",
        "formula",
        TRANSFORMED,
        "return sign * (value - 0.5) + 0.5",
        "return value",
        f"{FORMULAS} -k 'Gumbel or Kumaraswamy'",
    ),
    Fault(
        "distributions: stick-breaking without the rest",
        "derivative",
        EVENTS,
        "return (logsigmoid(self._log_left(x) - x) + y[..., :-1].log()).sum(-1)",
        "return y[..., :-1].log().sum(-1)",
        "tests/test_distribution_transforms.py -k jacobian",
    ),
]
