# Every target sets itself up: on a fresh machine `make ask` or `make test` is all it takes.

.PHONY: help setup ask test test-all lint format types bench docs
.DEFAULT_GOAL := help

# ./datasets must not hide Hugging Face's package of that name (docs/decisions/0001).
export PYTHONSAFEPATH := 1
# Two spinning thread pools on a busy machine slow each other down, up to 80 times.
export OMP_WAIT_POLICY := PASSIVE

PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.nmn-installed
TORCH := $(shell grep '^torch==' constraints.txt)
PIP := $(BIN)/python -m pip --disable-pip-version-check

help:
	@echo "make ask        ask the sample images a few questions and show every step"
	@echo "make test       fast tests;  make test-all: all of them"
	@echo "make lint       ruff, lint and format;  make format: put it right"
	@echo "make types      mypy, strict"
	@echo "make bench      every benchmark, at a small size"
	@echo "make docs       check the guides: links, commands, help texts"
	@echo "make setup      make $(VENV) and install into it; the others do this by themselves"

setup: $(STAMP)

# torch comes first and pinned: a range takes the newest build, with gigabytes of CUDA.
$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "nmn needs Python 3.11 or newer: make setup PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt $(TORCH)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev,train]'
	@touch $@

ask: $(STAMP)
	demo/samples/ask.sh $(BIN)/nmn

test: $(STAMP)
	$(BIN)/python -m pytest -m "not slow"

test-all: $(STAMP)
	$(BIN)/python -m pytest

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP)
	$(BIN)/mypy

bench: $(STAMP)
	@for file in benchmarks/*.py; do \
		test -e "$$file" || continue; \
		echo "== $$file"; OMP_NUM_THREADS=1 $(BIN)/python "$$file" --small || exit 1; \
	done

docs: $(STAMP)
	$(BIN)/python -m pytest --quiet tests/test_docs.py
