"""state_dict and load_state_dict: keys, metadata, hooks, reports."""

from __future__ import annotations

from collections import OrderedDict

import pytest

import tritonnn as torch

nn = torch.nn


class Inner(nn.Module):
    _version = 3

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)
        self.register_buffer("nothing", None)
        self.register_parameter("bias", None)


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Inner()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return x * self.scale


def test_keys_order_and_metadata():
    state = Outer().state_dict()
    assert type(state) is OrderedDict and list(state) == ["scale", "inner.weight", "inner.mean"]
    assert state._metadata == {"": {"version": 1}, "inner": {"version": 3}}


def test_values_are_detached_aliases():
    net = Outer()
    state = net.state_dict()
    assert not state["scale"].requires_grad and not isinstance(state["scale"], nn.Parameter)
    state["scale"].fill_(5)
    assert net.scale.item() == 5
    assert net.state_dict(keep_vars=True)["scale"] is net.scale


def test_prefix_and_destination():
    target = OrderedDict(other=1)
    assert Outer().state_dict(destination=target, prefix="x.") is target
    assert list(target) == ["other", "x.scale", "x.inner.weight", "x.inner.mean"]
    with pytest.warns(FutureWarning, match="Positional args are being deprecated"):
        assert next(iter(Outer().state_dict(None, "y."))) == "y.scale"


def test_loading_copies_in_place():
    a, b = Outer(), Outer()
    with torch.no_grad():
        a.scale.fill_(3)
        a.inner.mean.fill_(4)
    kept = b.scale
    result = b.load_state_dict(a.state_dict())
    assert repr(result) == str(result) == "<All keys matched successfully>"
    assert (
        b.scale is kept and b.scale.item() == 3 and b.inner.mean.tolist() == [4, 4] and b.scale.requires_grad
    )


def test_report_names_everything_that_does_not_fit():
    state = Outer().state_dict()
    del state["scale"], state["inner.mean"]
    state["inner.weight"] = torch.ones(3)
    state["extra"] = torch.ones(1)
    state["inner.more.deep"] = torch.ones(1)
    with pytest.raises(RuntimeError) as caught:
        Outer().load_state_dict(state)
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Outer:\n"
        '\tMissing key(s) in state_dict: "scale", "inner.mean". \n'
        '\tUnexpected key(s) in state_dict: "extra", "inner.more.deep". \n'
        "\tsize mismatch for inner.weight: copying a param with shape torch.Size([3]) from checkpoint, "
        "the shape in current model is torch.Size([2])."
    )


def test_not_strict_reports_and_loads_the_rest():
    net = Outer()
    result = net.load_state_dict({"scale": torch.full((1,), 9.0), "extra": torch.ones(1)}, strict=False)
    assert result.missing_keys == ["inner.weight", "inner.mean"] and result.unexpected_keys == ["extra"]
    assert net.scale.item() == 9
    with pytest.raises(RuntimeError, match="size mismatch for scale"):
        net.load_state_dict({"scale": torch.ones(2)}, strict=False)


def test_a_failing_load_has_copied_what_fits():
    net = Outer()
    state = net.state_dict()
    state["inner.weight"] = torch.full((2,), 8.0)
    state["scale"] = torch.ones(4)
    with pytest.raises(RuntimeError, match="size mismatch for scale"):
        net.load_state_dict(state)
    assert net.inner.weight.tolist() == [8, 8] and net.scale.tolist() == [1]


@pytest.mark.parametrize("value", [3, "text", None, [1.0]])
def test_values_that_are_no_tensors_are_reported(value):
    with pytest.raises(
        RuntimeError, match=r'While copying the parameter named "scale", expected torch.Tensor'
    ):
        Outer().load_state_dict({"scale": value}, strict=False)


def test_state_must_be_a_mapping():
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like, got <class 'list'>"):
        Outer().load_state_dict([1])


