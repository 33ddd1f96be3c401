# Everything runs in environments of its own; nothing is installed outside this folder but, as root, Debian's
# PostgreSQL 15 and PgBouncer for the tests. `make` prints what there is.
PYTHON ?= python3.11
VENV := .venv
EMULATOR := .venv-emulator
BIN := $(VENV)/bin
SUB ?= alice
export PYTHONPATH := $(CURDIR)
export GLIA_EMULATOR_PYTHON ?= $(CURDIR)/$(EMULATOR)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup up test soak check lint types fmt token migrate bench lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(BIN)/.installed: requirements.txt requirements-dev.txt sdk/pyproject.toml
	@echo "setting up $(VENV) …"
	@test -x $(BIN)/python || $$(command -v $(PYTHON) || command -v python3) -m venv $(VENV)
	@$(BIN)/pip install -q --require-hashes -r requirements.txt -r requirements-dev.txt
	@$(BIN)/pip install -q --no-deps --no-build-isolation -e sdk
	@$(BIN)/python scripts/doc_assets.py
	@touch $@

$(EMULATOR)/.installed: requirements-emulator.txt
	@echo "setting up $(EMULATOR) …"
	@test -x $(EMULATOR)/bin/python || $$(command -v $(PYTHON) || command -v python3) -m venv $(EMULATOR)
	@$(EMULATOR)/bin/pip install -q --require-hashes -r requirements-emulator.txt
	@touch $@

setup: $(BIN)/.installed $(EMULATOR)/.installed ## install everything that the other targets need

up: setup ## run Glia here: database, queues, API, workers; Ctrl-C stops it
	@exec $(BIN)/python -m local.up

test: setup lint ## lint, types, and all tests
	@scripts/test

soak: setup ## many more random schedules, requests and restarts (about an hour)
	@SCHEDULES=20000 HISTORIES=10000 RESTART_SCHEDULES=100 ISOLATION_REQUESTS=10000 \
	  $(BIN)/pytest -n auto --dist loadgroup tests/faults tests/integration

lint: setup ## format, lint and import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-cache

types: setup ## types alone
	@$(BIN)/mypy

check: lint types ## lint and types

fmt: setup ## format, and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

token: $(BIN)/.installed ## print a token for a local user: make token SUB=alice
	@$(BIN)/python -m chalicelib.identity.dev_issuer $(SUB)

migrate: $(BIN)/.installed ## bring the database of DATABASE_OWNER_URL up to date
	@$(BIN)/python -m chalicelib.migrate

bench: setup ## run the benchmarks
	@scripts/bench

# --- deployment: to AWS, and to LocalStack without Docker ------------------------------------------------------------
LOCALSTACK := .venv-localstack
STAGE ?= dev
ARCHITECTURE ?= arm64
.PHONY: package deploy destroy localstack

$(LOCALSTACK)/.installed: requirements-localstack.txt localstack/executor/pyproject.toml \
  $(wildcard localstack/executor/src/glia_localstack/*.py) | $(BIN)/.installed
	@echo "setting up $(LOCALSTACK) …"
	@test -x $(LOCALSTACK)/bin/python || $$(command -v $(PYTHON) || command -v python3) -m venv $(LOCALSTACK)
	@$(BIN)/uv pip install -q --python $(LOCALSTACK)/bin/python --require-hashes -r requirements-localstack.txt
	@$(LOCALSTACK)/bin/pip install -q --no-deps --no-build-isolation --force-reinstall ./localstack/executor
	@rm -rf localstack/executor/build localstack/executor/src/*.egg-info
	@touch $@

test: $(LOCALSTACK)/.installed

package: setup ## package for AWS Lambda: make package STAGE=prod ARCHITECTURE=arm64
	@$(BIN)/python -m infra.package --stage $(STAGE) --architecture $(ARCHITECTURE)

deploy: setup ## deploy to AWS: make deploy STAGE=prod PARAMETERS="OidcIssuer=..."
	@$(BIN)/python -m infra.deploy $(STAGE) --architecture $(ARCHITECTURE) $(PARAMETERS)

destroy: setup ## delete a deployment, but for its data: make destroy STAGE=dev
	@$(BIN)/python -m infra.destroy $(STAGE)

localstack: setup $(LOCALSTACK)/.installed ## deploy to a LocalStack of our own, without Docker; Ctrl-C stops it
	@exec $(BIN)/python -m localstack.up
# --- end of deployment -----------------------------------------------------------------------------------------------

lock: $(BIN)/.installed ## pin the requirements anew, with hashes
	@for name in requirements requirements-dev requirements-emulator requirements-localstack; do \
	  $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    $(UPGRADE) -o $$name.txt $$name.in; done
	@for folder in tests/validators/*/; do [ ! -f $$folder/requirements.in ] || \
	  $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    $(UPGRADE) -o $$folder/requirements.txt $$folder/requirements.in; done

clean: ## remove the environments (not your data in .glia)
	@rm -rf $(VENV) $(EMULATOR) $(LOCALSTACK) .venv-validators build chalicelib/web/docs
