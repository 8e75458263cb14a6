# make lecture   the lecture's experiments, in a fresh .venv if there is none
# make test      the whole test suite
# make notebooks the chapters under lectures/ as .ipynb, for Colab
# make check     lint, types, import contracts and the tests: what must pass to land
# make docs      the documentation in both languages, in docs/_build/html: built, and its links checked
# make wheel-test  the wheel with all that it needs, in an environment of its own (a gigabyte)
# make bench     the measurements of docs/lecture.md and docs/performance.md (an hour and a half)
# make quality   the measurements of docs/quality.md, but those of the whole of MNIST (two hours)
# make quality-choices  what was tried before on training rows, for docs/quality.md (two hours)
# make soak      the long forms of the tests of docs/reliability.md (two hours)
#
# TORCH=cpu (the default) takes torch's CPU build. On Linux the package index's own build brings
# several gigabytes of CUDA; ask for that with TORCH=cuda.

PYTHON ?= python3
VENV ?= .venv
TORCH ?= cpu

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
TORCH_VERSION := $(shell sed -n 's/^torch==//p' constraints.txt)

# Only Linux's builds differ: elsewhere the index's own is the CPU build.
ifeq ($(TORCH)-$(shell uname -s),cpu-Linux)
TORCH_PIN := torch==$(TORCH_VERSION)+cpu
else
TORCH_PIN := torch==$(TORCH_VERSION)
endif

.PHONY: lecture notebooks test check lint types contracts docs wheel-test bench quality quality-choices soak clean

lecture: $(VENV)/.installed-$(TORCH)
	$(BIN)/utsushi lecture --out runs/lecture --force

notebooks: $(VENV)/.dev-$(TORCH)
	$(BIN)/jupytext --quiet --to ipynb $(wildcard lectures/*/[0-9]*.md)

# One thread a process: two that share the cores with two threads each wait for one another.
test: $(VENV)/.dev-$(TORCH)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadgroup

check: lint types contracts test

lint: $(VENV)/.dev-$(TORCH)
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(VENV)/.dev-$(TORCH)
	$(BIN)/mypy

contracts: $(VENV)/.dev-$(TORCH)
	$(BIN)/lint-imports

docs: $(VENV)/.docs-$(TORCH)
	$(BIN)/python tools/build_docs.py

# The README's example against the wheel, installed with all its dependencies from pip's sources.
wheel-test: $(VENV)/.dev-$(TORCH)
	UTSUSHI_SOAK=1 $(BIN)/python -m pytest tests/test_wheel.py

SPEED := time_to_quality whole_process recipe_quality epoch transform small_steps start_up growth checkpoints ideas

bench: $(VENV)/.bench-$(TORCH)
	$(BIN)/python benchmarks/lecture_loop.py --seeds 0 1 2
	$(BIN)/python benchmarks/lecture_numbers.py
	for question in $(SPEED); do \
	  $(BIN)/python benchmarks/speed/$$question.py || exit 1; \
	done
	$(BIN)/python benchmarks/speed/render.py

# The figures of docs/quality.md that need the bundled digits alone; two hours.
quality: $(VENV)/.dev-$(TORCH)
	for question in reconstruction features generation denoising one_class; do \
	  $(BIN)/python benchmarks/quality/$$question.py || exit 1; \
	done
	$(BIN)/python benchmarks/quality/render.py

# How the settings behind those figures were chosen: no test row is looked at.
quality-choices: $(VENV)/.dev-$(TORCH)
	$(BIN)/python benchmarks/quality/choose.py
	$(BIN)/python benchmarks/quality/one_class.py --choose
	$(BIN)/python benchmarks/quality/render.py

# The long forms of the tests of docs/reliability.md, whose result is written there; two hours.
soak: $(VENV)/.dev-$(TORCH)
	$(BIN)/python tools/soak.py

clean:
	rm -rf $(VENV)

$(VENV)/.torch-$(TORCH): constraints.txt
	@echo "Setting up $(VENV) with $(TORCH_PIN) (a minute or two) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) '$(TORCH_PIN)' || { \
	  echo "pip has no $(TORCH_PIN) among its sources. Name PyTorch's CPU index, whose address"; \
	  echo "the page 'Start Locally' of pytorch.org shows, in PIP_EXTRA_INDEX_URL; or take the"; \
	  echo "build with CUDA, several gigabytes: make TORCH=cuda"; \
	  exit 1; }
	@touch $@

$(VENV)/.installed-$(TORCH): $(VENV)/.torch-$(TORCH) pyproject.toml
	$(PIP) --editable .
	@touch $@

$(VENV)/.docs-$(TORCH): $(VENV)/.installed-$(TORCH)
	$(PIP) --editable '.[docs]'
	@touch $@

# With the libraries that Utsushi is measured against.
$(VENV)/.bench-$(TORCH): $(VENV)/.dev-$(TORCH)
	$(PIP) --editable '.[dev,bench]'
	@touch $@

$(VENV)/.dev-$(TORCH): $(VENV)/.installed-$(TORCH)
	$(PIP) --editable '.[dev]'
	@touch $@
