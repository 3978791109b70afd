"""Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""

from __future__ import annotations

from collections import OrderedDict

import pytest

import tritonnn as torch

nn = torch.nn


def layers(*sizes):
    return [nn.Linear(1, size) for size in sizes]


def widths(modules):
    return [m.out_features for m in modules]


def test_sequential_behaves_like_a_list():
    a, b, c = layers(1, 2, 3)
    s = nn.Sequential(a, b, c)
    assert s[0] is a and s[-1] is c and len(s) == 3 and widths(s) == [1, 2, 3]
    assert isinstance(s[1:], nn.Sequential) and list(s[1:]._modules) == ["1", "2"]
    s[1] = nn.Linear(1, 9)
    assert widths(s) == [1, 9, 3]
    del s[1]
    assert widths(s) == [1, 3] and list(s._modules) == ["0", "1"]
    s.insert(1, b).append(nn.Linear(1, 4)).extend(layers(5, 6))
    assert widths(s) == [1, 2, 3, 4, 5, 6]
    s.insert(-1, nn.Linear(1, 7))
    assert widths(s) == [1, 2, 3, 4, 5, 7, 6]
    assert s.pop(0) is a and widths(s) == [2, 3, 4, 5, 7, 6]
    del s[1:]
    assert widths(s) == [2]
    with pytest.raises(IndexError, match="out of range"):
        s[5]
    with pytest.raises(IndexError, match="Index out of range: 9"):
        s.insert(9, a)
    with pytest.raises(AssertionError, match="module should be of type"):
        s.insert(0, 3)


def test_sequential_arithmetic():
    s, t = nn.Sequential(*layers(1, 2)), nn.Sequential(*layers(3))
    assert widths(s + t) == [1, 2, 3] and widths(s * 2) == [1, 2, 1, 2] and widths(2 * t) == [3, 3]
    u = s
    u += t
    assert u is s and widths(s) == [1, 2, 3]
    u *= 2
    assert u is s and widths(s) == [1, 2, 3, 1, 2, 3]
    for action, error in (
        (lambda: s + 3, ValueError),
        (lambda: s * 1.5, TypeError),
        (lambda: s * 0, ValueError),
    ):
        with pytest.raises(error):
            action()


def test_sequential_of_names():
    s = nn.Sequential(OrderedDict([("first", nn.ReLU()), ("second", nn.Tanh())]))
    assert list(s._modules) == ["first", "second"] and s.first is s[0] and list(s[1:]._modules) == ["second"]


def test_modulelist():
    m = nn.ModuleList(layers(1, 2))
    m += layers(3)
    m.insert(0, nn.Linear(1, 9))
    assert widths(m) == [9, 1, 2, 3] and widths(m[1:3]) == [1, 2] and isinstance(m[1:3], nn.ModuleList)
    assert widths(m + layers(5)) == [9, 1, 2, 3, 5]
    m[-1] = nn.Linear(1, 7)
    assert widths(m) == [9, 1, 2, 7]
    assert m.pop(-1).out_features == 7 and len(m) == 3
    with pytest.raises(TypeError, match="should be called with an iterable"):
        m.extend(3)
    with pytest.raises(NotImplementedError, match="missing the required"):
        m(1)


def test_modulelist_repr_groups_equal_lines():
    m = nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Sequential(nn.Tanh()), nn.Sequential(nn.Tanh()), nn.ReLU()])
    assert repr(m) == (
        "ModuleList(\n  (0-1): 2 x ReLU()\n  (2-3): 2 x Sequential(\n    (0): Tanh()\n  )\n  (4): ReLU()\n)"
    )
    assert repr(nn.ModuleList()) == "ModuleList()"


def test_moduledict():
    d = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Tanh()})
    d["c"] = nn.Sigmoid()
    assert list(d) == list(d.keys()) == ["a", "b", "c"] and "a" in d and len(d) == 3
    d.update([["a", nn.Tanh()], ("d", nn.ReLU())])
    assert isinstance(d["a"], nn.Tanh) and [k for k, _ in d.items()] == ["a", "b", "c", "d"]
    del d["b"]
    assert isinstance(d.pop("c"), nn.Sigmoid) and len(list(d.values())) == 2
    with pytest.raises(TypeError, match="iterable of key/value pairs"):
        d.update(3)
    with pytest.raises(ValueError, match="#0 has length 1; 2 is required"):
        d.update([["a"]])
    d.clear()
    assert len(d) == 0


def test_parameterlist():
    p = nn.ParameterList([nn.Parameter(torch.ones(1)), torch.ones(2)])
    p.append(torch.ones(3)).extend([nn.Parameter(torch.ones(4))])
    assert [tuple(q.shape) for q in p] == [(1,), (2,), (3,), (4,)] and all(
        isinstance(q, nn.Parameter) for q in p
    )
    assert [name for name, _ in p.named_parameters()] == ["0", "1", "2", "3"]
    assert [tuple(q.shape) for q in p[1:3]] == [(2,), (3,)] and tuple(p[-1].shape) == (4,)
    p[0] = torch.ones(7)
    assert tuple(p[0].shape) == (7,)
    with pytest.raises(IndexError, match="out of range"):
        p[9]
    with pytest.raises(TypeError, match="should be called with an iterable"):
        p.extend(torch.ones(2))
    with pytest.raises(RuntimeError, match="should not be called"):
        p()
    assert repr(nn.ParameterList([torch.ones(2, 3), 5])) == (
        "ParameterList(\n"
        "    (0): Parameter containing: [torch.float32 of size 2x3]\n"
        "    (1): Object of type: int\n"
        ")"
    )


def test_parameterdict():
    d = nn.ParameterDict({"b": torch.ones(1), "a": nn.Parameter(torch.ones(2))})
    assert list(d) == ["a", "b"] and isinstance(d["b"], nn.Parameter)  # a plain mapping comes sorted
    d["c"] = torch.ones(3)
    assert d.get("x", 5) == 5 and tuple(d.setdefault("c", None).shape) == (3,) and "c" in d
    assert list(reversed(d)) == ["c", "b", "a"] and d.popitem()[0] == "c"
    assert list(d | nn.ParameterDict({"z": torch.ones(1)})) == ["a", "b", "z"]
    d |= nn.ParameterDict({"y": torch.ones(1)})
    assert list(d.keys()) == ["a", "b", "y"] and [name for name, _ in d.named_parameters()] == ["a", "b", "y"]
    assert list(d.copy()) == ["a", "b", "y"] and list(d.fromkeys(["k"], 0).items()) == [("k", 0)]
    assert tuple(d.pop("a").shape) == (2,) and len(d) == 2
    with pytest.raises(TypeError, match="cannot be used as a key"):
        d[3]
    assert repr(nn.ParameterDict({"a": torch.ones(2)})) == (
        "ParameterDict(  (a): Parameter containing: [torch.FloatTensor of size 2])"
    )
    d.clear()
    assert len(d) == 0 and list(d.parameters()) == []


def test_modules_as_often_as_they_stand_there() -> None:
    shared = nn.Linear(2, 2)
    net = nn.Sequential(shared, nn.Sequential(shared))
    assert [type(m).__name__ for m in net.modules()] == ["Sequential", "Linear", "Sequential"]
    assert [m is shared for m in net.modules(remove_duplicate=False)] == [False, True, False, True]


def test_a_sequential_is_extended_by_another() -> None:
    net = nn.Sequential(nn.ReLU())
    assert net.extend(sequential=nn.Sequential(nn.Tanh(), nn.Tanh())) is net and len(net) == 3
