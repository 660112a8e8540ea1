# touchloop: make help lists what there is.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DUCKDB2 := .venv-duckdb2
EXAMPLE := work/example
AS_OF := 2026-05-11T00:00:00Z

export UV_COMPILE_BYTECODE = 1
export UV_NO_CONFIG = 1
# in a container there may be no home to write to
ifneq ($(shell test -w "$${UV_CACHE_DIR:-$${XDG_CACHE_HOME:-$$HOME}}" && echo yes),yes)
export UV_NO_CACHE = 1
endif

.DEFAULT_GOAL := help
.PHONY: help setup run test test-duckdb2 test-integration check bench docs lock clean flink-up flink-down kafka-up kafka-down

help: ## what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## build the environment in .venv (Python 3.11 and PyPI are all it needs)

# uv is had inside the environment that it then fills; bytecode is compiled because importing uncompiled libraries takes longer than a run
$(READY): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) 2>/dev/null || python3 -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "touchloop needs Python 3.11: make PYTHON=/path/to/python3.11 setup"; exit 1; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

run: $(READY) ## run the shipped example and show its journeys, loops and coverage
	@mkdir -p $(EXAMPLE)
	@cp -R examples/worked-example/touchloop.toml examples/worked-example/inbox $(EXAMPLE)/
	@$(BIN)/touchloop run --workspace $(EXAMPLE) --as-of $(AS_OF)
	@$(BIN)/touchloop report --workspace $(EXAMPLE)

# in their order: the files of few tests are the slow ones, and would come last
test: $(READY) ## unit, golden and property tests
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# what reads and writes databases, with the next major version of DuckDB; everything else is the same
test-duckdb2: $(DUCKDB2)/.ready ## the tests of the warehouse with DuckDB 2, in an environment of their own
	PYTHONPATH=$(CURDIR) $(DUCKDB2)/bin/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(addprefix tests/test_,$(addsuffix .py,$(OF_DATABASES)))

OF_DATABASES := audit digests example_run explain gate groups landed marts publish questions report restated series store

$(DUCKDB2)/.ready: $(READY) requirements-duckdb2.lock
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(DUCKDB2)
	$(BIN)/uv pip install --quiet --python $(DUCKDB2)/bin/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(DUCKDB2)/bin/python --require-hashes --no-deps -r requirements-duckdb2.lock
	@touch $@

# by file: kills of runs in one process, brokers and clusters one after the other in the second
test-integration: $(READY) ## the slow ones: real payloads, kill -9, a real Kafka broker and Flink cluster (needs Java 17 and Maven)
	$(BIN)/python -m pytest -m integration -n 2 --dist loadfile

check: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY) ## throughput against the decode-only limit and against one-element-at-a-time (RECORDS=1000000)
	$(BIN)/python -m benchmarks.throughput --records $(or $(RECORDS),1000000)

kafka-up: $(READY) ## a Kafka broker on a free loopback port (needs Java 17 and Maven)
	@PYTHONPATH=tests $(BIN)/python -m clusters.kafka up

kafka-down: $(READY) ## end it
	@PYTHONPATH=tests $(BIN)/python -m clusters.kafka down

flink-up: $(READY) ## a Flink cluster with Beam's job server and Python workers on free loopback ports (needs Java 17 and Maven)
	@PYTHONPATH=tests $(BIN)/python -m clusters.flink up

flink-down: ## end it
	@PYTHONPATH=tests $(BIN)/python -m clusters.flink down

docs: $(READY) ## write what is derived from the schemas: data dictionary, JSON Schemas
	$(BIN)/python -m schemas.publish

lock: $(READY) ## resolve the dependencies again
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --group dev --python-version 3.11 --upgrade pyproject.toml -o requirements.lock
	printf 'duckdb>=2\nduckdb-sqlalchemy>=1.5.6.5\n' | $(BIN)/uv pip compile --quiet --generate-hashes --no-deps --no-emit-index-url --no-header --no-annotate --python-version 3.11 --upgrade - -o requirements-duckdb2.lock

clean: ## remove the environment and the example's workspace
	rm -rf $(VENV) $(DUCKDB2) work build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
