"""Programs with `__torch_dispatch__` for `test_dispatch_classes_parity.py`; `torch` is the library that they run on."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tritonnn as torch

F = torch.nn.functional
pytree = importlib.import_module(f"{torch.__name__}.utils._pytree")
tree_map = pytree.tree_map
_d = importlib.import_module(f"{torch.__name__}.utils._python_dispatch")
return_and_correct_aliasing, transform_subclass = _d.return_and_correct_aliasing, _d.transform_subclass
TorchDispatchMode, is_traceable_wrapper_subclass = _d.TorchDispatchMode, _d.is_traceable_wrapper_subclass


class Two(torch.Tensor):
    @staticmethod
    def __new__(cls, a, b, outer_size=None, outer_stride=None):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            a.shape if outer_size is None else outer_size,
            strides=a.stride() if outer_stride is None else outer_stride,
            storage_offset=a.storage_offset(),
            device=a.device,
            layout=a.layout,
            requires_grad=a.requires_grad,
            dtype=a.dtype,
        )

    def __init__(self, a, b, outer_size=None, outer_stride=None):
        self.a = a
        self.b = b

    def __repr__(self):
        return f"Two({self.a!r}, {self.b!r})"

    def __tensor_flatten__(self):
        return ["a", "b"], None

    @staticmethod
    def __tensor_unflatten__(inner, meta, outer_size, outer_stride):
        return Two(inner["a"], inner["b"], outer_size, outer_stride)

    @classmethod
    def __torch_dispatch__(cls, func, types, args, kwargs):
        kwargs = kwargs or {}
        aa = pytree.tree_map_only(Two, lambda x: x.a, args)
        ab = pytree.tree_map_only(Two, lambda x: x.b, args)
        ka = pytree.tree_map_only(Two, lambda x: x.a, kwargs)
        kb = pytree.tree_map_only(Two, lambda x: x.b, kwargs)
        oa = func(*aa, **ka)
        ob = func(*ab, **kb)
        fa, spec = pytree.tree_flatten(oa)
        fb = pytree.tree_leaves(ob)
        fl = [Two(x, y) if isinstance(x, torch.Tensor) else x for x, y in zip(fa, fb)]
        out = pytree.tree_unflatten(fl, spec)
        return return_and_correct_aliasing(func, args, kwargs, out)


def _two(r=False):
    t = Two(torch.arange(6.0).view(2, 3), torch.ones(2, 3))
    return t.requires_grad_() if r else t


def basic():
    return _two() * 2 + 1


def grad():
    x = _two(True)
    (x * x).sum().backward()
    return x.grad


def inplace():
    x = _two()
    y = x.view(6)
    y.add_(1)
    return x, x._version, y._version, y._is_view(), y._base is x


def version_error():
    x = _two(True)
    y = x.exp()
    y.add_(1)
    y.sum().backward()


def leaf():
    x = _two(True)
    x.add_(1)


def trans():
    return transform_subclass(_two(), lambda n, t: t * 10)


def traceable():
    return is_traceable_wrapper_subclass(_two()), is_traceable_wrapper_subclass(torch.ones(1))


def detach():
    x = _two(True)
    d = x.detach()
    d.add_(1)
    return x._version, d.requires_grad


def module():
    torch.manual_seed(0)
    m = torch.nn.Linear(3, 2)
    with torch.no_grad():
        m.weight.fill_(0.5)
        m.bias.fill_(0.1)
    m.weight = torch.nn.Parameter(Two(m.weight.detach(), m.weight.detach() * 2))
    o = torch.optim.Adam(m.parameters(), lr=0.1)
    for _ in range(2):
        o.zero_grad()
        m(torch.ones(1, 3)).sum().backward()
        o.step()
    return m.weight


def statedict():
    m = torch.nn.Linear(3, 2, bias=False)
    m.weight = torch.nn.Parameter(_two())
    sd = m.state_dict()
    m2 = torch.nn.Linear(3, 2, bias=False)
    m2.weight = torch.nn.Parameter(_two() * 0)
    m2.load_state_dict(sd)
    return type(sd["weight"]).__name__, m2.weight


def mixed():
    return _two() + torch.ones(3)


def listing():
    return torch.cat([_two(), torch.zeros(1, 3)])


def outkw():
    o = _two()
    torch.add(_two(), 1, out=o)
    return o


def split():
    return _two().chunk(3, 1)[1], _two().unbind(0)[1], [t.shape for t in _two().split(2, 1)]


def topk():
    return _two().sort(1, descending=True).values, _two().topk(1).indices


def swap():
    a, b = _two(), Two(torch.zeros(1), torch.zeros(1))
    torch.utils.swap_tensors(a, b)
    return a, b.shape


def hook():
    x = _two(True)
    y = x * 2
    y.register_hook(lambda g: g * 3)
    x.register_post_accumulate_grad_hook(lambda p: print("acc", type(p.grad).__name__))
    y.sum().backward()
    return x.grad


def retain():
    x = _two(True)
    y = x * 2
    y.retain_grad()
    y.sum().backward()
    return y.grad


def mode():
    names = []

    class M(TorchDispatchMode):
        def __torch_dispatch__(s, f, t, a=(), k=None):
            names.append((str(f), [c.__name__ for c in t]))
            return f(*a, **(k or {}))

    x = _two()
    with M():
        x * 2
    return names


class Sub(torch.Tensor):
    calls = []

    @staticmethod
    def __new__(cls, x, r=False):
        return torch.Tensor._make_subclass(cls, x, r)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        cls.calls.append(str(func))
        r = super().__torch_dispatch__(func, types, args, kwargs or {})
        return r


def sub():
    Sub.calls.clear()
    s = Sub(torch.ones(2))
    r = s * 2
    return type(r).__name__, r.tolist(), Sub.calls


def subg():
    Sub.calls.clear()
    s = Sub(torch.ones(2), True)
    r = (s * s).sum()
    r.backward()
    return s.grad.tolist(), type(s.grad).__name__


def dis():
    Sub.calls.clear()
    s = Sub(torch.ones(2))
    with torch._C._DisableTorchDispatch():
        r = s + 1
    return Sub.calls, r.tolist()


class NI(torch.Tensor):
    @staticmethod
    def __new__(cls):
        return torch.Tensor._make_wrapper_subclass(cls, (2,))

    @classmethod
    def __torch_dispatch__(cls, f, t, a=(), k=None):
        return NotImplemented


def nine():
    return torch.Tensor._make_wrapper_subclass(torch.Tensor, (2,))


def sz():
    return (
        torch.zeros_like(_two(), dtype=torch.float64).dtype,
        _two().new_full((2,), 3.0),
        torch.rand_like(_two()).shape,
    )


class Int8(torch.Tensor):
    @staticmethod
    def __new__(cls, i, s, rg=False):
        return torch.Tensor._make_wrapper_subclass(cls, i.shape, dtype=s.dtype, requires_grad=rg)

    def __init__(self, i, s, rg=False):
        self.i = i
        self.s = s

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def q(cls, w):
        s = w.abs().amax(1, keepdim=True) / 127
        return cls((w / s).round().to(torch.int8), s)

    def dq(self):
        return self.i.to(self.s.dtype) * self.s

    def __repr__(self):
        return "Int8"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        a = torch.ops.aten
        if func in (a.detach.default, a.clone.default):
            return cls(func(args[0].i), func(args[0].s))
        if func is a.t.default:
            return args[0].dq().t()
        if func is a._to_copy.default:
            return args[0].dq().to(**(kwargs or {}))
        if func in (a.addmm.default, a.mm.default):
            return func(*[x.dq() if isinstance(x, cls) else x for x in args], **(kwargs or {}))
        raise NotImplementedError(f"{cls.__name__} dispatch: attempting to run {func}, this is not supported")


def quant():
    m = torch.nn.Linear(4, 2)
    with torch.no_grad():
        m.weight.copy_(torch.arange(8.0).view(2, 4))
        m.bias.zero_()
    m.weight = torch.nn.Parameter(Int8.q(m.weight.detach()), requires_grad=False)
    x = torch.ones(3, 4, requires_grad=True)
    y = m(x)
    y.sum().backward()
    y3 = m(torch.ones(2, 3, 4))
    return y, x.grad, y3.shape, m.weight, type(m.weight).__name__


def quanterr():
    return Int8.q(torch.ones(2, 2)) * 2


def answers_no():
    return NI() * 2


def attributes():
    n = NI()
    return n.shape, n.dtype, str(n.device), n.stride(), n.is_leaf, n.requires_grad, n.numel(), n.data_ptr()


def in_place_with_gradients():
    x = _two(True)
    y = x * 2
    y.mul_(y.detach() + 1)
    v = y[0]
    v.add_(1)
    (y * y).sum().backward()
    return x.grad
