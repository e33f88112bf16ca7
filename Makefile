# Two commands matter on a fresh machine: `make demo` and `make test`. Every target does its own set-up.
# PYTHON=python3.12 chooses the interpreter; PREFECT_API_URL=... runs the demo's flow against a server of yours.

SHELL := /bin/bash
BIN := .venv/bin

# No telemetry; and a machine that is slow to start the local Prefect server the first time is only slow.
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS ?= 180
export PYTHON

.PHONY: help setup demo test check lint types imports format docs bench lock clean

help:  ## what can be made
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

setup:  ## .venv from the hashed lock, the system libraries, .venv/bin/tollbook
	@.ci/setup.sh

demo: setup  ## bills the sample provider's months end to end in ./demo and says where everything is
	@.ci/demo.sh

test: setup  ## every test
	@.ci/browser.sh
	@.ci/engines.sh
	@$(BIN)/pytest -q -n 2 --dist loadfile --durations=25

check: lint types imports  ## style, types and who imports whom

lint: setup  ## style and faults that can be seen without running
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup  ## types
	@$(BIN)/mypy

imports: setup  ## the arrows between the packages
	@$(BIN)/lint-imports

format: setup  ## puts the style right where that needs no thought
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: setup  ## the documentation as a site in ./site, every link and anchor checked
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

bench: setup  ## measures speed and memory against the yardsticks of ../shared/bench; writes tests/bench/RESULTS.md
	@.ci/bench.sh

lock: setup  ## resolves the dependencies anew and writes requirements.lock and requirements-engines.lock
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	@$(BIN)/python -m uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock
	@$(BIN)/python -m uv pip compile pyproject.toml --extra dask --extra ray --constraint requirements.lock --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet -o requirements-engines.lock

clean:  ## removes what was made, but for .venv
	@.ci/demo.sh --remove
	@rm -rf dist site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
