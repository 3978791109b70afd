# Every target sets itself up: a fresh machine needs Python (3.10 or newer), make and git.
PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check

# One BLAS thread per process: the test workers already use every core.
TEST_ENV := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
comma := ,
PYTEST := $(TEST_ENV) $(PY) -m pytest -n auto -q

# Triton, which takes 1 GB, only where there is an NVIDIA driver; the tests' environment has it everywhere.
DRIVER := $(shell command -v nvidia-smi 2>/dev/null)$(wildcard /dev/nvidia0)
CUDA := $(if $(DRIVER),$(comma)cuda)

.PHONY: train classify mnist test exhaustive large parity packages packages-expected lint format kernels mutants fuzz perf size docs \
	wheel clean

train: $(VENV)/.stamp-examples$(CUDA)
	$(PY) examples/train_digits.py

# Photographs: scikit-image's, or PHOTOS='a.jpg b.png'.
classify: $(VENV)/.stamp-classify$(CUDA)
	$(PY) examples/classify.py $(PHOTOS)

mnist: $(VENV)/.stamp-mnist$(CUDA)
	$(PY) examples/train_mnist.py

test: $(VENV)/.stamp-dev
	$(PYTEST) tests --ignore=tests/parity --ignore=tests/packages -m "not exhaustive and not large"

# Every type, length and kernel where `test` takes some of each.
exhaustive: $(VENV)/.stamp-dev
	$(PYTEST) tests --ignore=tests/parity --ignore=tests/packages -m exhaustive

# Tensors of more than 2^31 elements; 8 GiB of memory.
large: $(VENV)/.stamp-dev
	$(TEST_ENV) $(PY) -m pytest -q tests/test_large.py -m large

# Against real PyTorch, which only this target installs.
parity: $(VENV)/.stamp-dev,parity
	$(PYTEST) tests/parity

# Packages that need PyTorch, unmodified, in an environment without it.
packages: $(VENV)-packages/.stamp
	$(TEST_ENV) $(VENV)-packages/bin/pytest -n auto --dist loadfile $(PACKAGES)

# The same tests on PyTorch, which write the numbers that `packages` expects.
packages-expected: $(VENV)-packages-pytorch/.stamp
	$(TEST_ENV) $(VENV)-packages-pytorch/bin/pytest $(PACKAGES) --with-pytorch

lint: $(VENV)/.stamp-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) tests/type_check.py

format: $(VENV)/.stamp-dev
	$(PY) -m tritonnn.ops stubs
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# Compiles every kernel in every configuration for all architectures; needs no GPU.
kernels: $(VENV)/.stamp-dev
	$(PY) -m tritonnn.kernels.check $(KERNELS)

# Plants faults, one at a time, and runs the tests that should notice them. Some of them: MUTANTS='-k softmax'.
mutants: $(VENV)/.stamp-dev
	$(TEST_ENV) PYTHONPATH=tests $(PY) -m mutants.run $(MUTANTS)

# Looks for faults with random input, for so many minutes; each instrument also runs briefly in `test` or `parity`.
MINUTES ?= 5
fuzz: $(VENV)/.stamp-dev,parity
	$(TEST_ENV) PYTHONPATH=tests $(PY) -m fuzz.run $(MINUTES)

perf: $(VENV)/.stamp-report,cuda
	$(PY) perf/report.py

# Files and functions that have grown too long.
size: $(VENV)/.stamp-dev
	$(PY) tests/size_report.py

# Builds the sdist, and from it the wheel; looks into both, and tests the wheel in a fresh environment without Triton.
wheel: $(VENV)/.stamp-dev
	$(PY) tests/wheel/build.py dist

# The documentation, as a site in site/; no warning, and no link that leads nowhere.
docs: $(VENV)/.stamp-docs
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict
	$(PY) docs/_check_site.py site

clean:
	rm -rf $(VENV) $(VENV)-packages $(VENV)-packages-pytorch build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp names the extras it installed; a change of pyproject.toml or setup.py installs again.
$(VENV)/.stamp-%: pyproject.toml setup.py | $(VENV)/bin/python
	$(PIP) install --quiet --editable '.[$*]'
	touch $@

# The script and not `python -m pytest`, which puts this folder, with its kernels/, before what is installed.
PACKAGES := -c tests/packages/pytest.ini --rootdir tests/packages --confcutdir tests/packages -q tests/packages

$(VENV)-packages/.stamp: tests/packages/requirements.txt pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)-packages
	$(VENV)-packages/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[cuda]'
	$(VENV)-packages/bin/python -m pip --disable-pip-version-check install --quiet --no-deps -r $<
	touch $@

$(VENV)-packages-pytorch/.stamp: tests/packages/requirements.txt
	$(PYTHON) -m venv $(VENV)-packages-pytorch
	$(VENV)-packages-pytorch/bin/python -m pip --disable-pip-version-check install --quiet torch==2.13.0 torchvision==0.28.0
	$(VENV)-packages-pytorch/bin/python -m pip --disable-pip-version-check install --quiet --no-deps -r $<
	touch $@

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "tritonnn needs Python 3.10 or newer; this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