def test_other_dtype_is_cast_and_old_scalars_fit():
    net = nn.Module()
    net.a = nn.Parameter(torch.ones(2))
    net.b = nn.Parameter(torch.tensor(1.0))
    net.load_state_dict({"a": torch.full((2,), 2.5, dtype=torch.float64), "b": torch.full((1,), 7.0)})
    assert net.a.dtype == torch.float32 and net.a.tolist() == [2.5, 2.5]
    assert net.b.shape == () and net.b.item() == 7


def test_assign_takes_the_tensors_themselves():
    net = Outer()
    net.scale.requires_grad_(False)
    state = {"scale": torch.full((1,), 2.0, dtype=torch.float64), "inner.weight": nn.Parameter(torch.ones(2))}
    state["inner.mean"] = torch.full((2,), 6.0)
    net.load_state_dict(state, assign=True)
    assert net.scale.dtype == torch.float64 and not net.scale.requires_grad
    assert isinstance(net.scale, nn.Parameter) and net.inner.weight is state["inner.weight"]
    assert net.inner.mean is state["inner.mean"]


def test_extra_state():
    class Counter(nn.Module):
        def __init__(self):
            super().__init__()
            self.count = 0

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    a, b = nn.Sequential(Counter()), nn.Sequential(Counter())
    a[0].count = 5
    assert list(a.state_dict()) == ["0._extra_state"]
    b.load_state_dict(a.state_dict())
    assert b[0].count == 5
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "0._extra_state"'):
        b.load_state_dict({})
    with pytest.raises(RuntimeError, match=r'Unexpected key\(s\) in state_dict: "0._extra_state"'):
        nn.Sequential(nn.ReLU()).load_state_dict(a.state_dict())


def test_hooks_around_saving():
    net, seen = Outer(), []
    before = net.register_state_dict_pre_hook(
        lambda module, prefix, keep: seen.append((module is net, prefix, keep))
    )

    def rename(module, state, prefix, metadata):
        state["renamed"] = state.pop("scale")

    after = net.register_state_dict_post_hook(rename)
    assert "renamed" in net.state_dict() and seen == [(True, "", False)]
    before.remove()
    after.remove()
    assert "scale" in net.state_dict() and len(seen) == 1
    net.register_state_dict_post_hook(lambda *_: {})
    with pytest.raises(RuntimeError, match="state_dict post-hook must return None"):
        net.state_dict()


def test_hooks_around_loading():
    net, seen = Outer(), []

    def before(module, state, prefix, metadata, strict, missing, unexpected, errors):
        seen.append((type(module).__name__, prefix))
        if "old" in state:
            state["scale"] = state.pop("old")

    net.register_load_state_dict_pre_hook(before)
    net.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear())
    state = net.state_dict()
    state["old"] = state.pop("scale")
    del state["inner.mean"]
    net.load_state_dict(state)
    assert seen == [("Outer", "")]
    net.register_load_state_dict_post_hook(lambda module, keys: 3)
    with pytest.raises(AssertionError, match="not expected to return new values"):
        net.load_state_dict(net.state_dict())


def test_modules_may_override_how_they_load():
    class Renamed(nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
            assert local_metadata.get("version") == 1
            state_dict[prefix + "weight"] = state_dict.pop(prefix + "kernel")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    state = nn.Sequential(nn.Linear(1, 1)).state_dict()
    state["0.kernel"] = state.pop("0.weight")
    net = nn.Sequential(Renamed(1, 1))
    net.load_state_dict(state)
    assert net[0].weight.item() == state["0.kernel"].item()


def test_keys_as_parallel_wrappers_write_them():
    from tritonnn.nn.modules.utils import consume_prefix_in_state_dict_if_present

    state = nn.DataParallel(Outer(), device_ids=[]).state_dict()
    assert list(state) == ["module.scale", "module.inner.weight", "module.inner.mean"]
    consume_prefix_in_state_dict_if_present(state, "module.")
    Outer().load_state_dict(state)
    assert state._metadata["inner"] == {"version": 3}
