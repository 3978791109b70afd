"""Programs with masked tensors for `test_maskedtensor_parity.py`; `torch` is the library that they run on."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tritonnn as torch

_masked = importlib.import_module(f"{torch.__name__}.masked")
masked_tensor, MaskedTensor = _masked.masked_tensor, _masked.MaskedTensor
is_masked_tensor = _masked.is_masked_tensor


def _d():
    return torch.arange(6.0).reshape(2, 3)


def _m():
    return torch.tensor([[True, False, True], [False, False, True]])


def _mt(g=False):
    return masked_tensor(_d(), _m(), requires_grad=g)


def printed():
    return _mt()


def printed_with_gradients():
    return repr(_mt(True))


def parts():
    return _mt().get_data(), _mt().get_mask(), _mt().to_tensor(-1)


def operators():
    return _mt() + 1, _mt() * _mt(), _mt() + _d(), 2 * _mt(), _mt() / 2


def masks_differ():
    return _mt() + masked_tensor(_d(), ~_m())


def functions():
    return _mt().sin(), _mt().abs(), -_mt(), _mt().exp()


def sums():
    return _mt().sum(), _mt().sum(0), _mt().sum(1), _mt().mean(1), _mt().mean()


def extremes():
    return _mt().amax(1), _mt().amin(0), _mt().prod(1), _mt().argmax(1), _mt().argmin(1)


def gradient_of_a_square():
    x = _mt(True)
    (x * x).sum().backward()
    return x.grad


def gradient_of_a_mean():
    x = _mt(True)
    x.exp().mean().backward()
    return x.grad


def gradient_of_a_tensor():
    x = _mt(True)
    x.to_tensor(0).sum().backward()
    return x.grad


def views():
    return _mt().t(), _mt().view(6), _mt()[0], _mt().unsqueeze(0).shape, _mt().reshape(3, 2)


def shapes_differ():
    return masked_tensor(_d(), _m()[0])


def no_bool_mask():
    return masked_tensor(_d(), _m().float())


def no_data():
    return masked_tensor(5, _m())


def no_mask():
    return masked_tensor(_d(), 5)


def kinds():
    return (
        is_masked_tensor(_mt()),
        is_masked_tensor(_d()),
        isinstance(_mt(), torch.Tensor),
        _mt().shape,
        _mt().dtype,
    )


def chosen():
    return torch.where(_m(), _mt(), _mt())


def comparisons():
    return _mt() > 1, _mt() == _mt()


def scalars():
    return masked_tensor(torch.tensor(3.0), torch.tensor(False)), masked_tensor(
        torch.tensor(3.0), torch.tensor(True)
    )


def integers():
    return masked_tensor(torch.tensor([1, 2]), torch.tensor([True, False])), masked_tensor(
        torch.arange(8).view(2, 2, 2), torch.ones(2, 2, 2, dtype=torch.bool)
    )


def joined():
    return torch.cat([_mt(), _mt()])


def softmax():
    return torch.nn.functional.softmax(_mt(), -1), _mt().softmax(-1)


def copies():
    return _mt().clone(), _mt().detach(), _mt().contiguous(), _mt().double().dtype, _mt().to(torch.float64)


def in_place():
    x = _mt()
    x.add_(1)
    return x


def variances():
    return _mt().std(), _mt().var(1)


def roots():
    return torch.sqrt(_mt()), torch.log(_mt()), torch.nan_to_num(_mt())


def numbers():
    return _mt()[0, 0].item(), _mt()[0, 1].item()


def constructor():
    return MaskedTensor(_d(), _m())


def of_recorded_data():
    x = _d().requires_grad_()
    return masked_tensor(x, _m())


def nan_and_bool():
    return str(masked_tensor(torch.tensor([1.5, float("nan")]), torch.tensor([True, True]))), masked_tensor(
        torch.tensor([True, False]), torch.tensor([True, False])
    )


def kept_dimensions():
    return _mt().sum(1, keepdim=True), _mt().sum((0, 1)), _mt().amax()


def sums_by_function():
    return torch.sum(_mt()), torch.mean(_mt(), 1), torch.masked.sum(_mt(), 1)


def gradient_of_rows():
    x = _mt(True)
    y = x.sum(1)
    y.sum().backward()
    return x.grad, y


def gradient_of_extremes():
    x = _mt(True)
    x.amax(1).sum().backward()
    return x.grad


def unsupported_type():
    return masked_tensor(_d().half(), _m()), masked_tensor(
        torch.ones(2, dtype=torch.complex64), torch.ones(2, dtype=torch.bool)
    )


def large_and_small():
    return masked_tensor(_d() * 1e6, _m()), masked_tensor(_d() * 1e-6, _m())


def gradient_of_a_quotient():
    x = _mt(True)
    (x / (x + 1)).sum().backward()
    return x.grad
