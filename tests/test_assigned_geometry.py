"""What a tensor is cannot be assigned or deleted, so that no kernel is handed a geometry that is not the memory's."""

from __future__ import annotations

from typing import Any

import pytest

import tritonnn as torch

# Those of PyTorch's that it refuses to assign, by what is put there; each is refused to be deleted as well.
READ_ONLY: dict[str, Any] = {
    "shape": torch.Size([64, 64]), "dtype": torch.float64, "device": torch.device("meta"), "layout": torch.strided,
    "is_leaf": False, "grad_fn": None, "output_nr": 1, "retains_grad": True, "ndim": 7, "itemsize": 1, "nbytes": 1,
    "T": 0, "H": 0, "mT": 0, "mH": 0, "is_cpu": False, "is_cuda": True, "is_meta": True, "is_mkldnn": True,
    "is_mps": True, "is_nested": True, "is_quantized": True, "is_sparse": True, "is_sparse_csr": True, "is_xpu": True,
    "_version": 9,
}  # fmt: skip


@pytest.mark.parametrize("device", ("cpu", "cuda", "meta"))
@pytest.mark.parametrize("name", READ_ONLY)
def test_what_a_tensor_is_is_read_only(name: str, device: str) -> None:
    x = torch.ones(2, 3, device=device)
    for tensor in (x, torch.nn.Parameter(x), x.T):
        shape, stride, dtype, where = tensor.shape, tensor.stride(), tensor.dtype, tensor.device
        message = rf"attribute '{name}' of 'Tensor' objects is not writable"
        with pytest.raises(AttributeError, match=message):
            setattr(tensor, name, READ_ONLY[name])
        with pytest.raises(AttributeError, match=message):
            delattr(tensor, name)
        assert name not in vars(tensor)
        assert (tensor.shape, tensor.stride(), tensor.dtype, tensor.device) == (shape, stride, dtype, where)
        assert tensor.layout is torch.strided and not tensor.is_sparse and tensor._version == 0
    if device != "meta":
        assert x.tolist() == [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]


def test_what_stands_in_the_dict_is_not_what_a_tensor_is() -> None:
    x = torch.ones(2)
    vars(x).update(shape=torch.Size([64]), dtype=torch.int64, device="cuda", layout=None, _shape=(64,))
    assert (x.shape, x.dtype, x.device, x.layout) == ((2,), torch.float32, torch.device("cpu"), torch.strided)
    assert x.add(1).tolist() == [2.0, 2.0]


def test_every_public_property_that_is_not_assigned_says_so() -> None:
    """None is left with Python's own message, whichever file attaches it."""
    assignable = {"data", "grad", "grad_dtype", "requires_grad", "real", "imag", "volatile"}
    properties = {n for n, member in vars(torch.Tensor).items() if isinstance(member, property)}
    for name in properties - assignable - {"_recorded"}:
        with pytest.raises(AttributeError, match=f"attribute '{name}' of 'Tensor' objects is not writable"):
            setattr(torch.ones(2, 2), name, 1)
    assert assignable | set(READ_ONLY) <= properties


def test_what_is_assignable_stays_so() -> None:
    x = torch.ones(2)
    x.requires_grad = True
    x.grad = torch.zeros(2)
    x.data = torch.ones(3, dtype=torch.float64)
    x.tag = "mine"
    assert (x.requires_grad, x.shape, x.dtype, x.tag) == (True, (3,), torch.float64, "mine")
    del x.grad, x.tag
    assert x.grad is None and not hasattr(x, "tag")
    with pytest.raises(RuntimeError, match="Deleting tensor data is not allowed"):
        del x.data
    for value in (1, None, "yes"):
        with pytest.raises(RuntimeError, match="requires_grad must be a bool"):
            x.requires_grad = value
    with pytest.raises(RuntimeError, match="requires_grad must be a bool"):
        del x.requires_grad
    assert x.requires_grad
