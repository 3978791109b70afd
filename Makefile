# Every target sets itself up: a fresh machine needs Python (3.10 or newer), make and git.
PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check

# One BLAS thread per process: the test workers already use every core.
TEST_ENV := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
PYTEST := $(TEST_ENV) $(PY) -m pytest -n auto -q

.PHONY: train test exhaustive large parity packages packages-expected lint format kernels mutants fuzz perf size docs clean

train: $(VENV)/.stamp-examples
	$(PY) examples/train_digits.py

test: $(VENV)/.stamp-dev
	$(PYTEST) tests --ignore=tests/parity --ignore=tests/packages -m "not exhaustive and not large"

# Every type, length and kernel where `test` takes some of each.
exhaustive: $(VENV)/.stamp-dev
	$(PYTEST) tests --ignore=tests/parity --ignore=tests/packages -m exhaustive

# Tensors of more than 2^31 elements; 8 GiB of memory.
large: $(VENV)/.stamp-dev
	$(TEST_ENV) $(PY) -m pytest -q tests/test_large.py -m large

# Against real PyTorch, which only this target installs.
parity: $(VENV)/.stamp-parity
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
fuzz: $(VENV)/.stamp-parity
	$(TEST_ENV) PYTHONPATH=tests $(PY) -m fuzz.run $(MINUTES)

perf: $(VENV)/.stamp-report
	$(PY) perf/report.py

# Files and functions that have grown too long.
size: $(VENV)/.stamp-dev
	$(PY) tests/size_report.py

# The documentation, as a site in site/; no warning, and no link that leads nowhere.
docs: $(VENV)/.stamp-docs
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict
	$(PY) docs/_check_site.py site

clean:
	rm -rf $(VENV) $(VENV)-packages $(VENV)-packages-pytorch build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp names the extra it installed; a change of pyproject.toml or setup.py installs again.
$(VENV)/.stamp-%: pyproject.toml setup.py | $(VENV)/bin/python
	$(PIP) install --quiet --editable '.[$(if $(filter parity,$*),dev$(comma)parity,$*)]'
	touch $@

comma := ,

# The script and not `python -m pytest`, which puts this folder, with its kernels/, before what is installed.
PACKAGES := -c tests/packages/pytest.ini --rootdir tests/packages --confcutdir tests/packages -q tests/packages

$(VENV)-packages/.stamp: tests/packages/requirements.txt pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)-packages
	$(VENV)-packages/bin/python -m pip --disable-pip-version-check install --quiet --editable .
	$(VENV)-packages/bin/python -m pip --disable-pip-version-check install --quiet --no-deps -r $<
	touch $@

$(VENV)-packages-pytorch/.stamp: tests/packages/requirements.txt
	$(PYTHON) -m venv $(VENV)-packages-pytorch
	$(VENV)-packages-pytorch/bin/python -m pip --disable-pip-version-check install --quiet torch==2.13.0 numpy
	$(VENV)-packages-pytorch/bin/python -m pip --disable-pip-version-check install --quiet --no-deps -r $<
	touch $@

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "tritonnn needs Python 3.10 or newer; this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
