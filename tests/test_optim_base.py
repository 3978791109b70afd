"""What all optimizers share: groups, state, hooks, saving."""

from __future__ import annotations

import copy
import math
import pickle

import pytest

import tritonnn as torch
from tritonnn import nn, optim
from tritonnn.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
    required,
)


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(list(values), requires_grad=True)


def stepped(name: str = "Adam", **options):
    """A parameter and its optimizer after one step with the gradient 1."""
    p = leaf(1.0, 2.0)
    opt = getattr(optim, name)([p], **{"lr": 0.1, **options})
    p.grad = torch.ones(2)
    opt.step()
    return p, opt


# ---- groups ----------------------------------------------------------------------------------------------------


def test_groups_fill_in_defaults():
    a, b = leaf(1.0), leaf(2.0)
    opt = optim.SGD([{"params": a}, {"params": [b], "lr": 0.5}], lr=0.1, momentum=0.9)
    assert [(g["lr"], g["momentum"]) for g in opt.param_groups] == [(0.1, 0.9), (0.5, 0.9)]
    assert optim.SGD(p for p in (a, b)).param_groups[0]["params"] == [a, b]


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        (lambda p: p, TypeError, "iterable of Tensors or dicts"),
        (lambda p: [], ValueError, "empty parameter list"),
        (lambda p: [p, 3], TypeError, "can only optimize Tensors, but one of the params is int"),
        (lambda p: [p * 2], ValueError, "non-leaf"),
        (lambda p: [{"params": {p}}], TypeError, "ordered collections"),
        (lambda p: [{"params": [p]}, {"params": [p]}], ValueError, "more than one parameter group"),
        (lambda p: [("a", p), p], ValueError, "with/without names"),
        (lambda p: [{"params": [("a", p)]}, {"params": [leaf(1.0)]}], ValueError, "with/without names"),
    ],
)
def test_bad_parameters_are_refused(params, error, match):
    with pytest.raises(error, match=match):
        optim.SGD(params(leaf(1.0)), lr=0.1)


def test_duplicates_warn_and_a_group_must_be_a_dict():
    p = leaf(1.0)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        opt = optim.SGD([p, p], lr=0.1)
    with pytest.raises(TypeError, match="must be a dict"):
        opt.add_param_group([leaf(1.0)])


