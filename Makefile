# The whole workflow. Each target sets up what it needs; `make demo` and `make test` are the two to begin with.
SHELL := bash
PYTHON := $(shell for p in python3.12 python3.13 python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo "$$p" && break; done)
UV := .venv-uv/bin/uv
BIN := .venv/bin
STAMP := .venv/set-up
PYTEST := $(BIN)/python -m pytest -q

.PHONY: demo ui setup test test-real coverage matrix check check-guards soak format lock bench clean

# ARCHIVE=s3://bucket/path (or any other URI) puts the archive there; see tools/demo.py for its storage options.
demo: setup
	@$(BIN)/python tools/demo.py

ui: setup
	@$(BIN)/python tools/ui.py

setup: $(STAMP)

# Airflow compiles thousands of files at each start unless their bytecode is kept.
$(STAMP): requirements-dev.txt pyproject.toml airflow_provider_sengo/__init__.py
	@test -n "$(PYTHON)" || { echo "error: Python 3.11, 3.12 or 3.13 is needed"; exit 1; }
	@echo "Setting up .venv (about half a minute the first time) ..."
	@test -x $(UV) || { $(PYTHON) -m venv .venv-uv && .venv-uv/bin/python -m pip install -q uv; }
	@test -x $(BIN)/python || $(UV) venv -q --python $(PYTHON) .venv
	@UV_COMPILE_BYTECODE=1 $(UV) pip sync -q --require-hashes --python $(BIN)/python requirements-dev.txt
	@$(UV) pip install -q --no-deps --python $(BIN)/python -e .
	@touch $(STAMP)

test: setup
	$(PYTEST) -n 2 --dist loadgroup --max-worker-restart=0 --durations=10 tests --ignore=tests/real

test-real: setup
	$(PYTEST) --durations=10 tests/real

# Each pure module's branches, by its own test file alone.
coverage: setup
	@$(BIN)/python tools/pure_coverage.py

# Every supported Airflow and Python; CELL=3.1.8-py3.11 runs one. tools/matrix_cells.py names them all.
matrix: setup
	@$(BIN)/python tools/matrix.py $(if $(CELL),--cell $(CELL))

check: setup
	@$(BIN)/ruff format --check . || { echo "make format mends this"; exit 1; }
	$(BIN)/ruff check .
	$(BIN)/mypy

check-guards: setup
	@$(BIN)/python tools/guards.py

# Faults, kills and restarts at random for MINUTES=10; SEED=... repeats a plan.
soak: setup
	@$(BIN)/python tools/soak.py --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# All of it takes some 35 minutes; PART=archive|rate|memory|reread|waiting|coverage|small, ROUNDS=5, and
# SCALE=0.05 for a trial on fewer rows.
bench: setup
	@$(BIN)/python tools/bench.py $(if $(PART),--part $(PART)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(SCALE),--scale $(SCALE))

# Pin every dependency anew, without a host in the file.
lock:
	@test -x $(UV) || { $(PYTHON) -m venv .venv-uv && .venv-uv/bin/python -m pip install -q uv; }
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--group dev -o requirements-dev.txt pyproject.toml

clean:
	rm -rf .venv .venv-uv .matrix .demo .ui build dist
