"""Conjugates and negatives that are views, as PyTorch has them: which bits results have, what shares memory, what is
written where."""

from __future__ import annotations

import copy
import io
import warnings
from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn

LIBRARIES = (tritonnn, reference)
# What is made of z = [[1+2j, 3-4j], [5j, 6]] and its conjugate c.
MADE = """
c; c.conj(); c.clone(); c.detach(); c.data; c.imag; c.real; c.imag.real; c[0]; c[:, 1]; c[[1, 0]]; c.T; c.mT;
z.H; z.mH;
z.adjoint(); c.contiguous(); c.to(torch.complex128); c.to(torch.complex64); c.cpu(); c.reshape(4); c.reshape(-1, 1);
c * 2; 2j + c; -c; c @ z; z @ c; c.resolve_conj(); c.resolve_neg(); c.imag.resolve_neg(); c.conj_physical();
torch.zeros_like(c); c.neg(); z._neg_view(); z._neg_view().conj(); z._neg_view().conj().imag; z._neg_view().real;
torch.cat([c, z]); torch.stack([c, c]); c.chunk(2)[0]; c.unbind(1)[1]; c.split(1)[1]; list(c)[0]; c.expand(3, 2, 2);
c.unsqueeze(0); c.permute(1, 0); c.flatten(); c.diagonal(); c.as_strided((2,), (1,)); c.unfold(0, 1, 1); c.abs();
torch.where(torch.tensor([True, False]), c, z); torch.equal(c, z.conj_physical()); c.sum(); c.mean(0); c.angle();
c.view(4); torch.ones(2).conj(); torch.real(c); torch.imag(c); torch.view_as_real(c.resolve_conj());
c.item() if False else c[0, 0].item(); c.tolist(); complex(c[1, 1]); format(c[0, 0]); c.numpy(force=True);
c.is_conj();
z.is_conj(); c.imag.is_neg(); torch.is_conj(c); torch.is_neg(c.imag); c._is_view(); c._base is z;
z.resolve_conj() is z;
c.data_ptr() == z.data_ptr(); c.requires_grad; torch.einsum('ij,jk', c, z); torch.linalg.solve(c + 3, z);
torch.vdot(c[0], z[0]);
torch.outer(c[0], z[1]); c.cumsum(0); c.index_select(0, torch.tensor([1])); c.masked_select(torch.eye(2) > 0);
torch.allclose(c, z);
torch.addmm(c, c, z); torch.nn.functional.linear(c, z); torch.polar(c.abs(), c.angle()); c.imag * 2;
c.imag.sum(); c.imag.tolist();
torch.complex(c.real, c.imag); c.imag.T; c.imag[0]; c.imag.contiguous(); c.imag + c.real; c.imag.clone();
bool((c == c).all());
""".replace("\n", " ")
WRITTEN = """
c.imag.fill_(7); c.mul_(1j); c[0] = 1 + 1j; c.copy_(z + 1); z.copy_(c); torch.add(z, 1j, out=c); c.add_(1);
c.zero_();
c.imag.add_(1); c.imag[0] = 3; c.real.copy_(torch.ones(2, 2)); c[c.abs() > 4] = 0; c[0].mul_(2j); c.T[0] = 9j;
c.fill_(1j);
z._neg_view()[0] = 5; z.H.mul_(1j); z.mH[0, 1] = 2j; c += z; c.imag *= 2; z[0].conj().sub_(1j);
c.masked_fill_(c == c, 3j);
c.index_fill_(0, torch.tensor([1]), 2j); c.t_().add_(1j); c.sqrt_(); c.conj_physical_(); c.neg_();
c.lerp_(z, 0.5); c.diagonal().fill_(1j);
c.view(4)[1:].mul_(1j); torch.mul(z, z, out=c); c.imag.sub_(c.real); c.scatter_(0, torch.tensor([[1, 0]]), z);
""".replace("\n", " ")
REFUSED = """
c.numpy(); c.imag.numpy(); np.asarray(c); torch.view_as_real(c); c.__dlpack__(); c.view(torch.float32);
c.view(torch.complex64);
c.imag.view(torch.int32)
""".replace("\n", " ")


def parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def start(library: Any) -> dict[str, Any]:
    z = library.tensor([[1 + 2j, 3 - 4j], [5j, 6]])
    return {"torch": library, "np": np, "z": z, "c": z.conj()}