def test_required_options_must_be_given():
    class Plain(Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": required})

    with pytest.raises(ValueError, match="didn't specify a value of required optimization parameter lr"):
        Plain([leaf(1.0)])
    assert Plain([{"params": [leaf(1.0)], "lr": 1}]).param_groups[0]["lr"] == 1


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("SGD", {"lr": -1}, "Invalid learning rate: -1"),
        ("SGD", {"lr": math.nan}, "Invalid learning rate"),
        ("SGD", {"momentum": -1}, "Invalid momentum value"),
        ("SGD", {"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
        ("SGD", {"lr": torch.ones(2)}, "Tensor lr must be 1-element"),
        ("Adam", {"betas": (1.0, 0.9)}, "Invalid beta parameter at index 0: 1.0"),
        ("AdamW", {"betas": (0.9, -0.1)}, "Invalid beta parameter at index 1"),
        ("Adam", {"betas": (0.9, torch.tensor(0.9))}, "both floats or both Tensors"),
        ("Adam", {"lr": torch.tensor(0.1), "foreach": True}, "not supported for capturable=False"),
        ("Adam", {"eps": -1}, "Invalid epsilon value"),
        ("AdamW", {"weight_decay": -1}, "Invalid weight_decay value"),
        ("Adagrad", {"lr_decay": -1}, "Invalid lr_decay value"),
        ("Adadelta", {"rho": 2}, "Invalid rho value"),
        ("RMSprop", {"alpha": -1}, "Invalid alpha value"),
        ("Rprop", {"etas": (1.5, 1.2)}, "Invalid eta values: 1.5, 1.2"),
        ("NAdam", {"momentum_decay": -1}, "Invalid momentum_decay value"),
    ],
)
def test_options_out_of_range_are_refused(name, options, match):
    with pytest.raises(ValueError, match=match):
        getattr(optim, name)([leaf(1.0)], **options)


def test_named_parameters_keep_their_names():
    model = nn.Linear(2, 1)
    opt = optim.SGD(model.named_parameters(), lr=0.1)
    saved = opt.state_dict()
    assert saved["param_groups"][0]["param_names"] == ["weight", "bias"]
    other = optim.SGD(model.parameters(), lr=0.5)
    other.load_state_dict(saved)
    assert other.param_groups[0]["param_names"] == ["weight", "bias"]


# ---- steps -----------------------------------------------------------------------------------------------------


def test_a_parameter_without_gradient_is_left_alone():
    a, b = leaf(1.0), leaf(1.0)
    opt = optim.Adam([a, b], lr=0.1)
    a.grad = torch.ones(1)
    opt.step()
    assert b.item() == 1.0 and a.item() < 1.0 and b not in opt.state
    b.grad = torch.ones(1)
    opt.step()
    assert opt.state[a]["step"].item() == 2 and opt.state[b]["step"].item() == 1
    assert b.item() == pytest.approx(0.9)


def test_the_closure_runs_with_gradients_and_its_loss_is_returned():
    p = leaf(3.0)
    opt = optim.SGD([p], lr=0.5)

    def closure():
        opt.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert opt.step(closure).item() == 9
    assert p.item() == 0 and opt.step() is None


def test_zero_grad():
    p, opt = stepped()
    opt.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0, 0]
    opt.zero_grad()
    assert p.grad is None


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_empty_and_zero_dimensional_parameters(name):
    a, b = torch.zeros(0, 3, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    opt = getattr(optim, name)([a, b], lr=0.1)
    a.grad, b.grad = torch.zeros(0, 3), torch.tensor(1.0)
    opt.step()
    assert a.shape == (0, 3) and b.item() == pytest.approx(0.9)


def test_nan_gradients_stay_visible():
    p = leaf(1.0, 1.0)
    opt = optim.Adam([p], lr=0.1)
    p.grad = torch.tensor([math.nan, 1.0])
    opt.step()
    assert math.isnan(p[0].item()) and p[1].item() == pytest.approx(0.9)


def test_repr_lists_the_options():
    text = repr(optim.SGD([leaf(1.0)], lr=0.1))
    assert text == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n    foreach: None\n    fused: None\n"
        "    lr: 0.1\n    maximize: False\n    momentum: 0\n    nesterov: False\n    weight_decay: 0\n)"
    )


def test_hooks_run_around_steps_and_can_change_arguments():
    _, opt = stepped("SGD")
    calls = []
    handles = [
        opt.register_step_pre_hook(lambda o, args, kwargs: calls.append(("pre", o is opt))),
        opt.register_step_post_hook(lambda o, args, kwargs: calls.append(("post", o is opt))),
        register_optimizer_step_pre_hook(lambda o, args, kwargs: calls.append(("all pre", o is opt))),
        register_optimizer_step_post_hook(lambda o, args, kwargs: calls.append(("all post", o is opt))),
    ]
    opt.step()
    assert calls == [("all pre", True), ("pre", True), ("post", True), ("all post", True)]
    for handle in handles:
        handle.remove()
    opt.register_step_pre_hook(lambda o, args, kwargs: (args, {"closure": lambda: "changed"}))
    assert opt.step() == "changed" and len(calls) == 4
    opt.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        opt.step()


