# Everything a developer runs, one target each; `make` alone lists them.
# Needs GNU make (3.81 or newer) and Python 3.11 or newer; all else is installed into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check
NODE_TRACKER := $(VENV)/node/node_modules/.package-lock.json

# Options of the targets: make kill-test KILLS=200, make test ARGS='-k rotation', make lock UPGRADE=1
KILLS ?= 50
ARGS ?=
UPGRADE ?=
SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help run test check docs lint fmt lock kill-test fault-test screenshots film image-test bench fuzz audit clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: $(READY) ## the whole path with nothing to set up: sample logs into an embedded collector
	@$(BIN)/shipper demo

# Whole programs run two at a time, a file's tests one after the other, for they share what the file
# started; what wants the machine to itself comes last. With ARGS that choose no test of one part,
# pytest ends with 5, which is no failure.
test: $(READY) $(if $(shell command -v npm),$(NODE_TRACKER)) ## every test; ARGS go to pytest
	@$(BIN)/python -m pytest -n auto -m 'not e2e' $(ARGS) || [ $$? -eq 5 ]
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m 'e2e and not alone' $(ARGS) || [ $$? -eq 5 ]
	@$(BIN)/python -m pytest -m alone $(ARGS) || [ $$? -eq 5 ]

check: lint ## the fast loop: lint, format, security, types, and all tests but the end-to-end ones
	@$(BIN)/python -m pytest -q -n auto --walks 500 -m 'not e2e' $(ARGS)

lint: $(READY) ## lint, format, security, types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/bandit -q -c pyproject.toml -r shipper
	@$(BIN)/mypy

fmt: $(READY) ## format the code, apply the safe fixes, and write the schemas for editors anew
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/shipper config schema --out shipper/config/shipper.schema.json
	@$(BIN)/shipper config schema --grammar --out shipper/grammar/grammar.schema.json

kill-test: $(READY) ## SIGKILL at random moments, KILLS times (five variants a twentieth each): nothing lost, nothing twice
	@$(BIN)/python -m pytest tests/kill -q --kills $(KILLS) $(ARGS)

fault-test: $(READY) ## the long form of the fault matrix: large backlogs, long faults, four senders
	@$(BIN)/python -m pytest tests/matrix -q --long $(ARGS)

screenshots: $(READY) ## take the pictures of docs/status-page.md anew (needs chromium)
	@$(BIN)/python -m tests.status.screenshots

film: $(READY) ## record docs/film anew: a real terminal, Docker with the image snowplow-logfile-source, chromium
	@$(BIN)/python -m tests.film

image-test: $(READY) ## build the container image without Docker and ship a file from inside it (root, Debian)
	@deploy/image-test.sh

bench: $(READY) ## measure all that docs/performance.md says, beside peers; ARGS='--quick' for a short run
	@$(BIN)/python -m benchmarks $(ARGS)

# MkDocs' own notice about its next version says nothing about this site.
docs: $(VENV)/.docs ## build the documentation site into site/; a link that leads nowhere is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

LOCK = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-annotate $(if $(UPGRADE),--upgrade)

fuzz: $(READY) ## hostile bytes for framing, grammars, receiver and configuration; SECONDS each, ARGS: which
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(PIP) install -q --require-hashes -r requirements/fuzz.lock
	@$(BIN)/python -m fuzz $(SECONDS) $(ARGS)

audit: $(READY) ## ask a vulnerability service about every locked dependency
	@$(BIN)/python -c 'import pip_audit' 2>/dev/null || $(PIP) install -q --require-hashes -r requirements/audit.lock
	@.ci/audit

lock: $(BIN)/python ## make the lock files again after a change of dependencies; UPGRADE=1 takes newer versions
	@[ -x $(BIN)/uv ] || { echo "installing uv into $(VENV)"; $(PIP) install -q uv; }
	@echo "resolving requirements/{run,build,dev,docs,fuzz,audit}.lock"
	@$(LOCK) pyproject.toml -o requirements/run.lock
	@$(LOCK) --group build -c requirements/run.lock -o requirements/build.lock
	@$(LOCK) pyproject.toml --group dev -c requirements/run.lock -c requirements/build.lock \
		-o requirements/dev.lock
	@for group in docs fuzz audit; do \
		$(LOCK) --group $$group -c requirements/dev.lock -o requirements/$$group.lock; done

clean: ## remove the virtual environment, caches and build results
	@rm -rf $(VENV) .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov dist build site
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. A .venv that no longer starts (its Python was removed or replaced) is made anew.
TOO_OLD = $(PYTHON) is missing or older than 3.11: install Python 3.11 or newer, or name one with make PYTHON=...
NO_VENV = $(PYTHON) cannot make virtual environments: on Debian and Ubuntu, apt-get install python3-venv

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(TOO_OLD)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(NO_VENV)" >&2; exit 1; }
	@echo "creating $(VENV) with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

$(READY): $(BIN)/python requirements/dev.lock pyproject.toml shipper/__init__.py
	@echo "installing requirements/dev.lock and this checkout into $(VENV)"
	@$(PIP) install -q --require-hashes -r requirements/dev.lock
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q shipper
	@touch $@

$(VENV)/.docs: $(READY) requirements/docs.lock
	@echo "installing requirements/docs.lock into $(VENV)"
	@$(PIP) install -q --require-hashes -r requirements/docs.lock
	@touch $@

# The real Node tracker, which a test has send into the receiver; of the lock file beside it, which
# names versions and digests, and no host.
$(NODE_TRACKER): tests/e2e/node/package-lock.json tests/e2e/node/package.json | $(READY)
	@echo "installing tests/e2e/node/package-lock.json into $(VENV)/node"
	@mkdir -p $(VENV)/node && cp $^ $(VENV)/node
	@npm --prefix $(VENV)/node ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@
