"""Names of small modules that packages import: what they compute is what PyTorch computes on a CPU."""

from __future__ import annotations

import contextlib
import datetime
import fractions
import importlib
import io
import operator
import os
import time
import warnings

import pytest
import torch as reference

import tritonnn as torch

BOTH = (torch, reference)


def part(library, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"{library.__name__}.{name}")


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    """Questions about a machine without a GPU, as PyTorch's is here."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def outcome(run, library):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return run(library)
        except Exception as error:
            return type(error)


CALLS = {
    "_C": [
        lambda t: (t._C._get_tracing_state(), t._C._log_api_usage_once("x"), t._C._is_tracing()),
        lambda t: (t._C._get_default_device(), str(t._C._get_accelerator()), t._C._get_privateuse1_backend_name()),
        lambda t: [t._C.Size((1, 2)) == t.Size((1, 2)), t._C.device is t.device, t._C.dtype is t.dtype],
        lambda t: [t._C._TensorMeta is type(t.Tensor), issubclass(t.Tensor, t._C.TensorBase)],
        lambda t: tuple(t._C._infer_size(t.Size((2, 1)), t.Size((3,)))),
        lambda t: [str(p) for p in t._C._nn._parse_to("cpu", t.float16, True, memory_format=t.channels_last)],
        lambda t: [str(p) for p in t._C._nn._parse_to(t.ones(1, dtype=t.int8))],
        lambda t: t._C._nn._parse_to("cpu", "cpu", False, 3),
        lambda t: round(t._C._nn.gelu(t.ones(1)).item(), 6),
        lambda t: round(t._C._nn.log_sigmoid(t.ones(1)).item(), 6),
        lambda t: t._VF.relu(t.tensor([-1.0, 2.0])).tolist(),
        lambda t: t._C._functorch.is_batchedtensor(t.ones(1)),
        lambda t: t._C._VariableFunctions.sin(t.zeros(1)).item(),
        lambda t: (t._C._get_float32_matmul_precision(), t._C._get_deterministic_algorithms()),
        lambda t: t.func.vmap(lambda x: x * t._C._functorch.is_batchedtensor(x))(t.ones(2)).tolist(),
    ],
    "_utils": [
        *[
            lambda t, d=d, o=o: part(t, "_utils")._get_device_index(d(t) if callable(d) else d, **o)
            for d in ("cuda:1", lambda t: t.device("cuda", 2), 3, "cpu", "cuda", None)
            for o in ({}, {"optional": True}, {"allow_cpu": True})
        ],
        *[lambda t, n=n: part(t, "_utils")._element_size(getattr(t, n)) for n in ("float64", "bool", "complex64")],
        lambda t: part(t, "_utils")._element_size(3),
        lambda t: part(t, "_utils")._flatten_dense_tensors([t.ones(2, 2), t.zeros(3)]).tolist(),
        lambda t: [
            x.tolist()
            for x in part(t, "_utils")._unflatten_dense_tensors(t.arange(7.0), [t.ones(2, 2), t.zeros(3)])
        ],
        lambda t: [
            [x.tolist() for x in group]
            for group in part(t, "_utils")._take_tensors(
                [t.ones(10), t.ones(3, dtype=t.int32), t.zeros(10), t.ones(2, dtype=t.int32), t.ones(1)], 50
            )
        ],
        lambda t: [
            x.tolist()
            for x in part(t, "_utils")._reorder_tensors_as(
                [t.ones(1), t.zeros(1), t.ones(1, dtype=t.int32)], [t.ones(1, dtype=t.int32), t.ones(2), t.ones(3)]
            )
        ],
        lambda t: part(t, "_utils")._import_dotted_name("os.path.join") is os.path.join,
        lambda t: (part(t, "_utils")._get_available_device_type(), part(t, "_utils")._get_all_device_indices()),
    ],
    "checks": [
        *[lambda t, v=v: t._assert_async(t.tensor(v)) for v in (1, 0, [1, 2])],
        *[lambda t, v=v: t._check_tensor_all(t.tensor(v), lambda: "no") for v in ([True, True], [True, False], [1])],
        lambda t: t._check_tensor_all(True),
        lambda t: t._check_tensor_all_with(ValueError, t.tensor(False), lambda: "no"),
        *[
            lambda t, o=o: t._assert_tensor_metadata(t.ones(2), **o(t))
            for o in (
                lambda t: {"size": [2], "stride": [1], "dtype": t.float32}, lambda t: {"size": [3]},
                lambda t: {"dtype": t.int32}, lambda t: {"stride": [2]}, lambda t: {"device": "cpu"},
            )
        ],
        *[lambda t, v=v: t._assert_scalar(v, "text") for v in (1, 0)],
        lambda t: t._convert_indices_from_coo_to_csr(t.tensor([0, 0, 2]), 4).tolist(),
        lambda t: str(t._convert_indices_from_coo_to_csr(t.tensor([0, 1]), 2, out_int32=True).dtype),
        *[
            lambda t, o=o: t._convert_indices_from_csr_to_coo(t.tensor([0, 2, 2, 3]), t.tensor([1, 2, 0]), **o).tolist()
            for o in ({}, {"transpose": True})
        ],
        lambda t: [f(t.eye(2) * 3, t.ones(2, 1)).tolist() for f in (t.spmm, t.dsmm)],
        lambda t: t.dsmm(t.eye(2).to_sparse(), t.ones(2, 1)).tolist(),
    ],
    "_prims_common": [
        *[
            lambda t, n=n, d=d: str(getattr(part(t, "_prims_common"), n)(getattr(t, d)))
            for n in (
                "is_boolean_dtype", "is_integer_dtype", "is_float_dtype", "is_complex_dtype", "is_grad_dtype",
                "is_low_precision_dtype", "get_computation_dtype", "dtype_to_type",
            )
            for d in ("bool", "uint8", "int64", "float16", "bfloat16", "float64", "complex64")
        ],
        *[
            lambda t, d=d: str(part(t, "_prims_common").corresponding_complex_dtype(getattr(t, d)))
            for d in ("float16", "bfloat16", "float32", "float64")
        ],
        *[lambda t, k=k: str(part(t, "_prims_common").type_to_dtype(k)) for k in (int, bool, float, complex, str)],
        *[
            lambda t, r=r, i=i, w=w: part(t, "_prims_common").canonicalize_dim(r, i, w)
            for r in (0, 1, 3) for i in (-4, -3, -1, 0, 2, 3) for w in (True, False)
        ],
        lambda t: part(t, "_prims_common").canonicalize_dims(3, (0, -1)),
        *[
            lambda t, s=s, r=r: tuple(part(t, "_prims_common").make_contiguous_strides_for(s, r))
            for s in ((), (3,), (2, 3, 4), (2, 0, 3)) for r in (True, False)
        ],
        lambda t: part(t, "_prims_common").is_contiguous_or_false(t.ones(2, 3).t()),
        lambda t: (part(t, "_prims_common").apply_perm([5, 6, 7], [2, 0, 1]),
                   list(part(t, "_prims_common").invert_perm([2, 0, 1]))),
        *[lambda t, p=p: part(t, "_prims_common").is_valid_permutation(3, p) for p in ((0, 2, 1), (0, 1), (1, 1, 0))],
        *[lambda t, d=d: part(t, "_prims_common").reduction_dims((2, 3), d) for d in (None, (-1,), (0, 0))],
    ],
    "tensors as text": [
        lambda t: part(t, "_tensor_str")._tensor_str(t.arange(6.0).reshape(2, 3), 4),
        lambda t: part(t, "_tensor_str")._str(t.ones(2), tensor_contents="..."),
        *[
            lambda t, n=n, f=f: part(t, "_tensor_str")._add_suffixes("T(" + "a" * n, ["b=1", "c" * 70, "d"], 2, f)
            for n in (5, 90) for f in (True, False)
        ],
        lambda t: part(t, "_tensor_str").get_printoptions(),
    ],
    "utils": [
        *[
            lambda t, o=o: part(t, "utils.throughput_benchmark").format_time(**o)
            for o in (
                {"time_us": 3}, {"time_us": 4200.5}, {"time_s": 2.5}, {"time_ms": 0.2}, {}, {"time_s": 1, "time_us": 1},
            )
        ],
        lambda t: [part(t, "utils._mode_utils").all_same_mode(m) for m in ([], [3], [3, 3], [3, "4"])],
        lambda t: part(t, "utils._device").set_device("meta")(lambda: str(t.ones(1).device))(),
        lambda t: part(t, "nn.parallel.parallel_apply").get_a_var({"a": [3, (t.ones(2),)]}).tolist(),
        lambda t: part(t, "nn.parallel.parallel_apply").parallel_apply([t.nn.ReLU()], []),
        lambda t: part(t, "_jit_internal").boolean_dispatch(
            "flag", 1, False, lambda x, flag: "yes", lambda x, flag=False: "no", "m", "f"
        )(1, True),
    ],
    "serialization": [
        lambda t: (t.serialization.location_tag(t.ones(1).untyped_storage()), t.serialization.get_crc32_options()),
        lambda t: t.serialization.get_default_mmap_options(),
        lambda t: [m.name for m in t.serialization.LoadEndianness],
        lambda t: t.serialization.default_restore_location(t.ones(1).untyped_storage(), "cpu").nbytes(),
        lambda t: t.serialization.default_restore_location(t.ones(1).untyped_storage(), "elsewhere"),
        *[
            lambda t, v=v, w=w: t.serialization.check_module_version_greater_or_equal(
                type("M", (), {"__version__": v}), w, error_if_malformed=False
            )
            for v in ("1.2.3", "1.10", "0.9") for w in ((1, 2), (1, 9), (1, 2, 4))
        ],
        lambda t: t.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(b"text")),
    ],
    "sparse types": [
        lambda t: t.sparse.FloatTensor(t.tensor([[0, 1]]), t.tensor([1.0, 2.0]), t.Size([3])).to_dense().tolist(),
        lambda t: [tuple(t.sparse.LongTensor(*a).shape) for a in ((), (2, 3), (t.Size([4]),))],
        lambda t: isinstance(t.sparse.DoubleTensor(2, 3), t.sparse.DoubleTensor),
        lambda t: isinstance(t.sparse.DoubleTensor(2, 3), t.sparse.FloatTensor),
        lambda t: isinstance(t.ones(2), t.sparse.FloatTensor),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("group", "index"), [(g, i) for g, calls in CALLS.items() for i in range(len(calls))]
)
def test_calls(group, index):
    got, wanted = (outcome(CALLS[group][index], library) for library in BOTH)
    if isinstance(got, type) and isinstance(wanted, type) and issubclass(got, wanted):
        return
    assert got == wanted


@pytest.mark.parametrize(
    "error", [ValueError("a"), KeyError("k"), UnicodeDecodeError("utf8", b"", 0, 1, "r")]
)
def test_errors_of_workers(error):
    texts = []
    for library in BOTH:
        try:
            raise error.with_traceback(None)
        except Exception:
            wrapper = part(library, "_utils").ExceptionWrapper(where="in a worker")
        with pytest.raises((type(error), RuntimeError)) as caught:
            wrapper.reraise()
        texts.append((type(caught.value), str(caught.value)))
    assert texts[0] == texts[1]


def test_what_files_name_beyond_tensors():
    file = io.BytesIO()
    reference.save([reference.nn.Linear(1, 1), fractions.Fraction(1), {"a": datetime.date(2020, 1, 1)}], file)
    results = []
    for library in BOTH:
        file.seek(0)
        results.append(sorted(library.serialization.get_unsafe_globals_in_checkpoint(file)))
    assert results[0] == results[1] and len(results[0]) == 3


@pytest.mark.parametrize("kind", ["raise", "exit", "kill"])
def test_processes_that_fail(kind):
    def fail(index, kind):
        if index == 0:
            time.sleep(10 if kind == "exit" else 0.3)
        elif kind == "raise":
            raise ValueError("of process one")
        elif kind == "exit":
            os._exit(3)
        else:
            os.kill(os.getpid(), 9)

    results = []
    for library in BOTH:
        spawn = part(library, "multiprocessing.spawn")
        with pytest.raises(spawn.ProcessException) as caught:
            spawn.start_processes(fail, (kind,), nprocs=2, start_method="fork")
        error = caught.value
        text = str(error).splitlines()
        results.append((type(error).__name__, error.error_index, error.error_pid > 0, getattr(error, "exit_code", 0),
                        getattr(error, "signal_name", 0), text[:3], text[-1]))  # fmt: skip
    assert results[0] == results[1]


def test_processes_that_are_joined():
    for library in BOTH:
        spawn = part(library, "multiprocessing.spawn")
        context = spawn.start_processes(time.sleep, (), nprocs=2, start_method="fork", join=False)
        assert len(context.pids()) == 2 and isinstance(context, spawn.ProcessContext)
        while not context.join(5):
            pass
        assert [process.exitcode for process in context.processes] == [0, 0] and context.join()
        assert spawn.start_processes(time.sleep, nprocs=1, start_method="fork") is None


def test_statistics_by_windows():
    results = []
    for library in BOTH:
        m, events = library.monitor if library is torch else part(library, "monitor"), []
        handle = m.register_event_handler(events.append)
        kinds = [m.Aggregation.SUM, m.MEAN, m.COUNT, m.MAX, m.MIN, m.VALUE]
        long, full = (
            datetime.timedelta(hours=100000),
            m.Stat("full", kinds, datetime.timedelta(hours=100000), 3),
        )
        for value in (2, 5.5, -1, 7, 8):
            full.add(value)
        short = m.Stat("short", [m.SUM], datetime.timedelta(seconds=0.05))
        short.add(1)
        time.sleep(0.06)
        before = short.count, list(short.get().values())
        short.add(4)
        open_ = m.Stat("open", kinds, long)
        open_.add(1)
        named = {kind.name: value for kind, value in full.get().items() if kind is not m.VALUE}
        m.log_event(m.Event("mine", datetime.datetime(2020, 1, 1), {"a": 1, "b": "text"}))
        m.unregister_event_handler(handle)
        m.log_event(m.Event("unheard", datetime.datetime(2020, 1, 1), {}))
        results.append((named, full.count, full.name, before, short.count, list(short.get().values()), open_.count,
                        [(e.name, {k: v for k, v in e.data.items() if "value" not in k}) for e in events]))  # fmt: skip
        for wrong in (lambda m=m: m.Event("n", 3, {}), lambda m=m: m.Event("n", datetime.datetime.now(), {"a": [1]}),
                      lambda m=m: m.log_event(3), lambda m=m: m.register_event_handler(3)):  # fmt: skip
            with pytest.raises(TypeError):
                wrong()
    assert results[0] == results[1]


@pytest.mark.parametrize("reverse", [True, False])
def test_prefixes_under_an_associative_function(reverse):
    def affine(a, b):
        return a[0] * b[0], a[1] * b[0] + b[1]

    for length in (1, 2, 7, 8):
        x, y = reference.rand(2, length, 3).tolist(), reference.rand(2, length, 3).tolist()
        results = [
            part(library, "_higher_order_ops").associative_scan(
                affine, (library.tensor(x), library.tensor(y)), 1, reverse, combine_mode="generic"
            )
            for library in BOTH
        ]
        for got, wanted in zip(*results):
            reference.testing.assert_close(reference.tensor(got.tolist()), wanted)
        sums = part(torch, "_higher_order_ops").associative_scan(
            operator.add, torch.tensor(x), 1, combine_mode="generic"
        )
        reference.testing.assert_close(reference.tensor(sums.tolist()), reference.tensor(x).cumsum(1))


def test_basis_spans_what_a_matrix_maps_onto():
    torch.manual_seed(0)
    left, right = torch.randn(20, 3), torch.randn(3, 10)
    low = importlib.import_module("tritonnn._lowrank")
    q = low.get_approximate_basis(left @ right, 3)
    torch.testing.assert_close(q @ (q.mT @ left @ right), left @ right, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(q.mT @ q, torch.eye(3), rtol=1e-4, atol=1e-5)
    q = low.get_approximate_basis(left @ right + 1, 3, M=torch.ones(20, 10))
    torch.testing.assert_close(q @ (q.mT @ left @ right), left @ right, rtol=1e-4, atol=1e-4)
    assert low.svd_lowrank is torch.svd_lowrank and low.pca_lowrank is torch.pca_lowrank


@pytest.mark.parametrize("form", ["function", "generator", "class", "bare"])
def test_blocks_that_decorate(form):
    logs = []
    for library in BOTH:
        c, log = part(library, "utils._contextlib"), []
        base = c._NoParamDecoratorContextManager if form == "bare" else c._DecoratorContextManager

        class Block(base):
            def __enter__(self, log=log):
                log.append("in")

            def __exit__(self, *exc_info, log=log):
                log.append("out")

        decorate = Block if form == "bare" else Block()
        if form == "generator":

            @decorate
            def count(log=log):
                got = yield 1
                log.append(got)
                with contextlib.suppress(KeyError):
                    yield 2
                yield 3

            steps = count()
            log += [next(steps), steps.send("sent"), steps.throw(KeyError()), list(steps)]
        elif form == "class":
            log.append(outcome(lambda t, d=decorate: d(type("Any", (), {})), library))
        else:
            log += [decorate(lambda x, log=log: log.append("body") or x)(3) for _ in range(2)]
        logs.append(log)
    got, wanted = logs
    assert got == wanted or form == "class"
