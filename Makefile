# heatfleet: `make` alone lists what you can do.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := .make

.PHONY: help setup run test lint bench docs clean
help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1|/' | column -t -s '|'

$(STAMP)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "heatfleet needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@mkdir -p $(STAMP) && touch $@

$(STAMP)/setup: $(STAMP)/python pyproject.toml
	@echo "Installing heatfleet into $(VENV) …"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable .
	@touch $@

$(STAMP)/dev: $(STAMP)/setup
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[dev]'
	@touch $@

setup: $(STAMP)/setup ## make .venv and install (seconds when nothing changed)

run: setup ## start the demo: database, virtual homes, API, Connect page, live table
	@exec $(BIN)/heatfleet demo

test: $(STAMP)/dev ## run the whole test suite
	@$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(STAMP)/dev ## style, types, import contracts
	@$(BIN)/ruff check heatfleet tests
	@$(BIN)/ruff format --check heatfleet tests
	@$(BIN)/mypy heatfleet
	@$(BIN)/lint-imports

bench: $(STAMP)/dev ## the measured figures, each a ratio to a named reference of the same run
	@$(BIN)/heatfleet bench api
	@$(BIN)/heatfleet bench planner

docs: ## where to read
	@echo "README.md, docs/tour.md, docs/glossary.md, docs/decisions/"

clean: ## remove .venv and caches (never your data)
	@rm -rf $(VENV) $(STAMP) .mypy_cache .ruff_cache .pytest_cache .hypothesis
