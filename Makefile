.DEFAULT_GOAL := help
.PHONY: help setup demo demo-stop test lint types imports cov crash bench

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
DEMO ?= all
KILLS ?= 200
# Whatever the machine has set, the tools are those of uv.lock.
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/$(VENV)
export PATH := $(CURDIR)/$(BIN):$(PATH)

help:  ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(VENV)/.ready  ## Install everything that goaround and its tests need

$(VENV)/.ready: pyproject.toml uv.lock apps/neotoma/pyproject.toml scripts/setup
	@sh scripts/setup $(PYTHON) $(VENV)
	@touch $@

demo: setup  ## Release neotoma v0.9 to v1.0, then a bad version that takes itself back (DEMO=bad: that alone)
	@$(BIN)/goaround demo $(DEMO) $(if $(KEEP),--keep)

demo-stop: setup  ## Stop what a demo with KEEP=1 left running
	@$(BIN)/goaround demo stop

test: setup lint types imports  ## Run every test
	@sh scripts/setup $(PYTHON) $(VENV) tests
	@$(BIN)/pytest -n 2 --dist loadgroup

lint: setup  ## Check style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup  ## Check types
	@$(BIN)/mypy

imports: setup  ## Check who imports whom
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

cov: setup  ## Check that every branch of the domain is tested
	@$(BIN)/pytest tests/unit tests/property -n 2 -q --cov=goaround.domain --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

crash: setup  ## Kill controllers at random times, KILLS times
	@KILLS=$(KILLS) $(BIN)/pytest tests/crash/test_any_time.py -n 2

bench: setup  ## Run every benchmark
	@for program in benchmarks/*.py; do echo "== $$program"; $(BIN)/python $$program || exit 1; done
