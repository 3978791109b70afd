"""One formula for every way of a step: as NumPy calls, as kernels, and as operations that autograd records."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch
from tritonnn import optim
from tritonnn.cpu_fallback.optimizer._trace import Program
from tritonnn.kernels.optimizer._formulas import FORMULAS
from tritonnn.optim._elementwise import SHARED, ElementwiseOptimizer, choose

OPTIMIZERS = [
    cls for cls in vars(optim).values() if isinstance(cls, type) and issubclass(cls, ElementwiseOptimizer)
]
VARIANTS = [
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}), ("Adam", {"amsgrad": True}), ("AdamW", {}),
    ("Adamax", {}), ("NAdam", {}), ("RAdam", {"betas": (0.6, 0.9)}), ("Adagrad", {"lr_decay": 0.1}), ("Adadelta", {}),
    ("RMSprop", {"momentum": 0.9, "centered": True}), ("Rprop", {}), ("ASGD", {"lambd": 0.1, "t0": 2}),
]  # fmt: skip


# ---- a formula as a program ------------------------------------------------------------------------------------


def run(formula, *arrays):
    """The arrays after a program of the formula, which replaces all but the second."""
    kept = [np.array(a, np.float64) for a in arrays]
    program = Program(formula, len(kept), (0, *range(2, len(kept))))
    program(kept, [np.full_like(kept[0], np.nan) for _ in range(program.scratch)])
    return [a.tolist() for a in kept]


def test_what_is_needed_no_more_is_written_over():
    formula = lambda p, g, m: (p - (m * 0.5 + g * 2) * 0.1, m * 0.5 + g * 2)
    assert Program(formula, 3, (0, 2)).scratch == 2
    assert run(formula, [1.0], [2.0], [4.0]) == [[1.0 - 6.0 * 0.1], [2.0], [6.0]]


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        (lambda p, g, a, b: (p, b, a), [[1.0], [2.0], [4.0], [3.0]]),  # exchanged
        (lambda p, g, a, b: (a, p, a), [[3.0], [2.0], [1.0], [3.0]]),
        (lambda p, g, a, b: (g, g, g), [[2.0], [2.0], [2.0], [2.0]]),
        (lambda p, g, a, b: (p + g, a, b), [[3.0], [2.0], [3.0], [4.0]]),  # two stay
        (lambda p, g, a, b: (b * 2, b * 3, p + a), [[8.0], [2.0], [12.0], [4.0]]),
        (lambda p, g, a, b: (x := a + b, x, x * p), [[7.0], [2.0], [7.0], [7.0]]),  # one value twice
    ],
)
def test_values_reach_the_right_arrays(formula, wanted):
    assert run(formula, [1.0], [2.0], [3.0], [4.0]) == wanted


def test_calls_that_no_result_needs_are_left_out():
    formula = lambda p, g: (choose(False, (p / 0.0).sqrt(), p - g),)
    assert len(Program(formula, 2, (0,)).calls) == 1


def test_a_formula_cannot_branch_on_its_arrays():
    with pytest.raises(TypeError, match=r"write a.where\(condition, b\)"):
        Program(lambda p, g: (p if g > 0 else -p,), 2, (0,))


# ---- a formula in its optimizer ----------------------------------------------------------------------------------


def test_every_formula_has_a_kernel_that_names_the_same():
    for cls in OPTIMIZERS:
        formula = cls._formula
        code = formula.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        assert set(FORMULAS[formula.__name__.removesuffix("_formula")].arg_names) == set(names), (
            formula.__name__
        )
        assert set(cls._state) <= set(names) and set(cls._kept_if) <= set(cls._state)


def test_shared_options_are_described_once():
    for cls in OPTIMIZERS:
        for name in SHARED:
            takes = name in cls.__init__.__annotations__
            assert (f"        {name}: {SHARED[name]}" in cls.__doc__) == takes, (cls.__name__, name)


def lion(p, g, exp_avg, *, lr, beta1, beta2):
    ahead = exp_avg * beta1 + g * (1 - beta1)
    return p - ahead.sign() * lr, exp_avg * beta2 + g * (1 - beta2)


class Lion(ElementwiseOptimizer):
    _formula = staticmethod(lion)
    _state = {"exp_avg": 0}

    def __init__(
        self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, *, maximize=False, differentiable=False
    ):
        options = {"lr": lr, "betas": betas, "weight_decay": weight_decay, "decoupled_weight_decay": True}
        super().__init__(params, options, maximize=maximize, differentiable=differentiable)


@pytest.mark.parametrize("options", [{}, {"differentiable": True}, {"maximize": True}], ids=str)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_new_optimizer_is_its_options_and_its_formula(device, options):
    """On a GPU, where no kernel has its name, it takes Tensor operations."""
    rng = np.random.default_rng(0)
    p, m = rng.standard_normal(50), np.zeros(50)
    start = torch.from_numpy(p.copy()).to(device).requires_grad_()
    w = start.clone() if options.get("differentiable") else start
    opt = Lion([w], lr=0.1, weight_decay=0.2, **options)
    for _ in range(4):
        g = rng.standard_normal(50)
        w.grad = torch.from_numpy(g).to(device)
        opt.step()
        g = -g if options.get("maximize") else g
        p = p * (1 - 0.1 * 0.2) - 0.1 * np.sign(m * 0.9 + g * (1 - 0.9))
        m = m * 0.99 + g * (1 - 0.99)
    np.testing.assert_allclose(w.detach().cpu().numpy(), p, rtol=1e-12)
    np.testing.assert_allclose(opt.state[w]["exp_avg"].detach().cpu().numpy(), m, rtol=1e-12)
    assert (w.grad_fn is not None) == bool(options.get("differentiable"))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=[name for name, _ in VARIANTS])
def test_recorded_steps_are_the_fast_ones(name, options, device):
    """The formula as Tensor operations, with a derivative, and as NumPy calls or as a kernel."""
    rng = np.random.default_rng(1)
    start, *grads = (torch.from_numpy(rng.standard_normal((3, 4))).to(device) for _ in range(9))
    values = []
    for differentiable in (False, True):
        w = start.clone().requires_grad_()
        p = w.clone() if differentiable else w
        opt = getattr(optim, name)([p], lr=0.1, differentiable=differentiable, **options)
        for g in grads:
            p.grad = g
            opt.step()
        values.append(p.detach().cpu().numpy())
    np.testing.assert_allclose(values[0], values[1], rtol=1e-9, atol=1e-12)
    p.sum().backward()
    assert w.grad.isfinite().all() and w.grad.abs().sum() > 0
