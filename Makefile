# Bowerbird: `make run` starts it, `make test` proves it; both set up all they need.
SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
MODULES := worker/node_modules/.package-lock.json
# What one process of the app compiled is there for the next, also where Python is told to keep nothing.
export PYTHONDONTWRITEBYTECODE =
# At once what does not wait for another: Python's libraries, the Worker's, and the system's programs.
MAKEFLAGS += --jobs=3

.PHONY: help run test soak demo lint bench fuzz wheel lock clean system-packages

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

run: $(VENV)/.run ## set up, and start the server on 127.0.0.1:8080
	@exec $(BIN)/bowerbird serve

test: $(VENV)/.dev $(MODULES) system-packages ## set up, and pass every test
	$(BIN)/python -m pytest -n auto --dist loadgroup $(PYTEST)

soak: $(VENV)/.dev ## upload 10,000 images while everything is killed, on both pairs (SOAK="--seed 1")
	$(BIN)/python -m tests.faults.soak $(SOAK)
	$(BIN)/python -m tests.faults.soak --store s3 --database postgresql $(SOAK)

demo: $(VENV)/.dev $(MODULES) ## the whole system on this machine: app, signing proxy, B2, edge
	@exec $(BIN)/python -m tests.demo

lint: $(VENV)/.dev ## check style, format, and libraries for known holes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@if command -v shellcheck >/dev/null; then shellcheck scripts/* .ci/run; fi
	@scripts/audit $(VENV)

bench: $(VENV)/.dev $(MODULES) ## measure beside the limit, the plain way and peers
	$(BIN)/python -m bench --json bench.json --markdown bench.md $(BENCH)
	$(BIN)/python -m bench.rude

fuzz: $(VENV)/.dev ## try any bytes and any words for long: make fuzz SECONDS=600 EXAMPLES=5000
	$(BIN)/python -m fuzz --seconds $(or $(SECONDS),60)
	FUZZ_EXAMPLES=$(or $(EXAMPLES),1000) $(BIN)/python -m pytest tests/hostile tests/web/test_openapi.py --timeout 0

wheel: $(VENV)/.dev ## build dist/*.whl
	$(BIN)/python -m hatchling build -t wheel

lock: ## write requirements*.lock from pyproject.toml (needs uv)
	uv pip compile -q pyproject.toml --extra server --extra video --extra setup --group dev -o requirements-dev.lock
	uv pip compile -q pyproject.toml --extra server --extra video --group build -c requirements-dev.lock -o requirements.lock
	uv pip compile -q --group node -o requirements-node.lock
	uv pip compile -q --group uv -o requirements-uv.lock

clean: ## remove what was made, but for the data
	rm -rf $(VENV) worker/node_modules dist .pytest_cache .ruff_cache

# What is installed is exactly what the lock file names, each file with its hash.
$(VENV)/.run: requirements.lock pyproject.toml
	@scripts/environment $(VENV) requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock requirements.lock pyproject.toml
	@scripts/environment $(VENV) requirements-dev.lock
	@touch $(VENV)/.run $@

system-packages:
	@scripts/system-packages

# The signing proxy's tests and the demo need workerd, wrangler and Amazon's SDK. Where there is no Node.js, the one of
# PyPI comes first, into the same environment; only who asks for these waits for the answer.
.SECONDEXPANSION:
$(MODULES): worker/package-lock.json worker/package.json $$(shell scripts/node-modules --is-there || echo $(VENV)/.dev)
	@scripts/node-modules $(VENV)
	@touch $@
