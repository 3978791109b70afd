"""Functions in C and C++, compiled and called with tensors; what is written against PyTorch's library is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.utils import _c_functions, cpp_extension, ffi

ROOT = Path(__file__).resolve().parent.parent
needs_compiler = pytest.mark.skipif(
    not (shutil.which("c++") and shutil.which("cc")), reason="needs a compiler"
)
SOURCE = r"""
#include <cmath>
/* a comment { with a brace */ // and "another {
static const char *text = "} int fake(int x) {";
static int hidden(int x) { return x; }
template <class T> T half(T x) { return x / 2; }
struct Pair { int a; int b; };
int of_a_struct(Pair p) { return p.a; }
double total(const float *x, long n) { double s = 0; while (n--) { s += *x++; } return s; }
extern "C" void scale(double* x, int64_t n, double by) { for (long i = 0; i < n; i++) { x[i] *= by; } }
extern "C" { int twice(int a) { if (a) { return 2 * a; } return 0; } }
bool both(bool a, const bool *b) { return a && *b; }
unsigned char low(unsigned char x) { return x + 1; }
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path / "built"))
    return tmp_path / "built"


def test_functions_are_found():
    found = {function.name: function for function in _c_functions.functions("#include <stdint.h>\n" + SOURCE)}
    assert sorted(found) == ["both", "low", "scale", "total", "twice"]
    assert found["total"].declaration == "double total(const float *x, long n)"
    assert [kind.pointer for kind in found["scale"].takes] == [True, False, False]
    assert found["total"].takes[0].const and not found["scale"].takes[0].const
    listed = list(
        _c_functions.functions("void fill(int a[], size_t n);\nconst char *name(void);\nfloat *make(int n);")
    )
    assert [f.name for f in listed] == ["fill", "name"] and listed[0].takes[0].pointer


@needs_compiler
def test_inline(root):
    module = cpp_extension.load_inline(
        "mine", "#include <stdint.h>\n" + SOURCE, functions=["total", "scale", "both", "low", "twice"]
    )
    x = torch.arange(4.0)
    assert module.total(x, 4) == 6.0 and module.total(np.ones(3, np.float32), 3) == 3.0
    y = x.double()
    before = y._version
    assert module.scale(y, 4, 2) is None and y.tolist() == [0, 2, 4, 6] and y._version == before + 1
    assert module.twice(torch.tensor(4)) == 8 and module.low(255) == 0
    assert module.both(True, torch.tensor([True])) is True and not hasattr(module, "hidden")
    assert module.total(x.clone().requires_grad_(), 4) == 6.0  # it is only read
    assert module.total(None, 0) == 0.0


@needs_compiler
def test_wrong_arguments(root):
    module = cpp_extension.load_inline(
        "mine", "#include <stdint.h>\n" + SOURCE, functions=["total", "scale", "low"]
    )
    x = torch.arange(4.0)
    fixed = np.zeros(2)
    fixed.flags.writeable = False
    for call, error, says in (
        (lambda: module.total(x.double(), 4), TypeError, "argument 'x': expected float32 .* but got float64"),
        (lambda: module.total([1.0], 1), TypeError, "expected a tensor for const float \\*, but got list"),
        (lambda: module.total(x, 4.5), TypeError, "expected a number for 'n', but got float"),
        (lambda: module.total(x), TypeError, "expected 2 arguments, but got 1"),
        (lambda: module.total(x[::2], 2), RuntimeError, "'x' is not contiguous"),
        (lambda: module.scale(x.double().requires_grad_(), 4, 1), RuntimeError, "'x' requires grad .* detach"),
        (lambda: module.scale(fixed, 2, 1), ValueError, "read-only"),
        (lambda: module.total(torch.ones(2, device="meta"), 2), RuntimeError, "is on meta"),
        (lambda: module.low(256), OverflowError, "256 of 'x' does not fit unsigned char"),
    ):  # fmt: skip
        with pytest.raises(error, match=says):
            call()


@needs_compiler
def test_without_names_those_of_c_are_there(root):
    module = cpp_extension.load_inline("mine", "#include <stdint.h>\n" + SOURCE)
    assert module.twice(3) == 6 and not hasattr(module, "total")
    with pytest.raises(RuntimeError, match=r"no function 'nothing' .* it has \['both'"):
        cpp_extension.load_inline("mine", "#include <stdint.h>\n" + SOURCE, functions="nothing")


