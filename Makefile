# Everything a newcomer needs: make run, make test. See README.md.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
BACKENDS ?= skrl-torch,skrl-jax
WORKERS ?= 2
STAMP := $(VENV)/.installed

.PHONY: help install run test faults tui lint format bench screenshots results clean

help:            ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v < (3, 14) else "motrix-tui needs Python 3.10 to 3.13; this is %d.%d: make PYTHON=python3.11 ..." % v)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	# PyTorch first and alone: the pinned version has a build for machines without a GPU.
	$(PIP) install --quiet -c constraints.txt torch==2.13.0
	$(PIP) install --quiet -c constraints.txt -e '.[$(BACKENDS),motrixsim,mujoco,gym,export,serve,dev]'
	@touch $(STAMP)

install: $(STAMP) ## create .venv with both backends, both simulators and the development tools

run: $(STAMP)    ## train cartpole for 1M env steps on the automatically selected backend
	$(BIN)/motrix-tui --run --env cartpole --max-env-steps 1M

tui: $(STAMP)    ## open the dashboard
	$(BIN)/motrix-tui

test: $(STAMP)   ## the whole test suite, by WORKERS processes side by side (2; 0: by one, in order)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

faults: $(STAMP) ## every fault of docs/reliability.md, as often as it says there (half an hour)
	MOTRIX_FAULTS=full $(BIN)/python -m pytest tests/faults -s

lint: $(STAMP)   ## ruff (lint and format) and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(STAMP) ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## measure; the figures belong into docs/benchmarks.md
	$(BIN)/motrix bench
	$(BIN)/python -m benchmarks

screenshots: $(STAMP) ## train briefly and draw the dashboard's screens into screenshots/
	$(BIN)/python -m screenshots.make

results: $(STAMP) ## the learning proof: train the classics to their thresholds, into docs/results.md
	$(BIN)/motrix demos --budget full --envs cartpole pendulum acrobot mountain-car --ledger docs/results.md

clean:           ## remove what make created
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis .cache
