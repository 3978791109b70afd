"""Tensors by hand: creation, conversion, geometry, printing, errors that explain."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tritonnn as torch
import tritonnn.nn.functional as F

DEVICES = ("cpu", "cuda")


# ---- creation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1, torch.int64), (1.5, torch.float32), (True, torch.bool), (1j, torch.complex64), ([], torch.float32),
        ([[1, 2.5]], torch.float32), (np.arange(3, dtype=np.int16), torch.int16), (np.float64(2), torch.float64),
        ([torch.tensor(1), torch.tensor(2)], torch.int64),
    ],
)  # fmt: skip
def test_inferred_dtype(data, dtype):
    assert torch.tensor(data).dtype is dtype


def test_tensor_copies_and_as_tensor_shares():
    array = np.zeros(2, np.float32)
    copied, shared = torch.tensor(array), torch.as_tensor(array)
    array[0] = 5
    assert copied.tolist() == [0, 0] and shared.tolist() == [5, 0]
    with pytest.warns(UserWarning, match="clone"):
        torch.tensor(copied)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ([[1], [1, 2]], ValueError, r"expected sequence of length 1 at dim 1 \(got 2\)"),
        ("abc", TypeError, "str"),
        ([None], RuntimeError, "Could not infer dtype of NoneType"),
        (np.array(["a"]), TypeError, "np.ndarray of type"),
        (2**70, ValueError, "int64"),
    ],
)
def test_bad_data(data, error, words):
    with pytest.raises(error, match=words):
        torch.tensor(data)


def test_negative_and_wrong_sizes():
    with pytest.raises(RuntimeError, match="negative dimension -1"):
        torch.zeros(2, -1)
    with pytest.raises(TypeError, match="tuple of ints, but found element of type float"):
        torch.zeros(2.5, 1)
    with pytest.raises(RuntimeError, match="step must be nonzero"):
        torch.arange(0, 1, 0)
    with pytest.raises(RuntimeError, match="inconsistent with step sign"):
        torch.arange(1, 0)


def test_from_numpy_refuses_what_it_cannot_share():
    with pytest.raises(ValueError, match="negative"):
        torch.from_numpy(np.arange(3)[::-1])
    with pytest.raises(TypeError, match=r"expected np\.ndarray"):
        torch.from_numpy([1])
    strided = torch.from_numpy(np.arange(6).reshape(2, 3).T)
    assert strided.stride() == (1, 3) and strided.tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize("device", DEVICES)
def test_counting_functions(device):
    assert torch.arange(5, 1, -2, device=device).tolist() == [5, 3]
    assert torch.arange(0, 1, 0.25, device=device).tolist() == [0, 0.25, 0.5, 0.75]
    assert torch.linspace(0, 1, 3, device=device).tolist() == [0, 0.5, 1]
    assert torch.eye(2, 3, device=device).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert torch.full((2,), True, device=device).dtype is torch.bool


# ---- conversion --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_to(device):
    x = torch.tensor([1.5, -2.5]).to(device)
    assert x.to(device) is x
    assert x.to(torch.int32).tolist() == [1, -2]
    assert x.to("cpu", torch.float64).dtype is torch.float64
    assert x.half().float().tolist() == [1.5, -2.5]
    assert x.to(torch.zeros(1, dtype=torch.int64)).dtype is torch.int64
    with pytest.raises(TypeError, match="unexpected keyword"):
        x.to(colour="red")


def test_conversion_is_differentiable():
    x = torch.ones(2, requires_grad=True)
    (x.double() * 3).sum().backward()
    assert x.grad.dtype is torch.float32 and x.grad.tolist() == [3, 3]


def test_numpy_shares_and_refuses():
    x = torch.zeros(2)
    x.numpy()[0] = 4
    assert x.tolist() == [4, 0]
    with pytest.raises(RuntimeError, match=r"requires grad. Use tensor.detach\(\).numpy\(\)"):
        torch.zeros(1, requires_grad=True).numpy()
    with pytest.raises(TypeError, match=r"Use Tensor.cpu\(\)"):
        torch.zeros(1, device="cuda").numpy()
    assert np.asarray(torch.ones(2)).tolist() == [1, 1]


def test_item_and_truth():
    assert torch.tensor([[2.0]]).item() == 2.0 and isinstance(
        torch.tensor(2, dtype=torch.bfloat16).item(), float
    )
    with pytest.raises(RuntimeError, match="2 elements cannot be converted to Scalar"):
        torch.zeros(2).item()
    with pytest.raises(RuntimeError, match="more than one value is ambiguous"):
        bool(torch.zeros(2))
    with pytest.raises(TypeError, match="0-d"):
        len(torch.tensor(1))
    assert f"{torch.tensor(1.5):.2f}" == "1.50"
    assert [0, 1, 2][torch.tensor(1)] == 1


def test_copies():
    x = torch.ones(2, 3, requires_grad=True)
    y = copy.deepcopy(x)
    assert y.requires_grad and y.data_ptr() != x.data_ptr()
    base = torch.arange(4.0)
    pair = copy.deepcopy([base, base[1:]])
    pair[0].zero_()
    assert pair[1].tolist() == [0, 0, 0]
    assert pickle.loads(pickle.dumps(base[1:])).tolist() == [1, 2, 3]
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(x * 2)


# ---- geometry ----------------------------------------------------------------------------------------------


def test_views_share_and_reshape_copies_where_it_must():
    x = torch.arange(6).view(2, 3)
    assert x.t().stride() == (1, 3) and x[1].storage_offset() == 3
    assert x.view(3, 2).data_ptr() == x.data_ptr()
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.t().view(6)
    assert x.t().reshape(6).tolist() == [0, 3, 1, 4, 2, 5]
    for call in (x.view, x.reshape):
        with pytest.raises(RuntimeError, match=r"shape '\[-1, 4\]' is invalid for input of size 6"):
            call(-1, 4)
    x.t()[0, 0] = 9
    assert x[0, 0] == 9 and x._version == 1


def test_size_is_a_tuple():
    size = torch.zeros(2, 3).size()
    assert size == (2, 3) and isinstance(size, torch.Size) and isinstance(size[:1], torch.Size)
    assert repr(size) == "torch.Size([2, 3])" and size.numel() == 6
    assert isinstance(size + (1,), torch.Size) and isinstance((1,) + size, torch.Size)
    extents = [1]
    extents += size
    assert type(extents) is list and extents == [1, 2, 3]
    with pytest.raises(TypeError, match="can only concatenate list"):
        [1] + size


def test_channels_last():
    x = torch.arange(24.0).view(1, 2, 3, 4)
    y = x.contiguous(memory_format=torch.channels_last)
    assert y.stride() == (24, 1, 8, 2) and y.tolist() == x.tolist()
    assert y.is_contiguous(memory_format=torch.channels_last) and not y.is_contiguous()
    assert torch.empty_like(y).stride() == y.stride() and y.clone().stride() == y.stride()


def test_resize_keeps_leading_elements():
    x = torch.arange(4)
    x.resize_(2, 3)
    assert x.reshape(-1)[:4].tolist() == [0, 1, 2, 3] and x.shape == (2, 3)


# ---- promotion ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_promotion_of_dimensions_and_numbers(device):
    ints = torch.ones(2, dtype=torch.int32, device=device)
    assert (ints + 1).dtype is torch.int32
    assert (ints + 1.5).dtype is torch.float32
    assert (ints + torch.tensor(1.5, dtype=torch.float64, device=device)).dtype is torch.float64
    assert (ints + torch.ones(2, dtype=torch.float16, device=device)).dtype is torch.float16
    assert (torch.ones(2, dtype=torch.bool, device=device) + 1).dtype is torch.int64
    assert (ints / 2).dtype is torch.float32
    assert torch.result_type(torch.ones(1, dtype=torch.float16), 1j) is torch.complex32


def test_zero_dim_cpu_tensor_mixes_with_gpu():
    x = torch.ones(2, device="cuda")
    assert (x * torch.tensor(3.0)).tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="two devices, cuda:0 and cpu"):
        x + torch.ones(2)


# ---- errors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_error_names_arguments_shapes_and_devices(device):
    x, w = torch.ones(2, 3, device=device), torch.ones(4, 8, device=device)
    with pytest.raises(RuntimeError) as caught:
        F.linear(x, w)
    where = "cpu" if device == "cpu" else "cuda:0"
    assert (
        str(caught.value).splitlines()[1]
        == f"  input (2, 3) float32 {where}    weight (4, 8) float32 {where}"
    )
    assert str(caught.value).startswith(
        "linear: input has 3 features in its last dimension but weight expects 8."
    )


def test_module_path_in_errors():
    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = torch.nn.Linear(8, 4)

        def forward(self, x):
            return self.fc1(x)

    model = torch.nn.Sequential()
    model.add_module("encoder", Encoder())
    with pytest.raises(RuntimeError, match=r"in module 'encoder\.fc1'"):
        model(torch.ones(2, 3))


def test_wrong_arguments():
    with pytest.raises(TypeError, match=r"argument 'input' .* must be Tensor, not list"):
        F.linear([1.0], torch.ones(1, 1))
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        torch.sum(torch.ones(2), colour=1)
    with pytest.raises(TypeError, match="missing required argument 'other'"):
        torch.add(torch.ones(1))
    with pytest.raises(
        RuntimeError, match=r"The size of tensor a \(2\) must match the size of tensor b \(3\)"
    ):
        torch.ones(2) + torch.ones(3)
    assert torch.ones(2, 2).sum(axis=0, keepdims=True).shape == (1, 2)


# ---- printing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: torch.tensor([1.0, 2.5]), "tensor([1.0000, 2.5000])"),
        (lambda: torch.tensor([1, -20]), "tensor([  1, -20])"),
        (lambda: torch.tensor([]), "tensor([])"),
        (lambda: torch.zeros(0, 3), "tensor([], size=(0, 3))"),
        (lambda: torch.tensor(1e-7), "tensor(1.0000e-07)"),
        (lambda: torch.tensor([True, False]), "tensor([ True, False])"),
        (lambda: torch.ones(1, dtype=torch.float64), "tensor([1.], dtype=torch.float64)"),
        (lambda: torch.ones(1, requires_grad=True), "tensor([1.], requires_grad=True)"),
        (lambda: torch.ones(1, requires_grad=True) * 2, "tensor([2.], grad_fn=<MulBackward0>)"),
        (lambda: torch.ones(1, device="cuda"), "tensor([1.], device='cuda:0')"),
        (lambda: torch.tensor([1 + 2j]), "tensor([1.+2.j])"),
        (lambda: torch.arange(2000), "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
        (lambda: torch.ones(2, device="meta"), "tensor(..., device='meta', size=(2,))"),
    ],
)
def test_repr(make, text):
    assert repr(make()) == text


# ---- older names -------------------------------------------------------------------------------------------


def test_older_names():
    assert torch.FloatTensor([1, 2]).tolist() == [1, 2] and torch.LongTensor(2, 3).shape == (2, 3)
    assert torch.Tensor([1, 2]).dtype is torch.float32 and torch.Tensor(2, 3).shape == (2, 3)
    assert torch.zeros(1).type() == "torch.FloatTensor"
    assert torch.zeros(1).type("torch.LongTensor").dtype is torch.int64
    assert isinstance(torch.zeros(1), torch.FloatTensor) and not isinstance(torch.zeros(1), torch.LongTensor)
    assert torch.autograd.Variable(torch.ones(1)).requires_grad is False


def test_storage():
    x = torch.arange(4.0)
    storage = x[1:].storage()
    assert storage.size() == 4 and storage.tolist() == [0, 1, 2, 3]
    storage[0] = 7
    assert x[0].item() == 7


def test_shared_memory_across_fork():
    import os

    x = torch.zeros(2).share_memory_()
    assert x.is_shared()
    child = os.fork()
    if child == 0:
        x.fill_(3)
        os._exit(0)
    os.waitpid(child, 0)
    assert x.tolist() == [3, 3]


def test_a_tensor_larger_than_memory_prints():
    assert repr(torch.zeros(1).expand(10**13)) == "tensor([0., 0., 0.,  ..., 0., 0., 0.])"
    row = "[0., 0., 0.,  ..., 0., 0., 0.]"
    rows = [row] * 3 + ["..."] + [row] * 3
    assert repr(torch.zeros(1, 1).expand(7, 10**12)).count("...") == 7
    assert repr(torch.zeros(1, 1).expand(10**6, 10**7)) == "tensor([" + (",\n" + " " * 8).join(rows) + "])"
