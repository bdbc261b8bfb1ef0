# Every target sets itself up: on a fresh machine `make ask` or `make test` is all it takes.

.PHONY: help setup ask demo test test-all test-browser screenshots lint format types bench bench-dynamic docs pages site
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
WORKERS ?= 2
TORCH := $(shell grep '^torch==' constraints.txt)
ASK := $(BIN)/nmn ask
SAMPLE := demo/samples/CLEVR_val_
PIP := $(BIN)/python -m pip --disable-pip-version-check

help:
	@echo "make ask        ask the sample images a few questions and show every step"
	@echo "make demo       a page to ask, and to look inside of the answers"
	@echo "make test       fast tests;  make test-all: all of them;  make test-browser: the page, in chromium"
	@echo "make lint       ruff, lint and format;  make format: put it right"
	@echo "make types      mypy, strict"
	@echo "make bench      every benchmark, at a small size"
	@echo "make bench-dynamic WEIGHTS=DIR NMN_DATA=DIR   what policies save, on the validation images"
	@echo "make docs       write the pages that are made of the code (make pages), build the site into build/site (make site)"
	@echo "make screenshots   take the pictures of docs/inspection.md anew, in chromium"
	@echo "make setup      make $(VENV) and install into it; the others do this by themselves"

setup: $(STAMP)

# torch comes first and pinned: a range takes the newest build, with gigabytes of CUDA.
$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "nmn needs Python 3.11 or newer: make setup PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt $(TORCH)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[demo,dev,docs,llm,plots,train]'
	@touch $@

ask: $(STAMP)
	$(ASK) $(SAMPLE)000002.jpg "How big is the object in front of the green object?" --trace
	$(ASK) $(SAMPLE)000012.jpg "What number of other things are the same material as the gray thing?" --trace
	$(ASK) $(SAMPLE)000260.jpg "Do the tiny metal block and the large cylinder that is in front of the purple ball have the same color?" --trace
	$(ASK) $(SAMPLE)000284.jpg "There is a large ball that is on the right side of the big red thing; are there any blue shiny objects that are to the right of it?" --trace

demo: $(STAMP)
	$(BIN)/nmn demo

test: $(STAMP)
	$(BIN)/python -m pytest -m "not slow and not browser" --numprocesses $(WORKERS) --dist worksteal

test-browser: $(STAMP)
	$(BIN)/python -m pytest -m browser tests/demo --numprocesses $(WORKERS) --dist worksteal

screenshots: $(STAMP)
	$(BIN)/python docs/take_screenshots.py

test-all: $(STAMP)
	NMN_HYPOTHESIS=explore $(BIN)/python -m pytest

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
		echo "== $$file"; OMP_NUM_THREADS=1 $(BIN)/python "$$file" || exit 1; \
	done

# What docs/dynamic.md claims: WEIGHTS is a folder of two-stage weights, NMN_DATA that of the data sets.
bench-dynamic: $(STAMP)
	@mkdir -p build
	$(BIN)/nmn bench dynamic --weights $(WEIGHTS) --images $(NMN_DATA)/clevr_rendered/images/val \
		--questions $(NMN_DATA)/clevr_rendered/questions/CLEVR_val_questions.json \
		--json build/dynamic.json --plot build/dynamic.png
	$(BIN)/nmn bench difficulty --weights $(WEIGHTS) --images $(NMN_DATA)/clevr_rendered/images/val \
		--questions $(NMN_DATA)/clevr_rendered/questions/CLEVR_val_questions.json --json build/difficulty.json

docs: pages site

pages: $(STAMP)
	$(BIN)/python -m typer nmn.cli utils docs --name nmn --output docs/commands.md
	$(BIN)/python -m nmn.parser.english_page docs/english.md
	$(BIN)/python docs/tools/operations_page.py docs/operations.md

# Strict: a link that leads nowhere is an error. Nothing is fetched.
site: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"
