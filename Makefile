# The only commands that CI and the README use. `make help` lists them.
# Needs Python 3.11 or later, make, and a package index; uv is used from PATH where it is there.

PYTHON ?= python3
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' server/pyproject.toml)
PROJECTS := generated/pyproject.toml tokens/pyproject.toml server/pyproject.toml clients/python/pyproject.toml
PROTOS := $(wildcard protos/tokenauthority/v1/*.proto)
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup run test test-faults fuzz check format lint types imports protos bench generate pins wheels image clean

help: ## Show what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1mmake %-11s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(BIN)/.ready ## Make .venv with everything; does nothing when nothing changed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Say which one: make PYTHON=python3.12 setup"; exit 2; }
	$(PYTHON) -m venv .venv

$(BIN)/.ready: requirements/development.txt requirements/uv.txt $(PROJECTS) | $(BIN)/python
	@test -x "$(UV)" || $(BIN)/python -m pip install -q --require-hashes -r requirements/uv.txt
	$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/development.txt
	$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e ./generated -e ./tokens -e ./server -e ./clients/python
	@touch $@

run: setup ## Run the authority with embedded stores under DATA_DIR (.data/)
	@$(BIN)/tokenauthority dev

# Coverage is of the first part alone: its tracer would slow down what the second one times.
test: setup ## Run every test against real stores, with coverage
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m 'not alone' -n auto --maxprocesses=4 --dist=loadfile $(PYTEST_ARGS)
	@$(BIN)/coverage combine -q
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --fail-under=100 --include='*/tokenauthority_server/domain/*,*/tokenauthority_server/services/*,*/tokenauthority_server/revocation/*,*/tokenauthority_tokens/*'
	$(BIN)/python -m pytest -m alone $(PYTEST_ARGS)

test-faults: setup ## Every attack and fault as often as a release has to show: some hours, with a table at the end
	FAULTS=full $(BIN)/python -m pytest tests/faults tests/model $(PYTEST_ARGS)

FUZZ_RUNS ?= 1000000
fuzz: setup ## Fuzz what reads tokens and keys, guided by coverage, with FUZZ_RUNS inputs
	cd tests && ../$(BIN)/python -m fuzz --runs $(FUZZ_RUNS)

check: setup format lint types imports protos test ## Everything: format, lint, types, imports, protos, then the tests

format: setup
	$(BIN)/ruff format --check .
	cd protos && ../$(BIN)/buf format --diff --exit-code

lint: setup
	$(BIN)/ruff check .
	$(BIN)/hadolint Dockerfile

types: setup
	$(BIN)/mypy tokens/src server/src clients/python/src tests benchmarks

imports: setup
	$(BIN)/lint-imports --no-logo

protos: setup .venv-generate/.ready ## Lint the contract, compare it with the released one and with the generated code
	cd protos && ../$(BIN)/buf lint
	cd protos && ../$(BIN)/buf breaking --against released.binpb
	.venv-generate/bin/python protos/generate.py --check

bench: setup ## The benchmarks, as a table and as JSON (build/benchmarks.json)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

.venv-generate/.ready: requirements/generate.txt | $(BIN)/.ready
	$(PYTHON) -m venv .venv-generate
	$(UV) pip install -q --python .venv-generate/bin/python --require-hashes -r requirements/generate.txt
	@touch $@

generate: .venv-generate/.ready ## Generate the Python stubs from protos/
	cd protos && ../$(BIN)/buf format -w
	.venv-generate/bin/python protos/generate.py

COMPILE := pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
  --no-emit-package wakedock-tokenauthority-protos --no-emit-package wakedock-tokenauthority-tokens
pins: $(BIN)/.ready ## Resolve requirements/ anew (UPGRADE=1 takes the newest of each)
	$(UV) $(COMPILE) $(if $(UPGRADE),--upgrade) server/pyproject.toml generated/pyproject.toml tokens/pyproject.toml -o requirements/runtime.txt
	$(UV) $(COMPILE) $(if $(UPGRADE),--upgrade) -c requirements/runtime.txt --group development --extra embedded $(PROJECTS) -o requirements/development.txt
	$(UV) $(COMPILE) $(if $(UPGRADE),--upgrade) --group generate -o requirements/generate.txt
	echo uv | $(UV) $(COMPILE) -c requirements/development.txt - -o requirements/uv.txt

wheels: setup ## Build the four wheels into dist/
	$(UV) build -q --wheel --no-build-isolation --python $(BIN)/python --out-dir dist generated
	$(UV) build -q --wheel --no-build-isolation --python $(BIN)/python --out-dir dist tokens
	$(UV) build -q --wheel --no-build-isolation --python $(BIN)/python --out-dir dist server
	$(UV) build -q --wheel --no-build-isolation --python $(BIN)/python --out-dir dist clients/python

image: ## Build the container image (needs a container engine)
	docker build -t wakedock/tokenauthority:$(VERSION) .

clean: ## Remove environments, caches and build results (never .data/)
	rm -rf .venv .venv-generate build dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
