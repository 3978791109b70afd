"""nn.Module: registration, iteration, modes, conversion, printing, copying, errors."""

from __future__ import annotations

import copy
import pickle

import pytest

import tritonnn as torch

nn = torch.nn


class Net(nn.Module):
    """Two layers, one of them nested, a loose parameter, two buffers, a plain tensor."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(4, 2, bias=False))
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("steps", torch.zeros(2))
        self.register_buffer("scratch", torch.zeros(1), persistent=False)
        self.plain = torch.zeros(5)

    def forward(self, x):
        return self.head(self.fc(x)) * self.scale


# ---- registration ---------------------------------------------------------------------------------------


def test_attributes_are_registered_in_order_of_assignment():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == ["scale", "fc.weight", "fc.bias", "head.1.weight"]
    assert [name for name, _ in net.named_buffers()] == ["steps", "scratch"]
    assert [name for name, _ in net.named_children()] == ["fc", "head"]
    assert [name for name, _ in net.named_modules()] == ["", "fc", "head", "head.0", "head.1"]
    assert "plain" in net.__dict__ and "fc" not in net.__dict__


def test_assigning_another_kind_moves_the_name():
    net = nn.Module()
    net.x = nn.Parameter(torch.ones(2))
    assert list(net._parameters) == ["x"]
    with pytest.raises(TypeError, match=r"cannot assign '.*Linear' as parameter 'x'"):
        net.x = nn.Linear(1, 1)
    del net.x
    net.x = 5
    net.x = nn.Linear(1, 1)
    assert "x" not in net.__dict__ and list(net._parameters) == [] and list(net._modules) == ["x"]
    net.x = None
    assert net.x is None and list(net.named_children()) == []
    del net.x
    net.x = 3
    assert net.__dict__["x"] == 3
    net.x = nn.Parameter(torch.ones(1))
    assert "x" not in net.__dict__ and list(net._parameters) == ["x"]


def test_buffer_stays_a_buffer_when_reassigned():
    net = nn.Module()
    net.register_buffer("b", torch.zeros(2), persistent=False)
    net.b = torch.ones(3)
    assert net.get_buffer("b").tolist() == [1, 1, 1] and list(net.state_dict()) == []
    net.b = None
    assert list(net.named_buffers()) == [] and "b" in net._buffers
    net.c = nn.Buffer(torch.ones(1))
    assert isinstance(net.c, nn.Buffer) and list(net.state_dict()) == ["c"]


@pytest.mark.parametrize(
    ("action", "error", "text"),
    [
        (lambda m: setattr(m, "weight", 3), TypeError, "cannot assign 'int' as parameter 'weight'"),
        (
            lambda m: setattr(m, "weight", torch.ones(2)),
            TypeError,
            "'torch.FloatTensor' as parameter 'weight'",
        ),
        (lambda m: m.register_parameter("a", torch.ones(1)), TypeError, "object to parameter 'a'"),
        (lambda m: m.register_parameter("a.b", None), KeyError, 'contain "."'),
        (lambda m: m.register_parameter("", None), KeyError, "be empty string"),
        (lambda m: m.register_parameter("forward", None), KeyError, "attribute 'forward' already exists"),
        (lambda m: m.register_parameter(3, None), TypeError, "parameter name should be a string. Got int"),
        (
            lambda m: m.register_parameter("a", nn.Parameter(torch.ones(1)) * 2),
            TypeError,
            "Parameter or None",
        ),
        (lambda m: m.register_buffer("b", 3), TypeError, "cannot assign 'int' object to buffer 'b'"),
        (lambda m: m.register_buffer("weight", None), KeyError, "attribute 'weight' already exists"),
        (lambda m: m.add_module("a", 3), TypeError, "int is not a Module subclass"),
        (lambda m: m.add_module("weight", nn.ReLU()), KeyError, "attribute 'weight' already exists"),
        (lambda m: m.add_module("a.b", nn.ReLU()), KeyError, 'contain ".", got: a.b'),
        (lambda m: m.missing, AttributeError, "'Linear' object has no attribute 'missing'"),
        (lambda m: delattr(m, "missing"), AttributeError, "missing"),
        (lambda m: m.train("yes"), ValueError, "training mode is expected to be boolean"),
        (
            lambda m: nn.Module()(1),
            NotImplementedError,
            r'Module \[Module\] is missing the required "forward"',
        ),
        (lambda m: nn.Module(3), TypeError, "takes 1 positional argument but 2 were given"),
        (lambda m: nn.Module(a=3), TypeError, "unexpected keyword argument 'a'"),
        (lambda m: m.get_submodule("weight"), AttributeError, "`weight` is not an nn.Module"),
        (lambda m: m.get_submodule("nothing"), AttributeError, "Linear has no attribute `nothing`"),
        (lambda m: m.get_parameter("in_features"), AttributeError, "is not an nn.Parameter"),
        (lambda m: m.get_buffer("weight"), AttributeError, "is not a buffer"),
        (lambda m: m.to(torch.int32), TypeError, "only accepts floating point or complex dtypes"),
        (lambda m: m.to("cpu", "float"), TypeError, "invalid combination of arguments"),
    ],
)
def test_misuse_is_refused(action, error, text):
    with pytest.raises(error, match=text):
        action(nn.Linear(2, 2))


def test_a_parameter_with_a_history_is_refused():
    computed = nn.Parameter(torch.ones(1), requires_grad=False)
    computed.mul_(torch.ones(1, requires_grad=True))
    with pytest.raises(ValueError, match="Cannot assign non-leaf Tensor to parameter 'p'"):
        nn.Module().register_parameter("p", computed)


def test_submodule_of_a_name_that_is_taken():
    net = Net()
    with pytest.raises(TypeError, match="cannot assign 'int' as child module 'fc'"):
        net.fc = 3
    with pytest.raises(TypeError, match="cannot assign 'int' as buffer 'steps'"):
        net.steps = 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (lambda: nn.Parameter(torch.ones(1)), "cannot assign parameters before Module"),
        (lambda: nn.ReLU(), "cannot assign module before Module"),
    ],
)
def test_assignment_before_init_is_refused(value, text):
    class Early(nn.Module):
        def __init__(self):
            self.x = value()

    with pytest.raises(AttributeError, match=text):
        Early()


def test_registration_hooks_may_replace_the_value():
    from tritonnn.nn.modules import module as m

    seen = []
    handles = [
        m.register_module_parameter_registration_hook(lambda owner, name, value: seen.append(("p", name))),
        m.register_module_module_registration_hook(lambda owner, name, value: seen.append(("m", name))),
        m.register_module_buffer_registration_hook(lambda owner, name, value: torch.full((1,), 7.0)),
    ]
    try:
        net = nn.Module()
        net.a = nn.Parameter(torch.ones(1))
        net.b = nn.ReLU()
        net.register_buffer("c", torch.ones(1))
    finally:
        for handle in handles:
            handle.remove()
    net.d = nn.Parameter(torch.ones(1))
    assert seen == [("p", "a"), ("m", "b")] and net.c.tolist() == [7]


# ---- lookup and iteration -------------------------------------------------------------------------------


def test_lookup_by_path():
    net = Net()
    assert net.get_submodule("") is net and net.get_submodule("head.1") is net.head[1]
    assert net.get_parameter("head.1.weight") is net.head[1].weight
    assert net.get_buffer("steps") is net.steps
    net.set_submodule("head.0", nn.Tanh())
    assert isinstance(net.head[0], nn.Tanh)
    with pytest.raises(AttributeError, match="has no attribute `7`"):
        net.set_submodule("head.7", nn.Tanh(), strict=True)


def test_shared_modules_and_parameters_appear_once_unless_asked():
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, layer)
    assert [name for name, _ in net.named_modules()] == ["", "0"]
    assert [name for name, _ in net.named_modules(remove_duplicate=False)] == ["", "0", "1"]
    assert len(list(net.children())) == 1 and len(list(net.parameters())) == 2
    assert len(list(net.named_parameters(remove_duplicate=False))) == 4
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_prefix_and_recurse():
    net = Net()
    assert [name for name, _ in net.named_parameters("x", recurse=False)] == ["x.scale"]
    assert [name for name, _ in net.named_modules(prefix="x")] == [
        "x",
        "x.fc",
        "x.head",
        "x.head.0",
        "x.head.1",
    ]
    assert list(net.head.buffers()) == [] and len(list(net.buffers(recurse=False))) == 2


def test_apply_visits_children_first():
    seen = []
    net = Net()
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "ReLU", "Linear", "Sequential", "Net"]


def test_modes_and_freezing():
    net = Net()
    assert net.eval() is net and not any(m.training for m in net.modules())
    net.head.train()
    assert net.head[0].training and not net.training
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())


def test_zero_grad():
    net = Net()
    net(torch.ones(2, 3)).sum().backward()
    grads = [p.grad for p in net.parameters()]
    net.zero_grad(set_to_none=False)
    assert all(p.grad is g for p, g in zip(net.parameters(), grads)) and all(not g.any() for g in grads)
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


# ---- conversion -----------------------------------------------------------------------------------------


def test_conversion_keeps_identity_and_integers():
    net = nn.Linear(2, 2)
    net.register_buffer("count", torch.tensor([1, 2]))
    net(torch.ones(1, 2)).sum().backward()
    weight, grad = net.weight, net.weight.grad
    values = weight.tolist()
    assert net.to(torch.float64) is net
    assert net.weight is weight and weight.grad is grad and isinstance(weight, nn.Parameter)
    assert weight.dtype == grad.dtype == torch.float64 and net.count.dtype == torch.int64
    assert weight.tolist() == values and weight.requires_grad and weight.is_leaf
    for name, dtype in {"half": torch.float16, "bfloat16": torch.bfloat16, "float": torch.float32}.items():
        getattr(net, name)()
        assert net.weight.dtype == dtype and net.weight.grad.dtype == dtype
    assert net.double().bias.dtype == torch.float64
    assert net.type(torch.float32).count.dtype == torch.float32


def test_to_takes_tensor_device_and_both():
    net = nn.Linear(1, 1)
    assert net.to(torch.ones(1, dtype=torch.float64)).weight.dtype == torch.float64
    assert net.to("cpu", torch.float16).weight.dtype == torch.float16
    assert net.to(device=torch.device("cpu"), dtype=torch.float32).weight.dtype == torch.float32
    assert net.cpu().weight.device.type == "cpu"


def test_optimizer_sees_converted_parameters():
    net = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    net.double()
    net(torch.ones(1, 1, dtype=torch.float64)).sum().backward()
    before = net.bias.item()
    optimizer.step()
    assert net.bias.item() == before - 0.5


def test_meta_modules_get_memory_from_to_empty():
    net = nn.Linear(2, 3, device="meta")
    assert net.weight.is_meta
    with pytest.raises(NotImplementedError, match="to_empty"):
        net.to("cpu")
    net.to_empty(device="cpu")
    assert not net.weight.is_meta and net.weight.shape == (3, 2) and isinstance(net.weight, nn.Parameter)


# ---- printing and copying -------------------------------------------------------------------------------


def test_repr_is_nested():
    assert repr(Net()) == (
        "Net(\n"
        "  (fc): Linear(in_features=3, out_features=4, bias=True)\n"
        "  (head): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Linear(in_features=4, out_features=2, bias=False)\n"
        "  )\n"
        ")"
    )


def test_extra_repr_of_several_lines_and_with_children():
    class M(nn.Module):
        def extra_repr(self):
            return "a=1\nb=2"

    m = M()
    assert repr(m) == "M(\n  a=1\n  b=2\n)"
    m.child = nn.ReLU()
    assert repr(m) == "M(\n  a=1\n  b=2\n  (child): ReLU()\n)"


def test_dir_lists_what_attributes_reach():
    names = dir(Net())
    assert {"fc", "head", "scale", "steps", "plain", "forward", "training"} <= set(names)
    assert "0" not in dir(nn.Sequential(nn.ReLU()))


def test_deepcopy_and_pickle_are_independent():
    net = Net()
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert repr(other) == repr(net) and list(other.state_dict()) == list(net.state_dict())
        x = torch.ones(2, 3)
        assert other(x).tolist() == net(x).tolist()
        assert isinstance(other.scale, nn.Parameter) and other.scale.requires_grad
        with torch.no_grad():
            other.scale.add_(1)
        assert net.scale.item() == 1


def test_deepcopy_keeps_sharing():
    layer = nn.Linear(2, 2)
    other = copy.deepcopy(nn.ModuleList([layer, layer]))
    assert other[0] is other[1]


def test_parameter_and_buffer():
    data = torch.ones(2)
    p = nn.Parameter(data)
    assert p.requires_grad and p.data_ptr() == data.data_ptr() and p.is_leaf
    assert repr(p) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert nn.Parameter().shape == (0,)
    with torch.no_grad():
        assert nn.Parameter(data).requires_grad
    assert type(p * 2) is torch.Tensor and type(p.data) is torch.Tensor
    with pytest.raises(RuntimeError, match="floating point"):
        nn.Parameter(torch.ones(2, dtype=torch.int64))
    q = copy.deepcopy(p)
    assert type(q) is nn.Parameter and q.requires_grad and q.data_ptr() != p.data_ptr()
    r = pickle.loads(pickle.dumps(nn.Parameter(data, requires_grad=False)))
    assert type(r) is nn.Parameter and not r.requires_grad and r.tolist() == [1, 1]
