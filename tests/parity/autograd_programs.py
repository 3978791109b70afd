"""Small programs with gradients for `test_autograd_programs_parity.py`; `torch` is the library that they run on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tritonnn as torch

A, G = torch.autograd, torch.autograd.graph


def _x():
    return torch.tensor([1.0, 2.0, 3.0], requires_grad=True)


def no_grad_function():
    @torch.no_grad()
    def f(a):
        return (a * 2).requires_grad

    @torch.no_grad
    def g(a):
        return (a * 2).requires_grad

    return f(_x()), g(_x()), f.__name__


def no_grad_generator():
    @torch.no_grad()
    def gen():
        v = yield torch.is_grad_enabled()
        yield v, torch.is_grad_enabled()

    g = gen()
    a = next(g)
    e = torch.is_grad_enabled()
    b = g.send(5)
    return a, e, b


def no_grad_coroutine():
    @torch.no_grad()
    async def co():
        return torch.is_grad_enabled()

    return asyncio.run(co())


def inference_function():
    @torch.inference_mode()
    def f():
        return torch.ones(1).is_inference(), torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    return f()


def set_grad_function():
    @torch.set_grad_enabled(False)
    def f():
        return torch.is_grad_enabled()

    return f(), torch.is_grad_enabled()


def set_grad_call():
    torch.set_grad_enabled(False)
    a = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    return a


def after_an_exception():
    try:
        with torch.no_grad():
            raise ValueError
    except ValueError:
        pass
    return torch.is_grad_enabled()


def inference_saved():
    with torch.inference_mode():
        a = torch.ones(2)
    return (a * _x()[:2]).sum().backward()


def inference_written():
    with torch.inference_mode():
        a = torch.ones(2)
    a.add_(1)
    return a


def inference_requires_grad():
    with torch.inference_mode():
        a = torch.ones(2)
    a.requires_grad_()


def inference_version():
    with torch.inference_mode():
        a = torch.ones(2)
        v = a.view(2)
    return v._version


def inference_views():
    a = _x()
    with torch.inference_mode():
        b = a * 1
        c = a.view(3)
    return b.is_inference(), c.is_inference(), c.requires_grad, c._is_view()


def inference_inside():
    a = _x() * 1
    with torch.inference_mode():
        a.add_(1)
    return a.is_inference(), a.requires_grad, a._version


def no_grad_class():
    @torch.no_grad()
    class C:
        def __init__(self):
            self.v = torch.is_grad_enabled()

    return C().v


def set_grad_number():
    with torch.set_grad_enabled(1):
        pass


def no_grad_clone():
    return repr(torch.no_grad()) != "", torch.no_grad().clone().__class__.__name__
