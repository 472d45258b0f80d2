# Two commands to know: `make demo` and `make test`. The environment is in .venv; it is made once, and again when
# pyproject.toml or constraints.txt change. Another Python than python3: `make PYTHON=python3.12 …`.

SHELL := /bin/bash
PYTHON ?=
export PYTHON
STARTED := $(shell date +%s)
INSTALLED := .venv/installed-$(shell cat pyproject.toml constraints.txt | sha256sum | cut -c1-16)
BIN := .venv/bin
TESTS ?= tests
# Windows and event loops of other libraries get processes of their own.
APART := tests/bluesky tests/epics tests/phoebus tests/taurus_panel
# Three at a time: they wait for servers much of the time. Whole modules, in the order of tests/conftest.py.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo test bench lint pages environment

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(INSTALLED) ## a session with a run on a simulated beamline, from start to catalogue
	@BEAMSESSION_DEMO_STARTED=$(STARTED) $(BIN)/python -m beamsim.demo

test: lint ## lint, then all tests; `make test TESTS=tests/docs` for some
ifeq ($(TESTS),tests)
	$(PYTEST) tests $(addprefix --ignore=,$(APART))
	$(PYTEST) $(APART)
else
	$(PYTEST) $(TESTS)
endif

bench: $(INSTALLED) ## the benchmarks: a table, and build/bench.json
	@command -v zip >/dev/null || .ci/system_package zip || true # only what it measures against
	$(BIN)/python -m tests.benchmarks

lint: $(INSTALLED) ## style, types and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

pages: $(INSTALLED) ## write the generated pages and files again
	$(BIN)/python -m docs.generate

environment: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@.ci/environment $@
