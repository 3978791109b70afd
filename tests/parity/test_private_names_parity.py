"""Private names that other libraries take from PyTorch: they are there and do what PyTorch's do."""

from __future__ import annotations

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

BOTH = pytest.mark.parametrize("library", [torch, reference], ids=["tritonnn", "torch"])


def _outcome(call, library):
    try:
        found = call(library)
    except Exception as error:
        return type(error)
    found = found if isinstance(found, (tuple, list)) else [found]
    return [(str(t.dtype), t.tolist()) if hasattr(t, "dtype") else t for t in found]


CALLS = {
    "rows to starts": lambda t: t._convert_indices_from_coo_to_csr(t.tensor([0, 0, 2]), 4),
    "starts of 32 bits": lambda t: t._convert_indices_from_coo_to_csr(t.tensor([0, 2]), 3, out_int32=True),
    "of rows of 32 bits": lambda t: t._convert_indices_from_coo_to_csr(t.tensor([0, 2], dtype=t.int32), 3),
    "no rows": lambda t: t._convert_indices_from_coo_to_csr(t.tensor([], dtype=t.int64), 3),
    "floats": lambda t: t._convert_indices_from_coo_to_csr(t.ones(2), 3),
    "text": lambda t: t._convert_indices_from_coo_to_csr("a", 3),
    "starts to rows": lambda t: t._convert_indices_from_csr_to_coo(
        t.tensor([0, 2, 2, 3]), t.tensor([1, 2, 0])
    ),
    "transposed": lambda t: t._convert_indices_from_csr_to_coo(
        t.tensor([0, 2, 2, 3]), t.tensor([1, 2, 0]), out_int32=True, transpose=True
    ),
    "segments": lambda t: t._segment_reduce(t.arange(4.0), "sum", lengths=t.tensor([1, 3])),
    "alias": lambda t: t.ops.aten.alias.default(t.arange(3)),
    "alias of a view": lambda t: t.ops.aten.alias.default(t.arange(6).view(2, 3).t()),
    "sorted stably": lambda t: t.ops.aten.sort.stable(
        t.tensor([2, 1, 2, 1]), stable=True, dim=0, descending=True
    ),
    "unbound": lambda t: t.ops.aten.unbind.int(t.arange(4).view(2, 2), 1),
    "sparse product": lambda t: t.ops.aten._sparse_addmm.default(
        t.ones(2, 2), t.eye(2).to_sparse(), t.full((2, 2), 3.0), beta=2, alpha=0.5
    ),
    "parsed": lambda t: str(t._C._nn._parse_to("cpu", t.float64, True)),
    "default device": lambda t: t._C._get_default_device(),
    "told": lambda t: t._C._log_api_usage_once("a.b"),
    "the class of Tensor": lambda t: isinstance(t.Tensor, t._C._TensorMeta),
    "exported": lambda t: t.onnx.is_in_onnx_export(),
    "sum of the last": lambda t: t.distributions.utils._sum_rightmost(t.arange(8.0).view(2, 2, 2), 2),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    assert _outcome(CALLS[name], torch) == _outcome(CALLS[name], reference)


def test_an_alias_shares_memory_and_is_differentiated():
    x = torch.ones(2, 3, requires_grad=True)
    alias = torch.ops.aten.alias.default(x.t())
    assert alias.data_ptr() == x.data_ptr() and alias.stride() == (1, 3)
    alias.sum().backward()
    assert x.grad.tolist() == [[1.0] * 3] * 2


@BOTH
def test_drawn(library):
    library.manual_seed(0)
    x = library.distributions.utils._standard_normal((2000,), library.float64, "cpu")
    assert x.dtype == library.float64 and abs(float(x.mean())) < 0.1 and abs(float(x.std()) - 1) < 0.1
    weight = library.nn.Parameter(library.zeros(1000))
    assert library.nn.init._no_grad_uniform_(weight, 1.0, 2.0) is weight and weight.min() >= 1
    library.nn.init._no_grad_normal_(weight, 5.0, 0.1)
    assert abs(weight.mean().item() - 5) < 0.1 and weight.requires_grad


@BOTH
def test_records_of_a_saved_file(library, tmp_path):
    library.save({"a": library.arange(6.0)}, tmp_path / "a.pt")
    reader = library.PyTorchFileReader(str(tmp_path / "a.pt"))
    assert {"data.pkl", "data/0", "version"} <= set(reader.get_all_records())
    assert reader.has_record("data/0") and not reader.has_record("data/1")
    assert np.frombuffer(reader.get_record("data/0"), np.float32).tolist() == list(range(6))
    assert reader.get_record_size("data/0") == 24
    held = reader.get_storage_from_record("data/0", 24, library.UntypedStorage)
    storage = held._typed_storage()._untyped_storage
    assert held.shape == (0,) and storage.nbytes() == 24
    assert library.empty(0).set_(storage, 0, (2, 3), (3, 1)).tolist() == [[0, 1, 2], [3, 4, 5]]
    for bad in (
        lambda: reader.get_record("data/1"),
        lambda: reader.get_storage_from_record("data/0", 7, library.float32),
        lambda: library.PyTorchFileReader(str(tmp_path / "none.pt")),
    ):
        with pytest.raises(RuntimeError):
            bad()
    (tmp_path / "bad.pt").write_bytes(b"abc" * 100)
    with pytest.raises(RuntimeError):
        library.PyTorchFileReader(str(tmp_path / "bad.pt"))


def test_the_reader_of_the_other_library_reads_too(tmp_path):
    reference.save(reference.arange(4.0), tmp_path / "theirs.pt")
    assert torch.PyTorchFileReader(tmp_path / "theirs.pt").get_record_size("data/0") == 16


@BOTH
def test_passes_over_a_loader(library):
    data = library.utils.data
    kinds = data.dataloader
    loader = data.DataLoader(list(range(5)), batch_size=2)
    one = iter(loader)
    assert isinstance(one, kinds._SingleProcessDataLoaderIter) and isinstance(one, kinds._BaseDataLoaderIter)
    assert [len(batch) for batch in one] == [2, 2, 1] and len(one) == 3 and one._num_yielded == 3
    several = iter(data.DataLoader(list(range(5)), num_workers=1, multiprocessing_context="fork"))
    assert isinstance(several, kinds._MultiProcessingDataLoaderIter) and len(several._workers) == 1
    assert int(next(several)) == 0
    several._shutdown_workers()
    with pytest.raises(NotImplementedError, match="cannot be pickled"):
        one.__getstate__()

    class Doubled(data.DataLoader):
        def _get_iterator(self):
            return (2 * batch for batch in super()._get_iterator())

    assert [int(x) for x in Doubled([1, 2])] == [2, 4]


def test_what_is_not_there_says_so():
    with pytest.raises(RuntimeError, match=r"torch\.onnx\.export: tritonnn"):
        torch.onnx.export(torch.nn.ReLU(), (torch.ones(1),))
    from tritonnn.distributed import rpc

    assert rpc.is_available() is False
