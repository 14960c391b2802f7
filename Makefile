# `make` alone lists what there is. The environment is made in .venv on first use.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
STAMP  := $(VENV)/.installed
PORT   ?= 8000
# Which versions are installed: these, the lowest (.github/lowest.txt), the newest (/dev/null).
CONSTRAINTS ?= constraints.txt
# pysindy and jax need numpy 2, so the lowest versions are tested without it.
comma := ,
EXTRAS ?= book,test,lab$(if $(filter %lowest.txt,$(CONSTRAINTS)),,$(comma)sindy$(comma)jax)

# Not exercises/: they are derived, byte for byte, and on a learner's machine hold work and outputs.
NOTEBOOKS = $(wildcard book/*.ipynb solutions/*.ipynb)
# Outputs go; so does what Colab adds, except metadata.accelerator, which asks Colab for a GPU.
STRIP = nbstripout --keep-id --extra-keys "metadata.colab cell.metadata.colab cell.metadata.outputId"

# Without the tests of the exercises' checks; see test-checks.
PYTEST = $(BIN)/python -m pytest --ignore-glob='tests/test_check_*.py'
# In the order of the files: by the number of their tests, as pytest-xdist would have it, the single
# tests that take minutes come last, and all but one process waits for them.
SHARED = $(PYTEST) -n auto --maxprocesses=8 --dist loadfile --no-loadscope-reorder

# Many small networks: one thread for each process, and as many processes as there are cores.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help book pdf test test-code test-checks test-pages test-timing unit lint format lab serve exercises seeds wheel colab bench clean

help: ## list the targets
	@echo "usage: make TARGET"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | \
	  while IFS='|' read -r target text; do printf '  %-11s %s\n' $$target "$$text"; done

$(STAMP): pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one with PYTHON=/path/to/python3"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e ".[$(EXTRAS)]"
	@touch $@

book: $(STAMP) exercises ## execute every notebook and build the pages into _build/html
	@$(BIN)/python tools/build_book.py

pdf: $(STAMP) exercises ## build the book and print it into one PDF, for its landing page (Chromium)
	@$(BIN)/python tools/build_book.py --pdf

# In this order, one after the other; with `make -k test` a failure does not end it.
test: test-code test-checks test-pages test-timing ## lint, unit, notebook, page and browser tests
.NOTPARALLEL:

# The exercises are checked here, not derived: a stale one must fail. Every notebook is run by
# nbval, and what it gave is kept for the book.
test-code: $(STAMP) ## of these, what needs no built book; every notebook runs
	$(SHARED) tests book solutions --nbval-lax --nbval-current-env --keep-outputs \
	  -m "not gpu and not timing and not page"

# The right answers to an exercise's study are measured where its tests are collected, and every
# process of xdist collects all files. So these files go by fours to processes of their own.
test-checks: $(STAMP) ## the tests of the exercises' checks
	ls tests/test_check_*.py | xargs -n 4 -P $$(nproc 2>/dev/null || sysctl -n hw.ncpu) \
	  $(BIN)/python -m pytest -q

# Of the files those that ask for what makes a test one of pages, as tests/conftest.py checks: to
# collect all takes each process a minute. The three that take longest come first.
test-pages: $(STAMP) ## build the book; the tests of its pages, and of the labs in a browser
	@$(BIN)/python tools/build_book.py
	$(SHARED) tests/test_labs_jupyterlab.py tests/test_pages_browser.py tests/test_labs_tour.py \
	  $$(grep -lE "[( ](browser|html|site) *[:,)]" tests/test_*.py) -m "page and not timing"

test-timing: $(STAMP) ## what measures the machine, alone
	$(PYTEST) $$(grep -l "mark\.timing" tests/*.py) -m timing

unit: test-checks ## the tests that need neither a browser nor the built book; no lint
	$(SHARED) tests --ignore=tests/test_style.py -m "not gpu and not timing and not page"

lint: $(STAMP) ## the style checks alone: code, types, stripped notebooks, derived exercises
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(if $(NOTEBOOKS),$(BIN)/$(STRIP) --verify $(NOTEBOOKS))
	$(BIN)/python tools/exercises.py --check

format: $(STAMP) ## format the code and strip the notebooks' outputs
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(NOTEBOOKS),$(BIN)/$(STRIP) $(NOTEBOOKS))

lab: $(STAMP) exercises ## open JupyterLab on its start page, beside the exercises
	$(BIN)/jupyter lab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/exercises/start_here.ipynb \
	  $(if $(filter 0,$(shell id -u)),--allow-root)

serve: $(STAMP) ## serve the built book on http://127.0.0.1:8000 (PORT=...)
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

exercises: $(STAMP) ## derive the exercise notebooks from the solutions
	@$(BIN)/python tools/exercises.py

seeds: $(STAMP) ## run every notebook with five sets of seeds: how firm is each claim (long)
	$(BIN)/python tools/seeds.py $(if $(NOTEBOOK),--notebook $(NOTEBOOK))

wheel: $(STAMP) ## build the wheel and run every notebook against it, in a clean environment
	$(BIN)/python tools/check_wheel.py --python $(PYTHON)

colab: $(STAMP) ## run every notebook as Colab would, among Colab's versions
	$(BIN)/python tools/check_wheel.py --python $(PYTHON) --colab

bench: $(STAMP) ## run the benchmarks, or one of them with ROW=...
	$(BIN)/python benchmarks/run.py $(if $(ROW),--row $(ROW))

clean: ## remove what was built; the environment stays (it is .venv)
	rm -rf _build .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find src tests tools benchmarks book -name __pycache__ -type d -prune -exec rm -rf {} +
