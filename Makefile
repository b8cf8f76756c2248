# heatfleet: `make` alone lists what you can do.
PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m uv pip install --python $(BIN)/python

.PHONY: help setup run test nightly lint bench client docs pictures clean
help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

# The stamps lie inside .venv, so that removing it removes them too.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo \
	  "heatfleet needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "First set-up: a virtual environment in $(VENV), then the packages (about a minute, once) …" >&2
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); command -v uv >/dev/null && uv venv --quiet --seed --python $(PYTHON) $(VENV); } || { echo \
	  "cannot make a virtual environment: install your system's package for 'venv' (Debian: apt install python3-venv) or uv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

$(VENV)/.setup: $(VENV)/.made pyproject.toml
	@echo "Installing heatfleet into $(VENV) …" >&2
	@$(INSTALL) --quiet --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.setup
	@echo "Installing the tools for tests and lint …" >&2
	@$(INSTALL) --quiet --editable '.[dev]'
	@touch $@

setup: $(VENV)/.setup ## make .venv and install (seconds when nothing changed)
	@:

run: setup ## start the demo: database, virtual homes, API, Connect page, live table (options: ARGS="--homes 50")
	@exec $(BIN)/python -m heatfleet demo --follow-parent $(ARGS)

test: $(VENV)/.dev ## run the whole test suite (one part: ARGS="tests/domain")
	@$(BIN)/python -m pytest -n 3 --dist loadfile $(ARGS)

nightly: $(VENV)/.dev ## the whole suite with other random cases each time, five times as many for the API
	@$(BIN)/python -m pytest -n 3 --dist loadfile --hypothesis-profile explore --fuzz-examples 50 $(ARGS)

lint: $(VENV)/.dev ## style, types, import contracts
	@$(BIN)/ruff check heatfleet tests clients
	@$(BIN)/ruff format --check heatfleet tests clients
	@$(BIN)/mypy heatfleet
	@$(BIN)/lint-imports

bench: $(VENV)/.dev ## the measured figures, each a ratio to a named reference of the same run
	@set -e; for name in $$($(BIN)/heatfleet bench); do echo "# $$name" >&2; $(BIN)/heatfleet bench $$name; done

pictures: $(VENV)/.dev ## draw the pictures of docs/connect.md anew (needs Chromium)
	@$(BIN)/python -m pytest -n 0 --update-pictures tests/web/test_pictures.py

client: $(VENV)/.made ## build the Python client of the Partner API: dist/heatfleet_client-*.whl
	@$(BIN)/python -m uv build --quiet --wheel --out-dir dist clients/python

docs: ## where to read, in which order
	@for page in README.md docs/tour.md docs/glossary.md docs/api.md docs/connect.md docs/gateway.md docs/operations.md docs/vendors.md docs/drivers.md docs/decisions/*.md; \
	  do printf '%-58s %s\n' "$$page" "$$(sed -n 's/^# //p' $$page | head -1)"; done

clean: ## remove .venv and caches (never your data)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
