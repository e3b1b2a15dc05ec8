# Everything a newcomer types. Needs GNU make and a Python of at least 3.11 (with venv), nothing else.
#   make demo                      PYTHON=/path/to/python3.12 make test

# Left empty, the first of these that runs, is new enough and can make an environment is taken.
PYTHON ?=
CANDIDATES = python3.14 python3.13 python3.12 python3.11 python3 python

VENV := .venv
RUN  := $(VENV)/bin/python
COMMAND := $(VENV)/bin/prm-sync
LOCKED     := $(VENV)/.locked
LOCKED_DEV := $(VENV)/.locked-dev
LOCKED_BENCH := $(VENV)/.locked-bench
INSTALL    := $(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes
# A worker for each core; one that has nothing left takes tests from another.
WORKERS    := -n auto --dist worksteal

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test lint bench soak clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(LOCKED) $(COMMAND) ## the main job on a synthetic practice, left in ./prm-demo; again: changes nothing
	@$(COMMAND) demo
	@echo "Here prm-sync is $(COMMAND)."

test: $(LOCKED_DEV) ## all tests, on SQLite and on a real PostgreSQL of their own
	$(RUN) -m pytest $(WORKERS)

lint: $(LOCKED_DEV) ## style, types, and the direction of imports
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports --no-cache --no-logo

bench: $(LOCKED_BENCH) ## time and memory at 10,000 and 100,000 patients
	$(RUN) -m bench

soak: $(LOCKED_DEV) ## the tests again, with many more generated cases
	HYPOTHESIS_PROFILE=soak $(RUN) -m pytest $(WORKERS)

clean: ## remove what these targets made: the environment, caches, builds, ./prm-demo
	rm -rf $(VENV) prm-demo dist build bench/data bench/results
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/pyvenv.cfg:
	@for python in $(or $(PYTHON),$(CANDIDATES)); do \
	  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv --clear $(VENV) || exit 1; \
	    exit 0; \
	  fi; \
	done; \
	echo "No Python that fits among: $(or $(PYTHON),$(CANDIDATES))." >&2; \
	echo "Needed: Python 3.11 or newer with its venv module (on Debian and Ubuntu the package python3-venv)." >&2; \
	echo "If you have one elsewhere: make PYTHON=/path/to/python3" >&2; \
	exit 1

# The checkout as a command, from any folder: nothing to build, and never out of date.
$(COMMAND): $(VENV)/pyvenv.cfg
	@printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s" -P -m sync "$$@"\n' "$(CURDIR)" "$(CURDIR)/$(RUN)" > $@
	@chmod +x $@

# Stamps: an environment that already holds what is locked is left alone.
$(LOCKED): requirements.lock $(VENV)/pyvenv.cfg
	@echo "Installing what requirements.lock names (once)"
	@$(INSTALL) -r requirements.lock
	@touch $@

$(LOCKED_DEV): requirements-dev.lock $(VENV)/pyvenv.cfg
	@echo "Installing what requirements-dev.lock names (once)"
	@$(INSTALL) -r requirements-dev.lock
	@touch $@

$(LOCKED_BENCH): requirements-bench.lock $(LOCKED_DEV)
	@echo "Installing what requirements-bench.lock names (once)"
	@$(INSTALL) -r requirements-bench.lock
	@touch $@