def seen(value: Any, names: dict[str, Any]) -> Any:
    """What a result is: its numbers, its bits, and whether it looks into z's memory."""
    if not hasattr(value, "is_conj"):
        return value.tolist() if isinstance(value, np.ndarray) else value
    own = value.untyped_storage().data_ptr() != names["z"].untyped_storage().data_ptr()
    numbers = value.detach().resolve_conj().resolve_neg()
    return numbers.tolist(), str(value.dtype), value.is_conj(), value.is_neg(), own, value.stride()


def close(a: Any, b: Any) -> None:
    if isinstance(a, tuple):
        np.testing.assert_allclose(a[0], b[0], rtol=1e-5, atol=1e-6)
        assert a[1:] == b[1:]
    else:
        np.testing.assert_allclose(a, b, rtol=1e-6) if isinstance(a, (list, complex)) else None
        assert isinstance(a, (list, complex)) or a == b


@pytest.mark.parametrize("code", parts(MADE))
def test_results(code: str) -> None:
    found = []
    for library in LIBRARIES:
        names = start(library)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.append(seen(eval(code, names), names))
    close(*found)


@pytest.mark.parametrize("code", parts(WRITTEN))
def test_what_is_written(code: str) -> None:
    found = []
    for library in LIBRARIES:
        names = start(library)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(code, names)
        found.append([seen(names[name], names) for name in "zc"] + [names["z"]._version > 0])
    for ours, theirs in zip(*found, strict=True):
        close(ours, theirs)


@pytest.mark.parametrize("code", parts(REFUSED))
def test_what_is_refused(code: str) -> None:
    errors = []
    for library in LIBRARIES:
        with pytest.raises(Exception) as caught:
            eval(code, start(library))
        errors.append((caught.type.__name__, str(caught.value)))
    assert errors[0] == errors[1]


def test_files_keep_the_bits() -> None:
    """Written by either library and read by the other."""
    for writer, reader in (LIBRARIES, LIBRARIES[::-1], (tritonnn, tritonnn)):
        names = start(writer)
        cases = (
            (names["c"], (True, False)),
            (names["c"].imag, (False, True)),
            (names["z"].H[1:], (True, False)),
        )
        for written, bits in cases:
            file = io.BytesIO()
            writer.save([written, written], file)
            file.seek(0)
            first, second = reader.load(file)
            assert (first.is_conj(), first.is_neg()) == bits
            assert first.tolist() == written.tolist()
            assert first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr()


def test_copies_have_memory_of_their_own() -> None:
    for library in LIBRARIES:
        names = start(library)
        copied = copy.deepcopy(names["c"])
        assert not copied.is_conj()
        assert copied.tolist() == names["c"].tolist()


def test_gradients_through_conjugates() -> None:
    """Where gradients are recorded the values and gradients are PyTorch's, though the conjugate is a copy."""
    found = []
    for library in LIBRARIES:
        z = library.tensor([1 + 2j, 3 - 4j], requires_grad=True)
        other = library.tensor([2j, 1 - 1j]).conj()
        loss = (z.conj() * other * z).abs().sum() + z.conj().imag.square().sum()
        loss.backward()
        found.append((loss.item(), z.grad.tolist()))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5)


def test_gradients_that_functions_and_hooks_conjugate() -> None:
    found = []
    for library in LIBRARIES:

        class Twice(library.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return x * 2

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g.conj()

        x = library.tensor([1 + 2j, 3j], requires_grad=True)
        Twice.apply(x).abs().sum().backward()
        y = library.tensor([1 + 2j, 3j], requires_grad=True)
        y.register_hook(lambda g: g.conj())
        (y * 2).abs().sum().backward(library.tensor(1.0))
        found.append((x.grad.tolist(), y.grad.tolist()))
    np.testing.assert_allclose(*found, rtol=1e-6)


def test_a_recorded_write_into_a_conjugate_reaches_the_graph() -> None:
    found = []
    for library in LIBRARIES:
        w = library.tensor([1 + 1j, 2.0], requires_grad=True)
        z = library.tensor([1 + 2j, 3 - 4j])
        z.conj().mul_(w)
        z.abs().sum().backward()
        found.append((z.tolist(), w.grad.tolist()))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5)