# ---- saving ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "AdamW", "Adagrad", "Adadelta", "RMSprop", "Rprop", "ASGD", "NAdam"]
)
def test_state_dict_continues_where_it_was(name):
    options = {"momentum": 0.9} if name == "SGD" else {}
    p, opt = stepped(name, **options)
    q = p.detach().clone().requires_grad_()
    other = getattr(optim, name)([q], lr=0.7)
    other.load_state_dict(copy.deepcopy(opt.state_dict()))
    assert other.param_groups[0]["lr"] == 0.1
    for _ in range(2):
        p.grad, q.grad = torch.tensor([0.5, -1.0]), torch.tensor([0.5, -1.0])
        opt.step()
        other.step()
    assert p.tolist() == q.tolist()


def test_state_dict_numbers_parameters_over_all_groups():
    a, b, c = leaf(1.0), leaf(2.0), leaf(3.0)
    opt = optim.SGD([{"params": [a, b]}, {"params": [c]}], lr=0.1, momentum=0.9)
    c.grad = torch.ones(1)
    opt.step()
    saved = opt.state_dict()
    assert [g["params"] for g in saved["param_groups"]] == [[0, 1], [2]]
    assert list(saved["state"]) == [2] and list(saved["state"][2]) == ["momentum_buffer"]


def test_loaded_state_takes_dtype_and_device_of_its_parameter():
    _, opt = stepped("Adam")
    q = torch.ones(2, dtype=torch.float64, requires_grad=True)
    other = optim.Adam([q])
    other.load_state_dict(opt.state_dict())
    assert other.state[q]["exp_avg"].dtype is torch.float64 and other.state[q]["step"].dtype is torch.float32
    r = torch.ones(2, device="cuda", requires_grad=True)
    moved = optim.Adam([r], capturable=True)
    moved.load_state_dict(opt.state_dict() | {"param_groups": moved.state_dict()["param_groups"]})
    assert {str(v.device) for v in moved.state[r].values()} == {"cuda:0"}


def test_state_dicts_of_another_shape_are_refused():
    _, opt = stepped("SGD")
    with pytest.raises(ValueError, match="different number of parameter groups"):
        optim.SGD([{"params": [leaf(1.0)]}, {"params": [leaf(1.0)]}]).load_state_dict(opt.state_dict())
    with pytest.raises(ValueError, match="group 0 has 1 parameters where the optimizer has 2"):
        optim.SGD([leaf(1.0), leaf(1.0)]).load_state_dict(opt.state_dict())


def test_state_dict_hooks():
    _, opt = stepped("SGD")
    order = []
    opt.register_state_dict_pre_hook(lambda o: order.append("second"))
    opt.register_state_dict_pre_hook(lambda o: order.append("first"), prepend=True)
    opt.register_state_dict_post_hook(lambda o, d: {**d, "extra": 1})
    saved = opt.state_dict()
    assert order == ["first", "second"] and saved["extra"] == 1
    opt.register_load_state_dict_pre_hook(
        lambda o, d: {**d, "param_groups": [{**d["param_groups"][0], "lr": 7}]}
    )
    opt.register_load_state_dict_post_hook(lambda o: order.append("loaded"))
    opt.load_state_dict(saved)
    assert opt.param_groups[0]["lr"] == 7 and order[-1] == "loaded"


def test_pickle_and_deepcopy():
    _, opt = stepped("Adam")
    for other in (pickle.loads(pickle.dumps(opt)), copy.deepcopy(opt)):
        (q,) = other.param_groups[0]["params"]
        q.grad = torch.ones(2)
        other.step()
        assert other.state[q]["step"].item() == 2
    assert opt.state[opt.param_groups[0]["params"][0]]["step"].item() == 1


def test_state_of_older_files_is_completed():
    p, opt = stepped("Adam")
    saved = opt.state_dict()
    saved["state"][0]["step"] = 5
    for name in ("foreach", "fused", "maximize", "decoupled_weight_decay"):
        del saved["param_groups"][0][name]
    opt.load_state_dict(saved)
    opt.step()
    assert opt.state[p]["step"].item() == 6 and opt.param_groups[0]["maximize"] is False
