# Every target does all of its own set-up, on a bare Debian or Ubuntu with python3, make and git.
#   make run ARGS="--lang en"   the demo city       make test ARGS="-k layouts"   all tests
#   make bench                  the figures         make lint                     ruff and mypy
#   make soak                   kills and hours     make doctor                   what is missing here
SHELL := /bin/sh
VENV ?= .venv
PYTHON ?=
ARGS ?=
export VENV PYTHON
# Every process of the program would read all of its modules anew: half a second each.
unexport PYTHONDONTWRITEBYTECODE

# A tree without a locale (bare containers) would make Python and Qt think in ASCII.
ifeq ($(LC_ALL)$(LC_CTYPE)$(LANG),)
export LC_ALL := C.UTF-8
endif

BIN := $(VENV)/bin
TESTS := $(BIN)/python -m pytest
# Most tests wait for processes and sockets: four at a time keep two cores busy, each file in one process, the longest
# first (tests/conftest.py).
# ARGS="-n 0" runs them one after another.
SIDE_BY_SIDE := -n 4 --dist loadfile --no-loadscope-reorder

.PHONY: run test bench lint soak doctor setup clean
.DEFAULT_GOAL := run

run:
	@scripts/bootstrap.sh run
	@exec $(BIN)/ioc-console demo $(ARGS)

test:
	@scripts/bootstrap.sh dev
	@QT_QPA_PLATFORM=offscreen $(TESTS) $(SIDE_BY_SIDE) -m "not soak" $(ARGS)

bench:
	@scripts/bootstrap.sh bench
	@QT_QPA_PLATFORM=offscreen $(BIN)/python -m tests.bench $(ARGS)

# First the long tests, then the long figures; ARGS="faults soak_memory" names figures and leaves the tests out.
soak:
	@scripts/bootstrap.sh bench
	$(if $(ARGS),,@QT_QPA_PLATFORM=offscreen $(TESTS) $(SIDE_BY_SIDE) -m soak)
	@QT_QPA_PLATFORM=offscreen $(BIN)/python -m tests.bench --soak $(ARGS)

lint:
	@scripts/bootstrap.sh dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

doctor:
	@scripts/bootstrap.sh run
	@$(BIN)/ioc-console doctor $(ARGS)

setup:
	@scripts/bootstrap.sh dev

clean:
	rm -rf build $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
