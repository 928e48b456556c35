# Everything here needs only Python 3.11+ and make. `make` alone lists what there is.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

SOURCES := gateway worker shared cli tests bench tools
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements-dev.lock
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet

# Candidates for the interpreter, in this order; `make PYTHON=/path/to/python3.11` names one.
PYTHON ?=
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python)

# One stamp a content: an unchanged lock in an unmoved clone means that there is nothing to do.
LOCK_KEY := $(shell { cat $(LOCK); pwd; } | cksum | cut -d' ' -f1)
LOCKED := $(VENV)/.locked-$(LOCK_KEY)
INSTALLED := $(LOCKED)-installed-$(shell cksum < pyproject.toml | cut -d' ' -f1)

# `make tools` fetches only CLIs that PATH lacks or has in a version that is too old.
WITH_PATH := PATH="$(CURDIR)/$(BIN):$(CURDIR)/.tools/bin:$$PATH"

##@ Use it
.PHONY: run
run: setup tools ## Run gateway, worker and embedded server (ARGS="--kubeconfig ~/.kube/config")
	@$(WITH_PATH) exec $(BIN)/mcp-k8s up $(ARGS)

.PHONY: demo
demo: setup ## Show the product at work on a real control plane (after make e2e-tools)
	@$(BIN)/python -m tests.e2e.demo

.PHONY: images
images: setup tools ## Build the images of gateway and worker (ARGS="--cli FOLDER" brings CLIs)
	@$(WITH_PATH) $(BIN)/python -m tools.images $(ARGS)

.PHONY: quick-start
quick-start: ## Run gateway, worker and Redis in containers (docker compose)
	@docker compose up --build --detach --wait
	@docker compose port gateway 9096

##@ Work on it
.PHONY: test
test: setup tools node-tools prometheus ## Run every test that this machine can run (ARGS="-k sealing")
	@$(WITH_PATH) $(BIN)/python -m tools.run_tests $(ARGS)

.PHONY: e2e
e2e: setup tools ## Run the real CLIs against a real control plane, built first where Go is there (ARGS="-k helm")
	@if command -v go >/dev/null; then $(MAKE) --no-print-directory e2e-tools; fi
	@$(WITH_PATH) $(BIN)/python -m tools.run_tests -n 2 --dist loadfile tests/e2e $(ARGS)

.PHONY: compose-test
compose-test: images ## Run compose.yaml with Docker or podman: scale it, kill a worker, restart Redis
	@$(WITH_PATH) $(BIN)/python -m tools.run_tests -n 0 tests/containers $(ARGS)

.PHONY: check
check: setup ## Format, lint, types, import contracts, file sizes
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tools.check_sizes $(SOURCES)

.PHONY: format
format: setup ## Format the code and apply ruff's safe fixes
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

.PHONY: bench
bench: setup tools ## Measure against the bare CLIs and print a table (ARGS=--write: docs/performance.md)
	@$(WITH_PATH) $(BIN)/python -m bench $(ARGS)

.PHONY: scale-out
scale-out: setup tools ## Measure 1, 2 and 4 workers and what a job costs (ARGS=--write: docs/scaling.md)
	@$(WITH_PATH) $(BIN)/python -m bench.scaling $(ARGS)

.PHONY: fuzz
fuzz: setup ## Try random commands, flags' values and requests by the ten thousand (ARGS="-k round")
	@if command -v go >/dev/null; then $(BIN)/python -m tools.build_e2e_tools flagvalues requestreader; fi
	@$(BIN)/python -m pytest tests/unit/shared/command/test_command_properties.py tests/e2e/test_flag_values.py \
		tests/e2e/test_request_reading.py tests/e2e/test_reads_change_nothing.py \
		tests/integration/worker/door/test_masked_answers.py --hypothesis-profile=fuzz --timeout=0 $(ARGS)

.PHONY: soak
soak: setup tools ## Run 10,000 jobs while workers are killed and Redis restarts (ARGS=--failover: while primaries end)
	@$(WITH_PATH) $(BIN)/python -m tests.soak $(ARGS)

.PHONY: grammar
grammar: setup tools ## Write the tables of verbs and flags from the CLIs' own help (ARGS=helm)
	@$(WITH_PATH) $(BIN)/python -m tools.grammar $(ARGS)

.PHONY: docs
docs: setup ## Write the tables of settings, metrics and tools in docs/, and the dashboard
	@$(BIN)/python -m tools.settings_table
	@$(BIN)/python -m tools.metrics_table
	@$(BIN)/python -m tools.tool_tables
	@$(BIN)/python -m tools.dashboard

##@ Set it up
.PHONY: setup
setup: $(INSTALLED) ## Make .venv from the lock; nothing to do when it is there

.PHONY: tools
tools: setup ## Fetch CLIs into .tools/bin, and link those that were built, where PATH has none
	@$(BIN)/python -m tools.fetch_cli

.PHONY: node-tools
node-tools: setup ## Install the MCP clients of Node that tests start (once; says so where there is no npm)
	@$(BIN)/python -m tools.node_clients

.PHONY: prometheus
prometheus: setup ## Fetch Prometheus and promtool for tests (once; says so where apt cannot)
	@$(BIN)/python -m tools.prometheus

# Without .venv, so that what is built is found at once from a fresh clone too.
.PHONY: e2e-tools
e2e-tools: ## Build the real control plane that the end-to-end tests need (once, some 30 minutes; needs Go)
	@for candidate in $(BIN)/python $(PYTHONS); do \
		if "$$candidate" -c 'import tomllib' >/dev/null 2>&1; then exec "$$candidate" -m tools.build_e2e_tools; fi; \
	done; \
	echo "error: no Python 3.11 or newer among: $(PYTHONS); install one, or name it: make PYTHON=..." >&2; exit 1

.PHONY: lock
lock: setup ## Write the locks again from pyproject.toml (ARGS=--upgrade for newer versions)
	@$(BIN)/uv pip compile $(LOCK_FLAGS) $(ARGS) --output-file requirements.lock pyproject.toml
	@$(BIN)/uv pip compile $(LOCK_FLAGS) $(ARGS) --output-file $(LOCK) --constraint requirements.lock \
		--group dev pyproject.toml
	@for image in gateway worker; do $(BIN)/uv pip compile $(LOCK_FLAGS) --output-file requirements-$$image.lock \
		--constraint requirements.lock --group pyproject.toml:$$image; done
	@echo "requirements.lock, $(LOCK) and those of the images are written; the next make installs them"

LOCK_FLAGS := --quiet --universal --generate-hashes --python-version 3.11 --python $(BIN)/python \
	--custom-compile-command "make lock"

.PHONY: clean
clean: ## Remove .venv, .tools and every cache
	@rm -rf $(VENV) .tools build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find $(wildcard $(SOURCES)) -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## List these
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

$(LOCKED):
	@python=; for candidate in $(PYTHONS); do \
		if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
			>/dev/null 2>&1; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "error: no Python 3.11 or newer with the venv module among: $(PYTHONS);" \
			"install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	echo "setting up $(VENV) with $$("$$python" --version) from $(LOCK): some 80 pinned packages, once"; \
	rm -rf $(VENV) && "$$python" -m venv $(VENV)
	@$(PIP) install --require-hashes --requirement $(LOCK)
	@touch $@

$(INSTALLED): $(LOCKED)
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@rm -f $(LOCKED)-installed-* && touch $@
