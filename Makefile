# make lecture   the lecture's experiments, in a fresh .venv if there is none
# make test      the tests, but for those of documents
# make notebooks the chapters under lectures/ as .ipynb, for Colab
# make coverage  all tests, with the lines of src/ that they run
# make check     lint, types, import contracts and the tests: what must pass to land
# make docs      the code in the documents is run; then the documentation in both languages is built,
#                in docs/_build/html, and its links are checked
# make wheel-test  the wheel with all that it needs, in an environment of its own (a gigabyte)
# make bench     the measurements of docs/lecture.md and docs/performance-record.md (an hour and a half)
# make quality   the measurements of docs/quality-record.md, but those of the whole of MNIST (two hours)
# make quality-choices  what was tried before on training rows, for docs/quality-record.md (two hours)
# make soak      the long forms of the tests of docs/reliability.md (two hours)
#
# TORCH=cpu (the default) takes PyTorch's CPU build if pip's sources have it. On Linux the default
# build of the package index is several gigabytes larger; take it with TORCH=cuda.
# PYTHON=python3.13 makes the environment with that Python, VENV=folder in another folder.

PYTHON ?= python3
VENV ?= .venv
TORCH ?= cpu

BIN := $(VENV)/bin
SET_UP := @$(PYTHON) tools/set_up.py --venv $(VENV) --torch $(TORCH)

.PHONY: lecture notebooks test coverage check lint types contracts docs wheel-test bench quality quality-choices soak clean \
  environment environment-dev environment-docs environment-bench
# One set-up after the other, under make -j too.
.NOTPARALLEL:

lecture: environment
	$(BIN)/utsushi lecture --out runs/lecture --force

notebooks: environment-dev
	$(BIN)/jupytext --quiet --to ipynb $(wildcard lectures/*/[0-9]*.md)

# One thread a process: two that share the cores with two threads each wait for one another.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadgroup

# Tests that run what a document shows.
OF_DOCUMENTS := tests/lectures tests/lecture/test_lecture.py tests/browser/test_site_search.py \
  $(addprefix tests/project/test_,contributing.py docs.py documentation.py executed.py vocabulary.py)

test: environment-dev
	$(PYTEST) $(addprefix --ignore=,$(OF_DOCUMENTS))

# All tests, and which lines of src/ they run.
coverage: environment-dev
	$(PYTEST) --cov=utsushi --cov-report=term

check: lint types contracts test

lint: environment-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/zizmor --offline --quiet --no-progress .github

types: environment-dev
	$(BIN)/mypy

contracts: environment-dev
	$(BIN)/lint-imports

docs: environment-dev environment-docs
	$(PYTEST) $(OF_DOCUMENTS)
	$(BIN)/python tools/build_docs.py

# The README's example against the wheel, installed with all its dependencies from pip's sources.
wheel-test: environment-dev
	UTSUSHI_SOAK=1 $(BIN)/python -m pytest tests/project/test_wheel.py

SPEED := time_to_quality whole_process recipe_quality epoch transform small_steps start_up growth checkpoints ideas busy

bench: environment-bench
	$(BIN)/python benchmarks/lecture_loop.py --seeds 0 1 2
	$(BIN)/python benchmarks/lecture_numbers.py
	for question in $(SPEED); do \
	  $(BIN)/python benchmarks/speed/$$question.py || exit 1; \
	done
	$(BIN)/python benchmarks/speed/render.py

# The figures of docs/quality-record.md that need the bundled digits alone; two hours.
quality: environment-dev
	for question in reconstruction features generation denoising one_class; do \
	  $(BIN)/python benchmarks/quality/$$question.py || exit 1; \
	done
	$(BIN)/python benchmarks/quality/render.py

# How the settings behind those figures were chosen: no test row is looked at.
quality-choices: environment-dev
	$(BIN)/python benchmarks/quality/choose.py
	$(BIN)/python benchmarks/quality/one_class.py --choose
	$(BIN)/python benchmarks/quality/render.py

# The long forms of the tests of docs/reliability.md, whose result is written there; two hours.
soak: environment-dev
	$(BIN)/python tools/soak.py

clean:
	rm -rf $(VENV)

# An environment with the library, made and brought up to date by tools/set_up.py.
environment:
	$(SET_UP)

environment-dev:
	$(SET_UP) dev

environment-docs:
	$(SET_UP) docs

# With the libraries that Utsushi is measured against.
environment-bench:
	$(SET_UP) dev bench
