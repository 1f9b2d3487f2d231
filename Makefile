# Each target sets up what it needs in .venv. Python 3.11 or newer, no root.
PYTHON ?= python3
# What is installed: this checkout, or a wheel (make test INSTALL=dist/natron-0.1.0-py3-none-any.whl).
INSTALL ?= -e .
# Where torch comes from, where the default index is not wanted: the CPU build is at
# https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=

BIN := .venv/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check
TORCH := $(shell grep '^torch==' requirements.lock)

.PHONY: demo up dev test coverage ea mutants lint types format bench reference sbom audit fuzz lock clean

demo: .venv/.serve
	$(BIN)/natron demo

up: .venv/.serve
	$(BIN)/natron up

# Everything for training and development.
dev: .venv/.dev

test: .venv/.dev
	$(BIN)/pytest

# The same, and which lines and branches no test took (TESTS=tests/shared for a part).
coverage: .venv/.dev
	$(BIN)/pytest --cov --cov-report term-missing $(TESTS)

# Compiles the Expert Advisor with g++ for the emulated terminal and runs its tests.
ea: .venv/.dev
	$(BIN)/pytest tests/mql5

# Seeds one bug at a time into the Expert Advisor: its tests must catch 95 of 100. GROUPS=clock for some alone.
mutants: .venv/.dev
	PYTHONPATH=.:mql5 $(BIN)/python -m harness.mutation $(GROUPS)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.dev
	$(BIN)/natron bench

# Writes docs/reference from the code.
reference: .venv/.dev
	$(BIN)/python docs/reference/write.py

# What is installed, as a CycloneDX bill of materials; nothing may be missing or contradict another.
sbom: .venv/.dev
	@mkdir -p dist
	$(PIP) check
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file dist/sbom.json .venv

# Known vulnerabilities of what is installed; asks the internet, so it is no part of CI.
audit: sbom
	$(BIN)/python -m venv .venv-audit && .venv-audit/bin/pip install --quiet pip-audit
	.venv-audit/bin/pip-audit --requirement requirements.lock --no-deps --disable-pip

# Feeds every parser with broken input for as long as FUZZ examples each take.
fuzz: .venv/.dev
	NATRON_FUZZ_EXAMPLES=$(or $(FUZZ),20000) $(BIN)/pytest --timeout 0 tests/fuzz tests/bridge/test_fuzzing.py

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "natron needs Python 3.11 or newer; say make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "on Debian: apt install python3-venv"; exit 1; }

.venv/.serve: pyproject.toml requirements.lock | .venv/bin/pip
	$(PIP) install -c requirements.lock $(strip $(INSTALL))[serve,web]
	@touch $@

.venv/.dev: pyproject.toml requirements.lock | .venv/bin/pip
	$(if $(TORCH_INDEX),$(PIP) install --index-url $(TORCH_INDEX) $(TORCH))
	$(PIP) install -c requirements.lock $(strip $(INSTALL))[serve,train,web,archive,dev]
	@touch $@ .venv/.serve

# Pins what is installed now: after `pip install -U` of what should move.
lock: .venv/.dev
	$(BIN)/pip freeze --exclude-editable --exclude natron | sed 's/^\(torch==[0-9.]*\).*/\1/' > requirements.lock

clean:
	rm -rf .venv dist build