@needs_compiler
def test_files(root, tmp_path, capsys):
    (tmp_path / "header.h").write_text("#define STEP 1\n")
    source = tmp_path / "add.c"
    source.write_text(
        '#include <stddef.h>\n#include "header.h"\nint add(int a) { return a + STEP; }\n'
        "void fill(unsigned char *p, size_t n, int v) { for (size_t i = 0; i < n; i++) p[i] = v; }\n"
        'const char *name(void) { return "C"; }\n'
    )
    (tmp_path / "more.cpp").write_text('extern "C" float third(float x) { return x / DIVISOR; }\n')
    paths = [str(source), str(tmp_path / "more.cpp")]
    options = {"extra_cflags": ["-DDIVISOR=3", "-std=c++14"], "extra_include_paths": [str(tmp_path)]}
    module = cpp_extension.load("files", paths, verbose=True, **options)
    assert "-DDIVISOR=3" in capsys.readouterr().out
    bytes_ = torch.zeros(3, dtype=torch.uint8)
    module.fill(bytes_, 2, 7)
    assert (module.add(1), bytes_.tolist(), module.name(), module.third(6)) == (2, [7, 7, 0], b"C", 2.0)
    cpp_extension.load("files", paths, verbose=True, **options)
    assert capsys.readouterr().out == ""  # nothing is new
    (tmp_path / "header.h").write_text("#define STEP 5\n")
    assert cpp_extension.load("files", paths, **options).add(1) == 6
    assert len(os.listdir(root / "files")) == 2
    path = cpp_extension.load("files", paths, is_python_module=False, **options)
    assert os.path.exists(path)
    cpp_extension.load("files", paths, keep_intermediates=False, **options)
    assert not os.path.exists(path)


@needs_compiler
def test_extension_modules_of_python(root, tmp_path):
    (tmp_path / "mod.c").write_text("""
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *args) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "mod", NULL, -1, methods};
PyMODINIT_FUNC PyInit_mod(void) { return PyModule_Create(&def); }
""")
    try:
        module = cpp_extension.load("mod", str(tmp_path / "mod.c"))
    except RuntimeError as error:
        if "Python.h" in str(error):
            pytest.skip("Python's headers are not installed")
        raise
    assert module.answer() == 42


@needs_compiler
def test_a_compilers_complaint(root):
    with pytest.raises(RuntimeError, match=r"Error building extension: c\+\+(.|\n)*error"):
        cpp_extension.load_inline("bad", "int f( { }")
    assert [name for name in os.listdir(root / "bad") if not name.startswith("tmp")] == []


def test_no_compiler(root, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert cpp_extension.get_cxx_compiler() == "no-such-compiler"
    with pytest.raises(RuntimeError, match="the compiler 'no-such-compiler' could not be started"):
        cpp_extension.load_inline("mine", "int f(int x) { return x; }")


@pytest.mark.parametrize(
    "text",
    [
        "#include <torch/extension.h>\nint f();", '# include "ATen/ATen.h"', "torch::Tensor f(torch::Tensor x);",
        "at::Tensor f();", "#include <THC/THC.h>", "#include <cuda_runtime.h>", "#include <c10/util/Optional.h>",
    ],
)  # fmt: skip
def test_pytorchs_library_is_refused(root, tmp_path, text):
    says = "written against PyTorch's C\\+\\+ library"
    with pytest.raises(NotImplementedError, match=says):
        cpp_extension.load_inline("mine", text)
    (tmp_path / "a.cpp").write_text(text)
    for call in (
        lambda: cpp_extension.load("mine", [str(tmp_path / "a.cpp")]),
        lambda: cpp_extension.CppExtension("mine", [str(tmp_path / "a.cpp")]),
    ):
        with pytest.raises(NotImplementedError, match=says):
            call()
    assert not root.exists()


def test_cuda_is_refused(root, tmp_path):
    (tmp_path / "a.cu").write_text("__global__ void f() {}")
    for call in (
        lambda: cpp_extension.load("mine", str(tmp_path / "a.cu")),
        lambda: cpp_extension.load("mine", [], with_cuda=True),
        lambda: cpp_extension.load_inline("mine", "", cuda_sources="__global__ void f() {}"),
        lambda: cpp_extension.CUDAExtension("mine", ["a.cu"]),
        lambda: cpp_extension.SyclExtension("mine", ["a.sycl"]),
    ):
        with pytest.raises(NotImplementedError, match="compiles no CUDA or SYCL; write the kernel in Triton"):
            call()
    for name in ("include_paths", "library_paths"):
        with pytest.raises(NotImplementedError, match=r"no C\+\+ library"):
            getattr(cpp_extension, name)()
    with pytest.raises(NotImplementedError, match="no programs are built"):
        cpp_extension.load("mine", [], is_standalone=True)
    with pytest.raises(NotImplementedError, match="asks for CUDA"):
        ffi.create_extension("mine", with_cuda=True)


@needs_compiler
def test_older_packages(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lib.c").write_text("int add(int a, int b) { return a + b; }")
    (tmp_path / "src" / "lib.h").write_text("int add(int a, int b);")
    ffi.create_extension(
        "_ext.lib", headers=["src/lib.h"], sources=["src/lib.c"], relative_to=str(tmp_path / "build.py")
    ).build()
    code = "from _ext import lib; print(lib.add(3, 4))"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout == "7\n", done.stderr


def test_setup_files(tmp_path):
    (tmp_path / "a.cpp").write_text("int f(int x) { return x; }")
    extension = cpp_extension.CppExtension("mine", [str(tmp_path / "a.cpp")], define_macros=[("A", None)])
    assert (extension.name, extension.language, extension.define_macros) == ("mine", "c++", [("A", None)])
    from setuptools import Distribution

    plain = cpp_extension.BuildExtension(Distribution())
    short = cpp_extension.BuildExtension.with_options(no_python_abi_suffix=True)(Distribution())
    for command in (plain, short):
        command.ensure_finalized()
    assert plain.get_ext_filename("mine").count(".") == 2 and short.get_ext_filename("mine").count(".") == 1
