# `make up` is all that a new user needs; ARGS are passed on, e.g. make up ARGS="--port 8010".
.PHONY: up setup setup-dev build image test coverage check check-types check-tests bench chaos mutants soak eval fmt settings clean help
SHELL := /bin/sh
BIN := .venv/bin
ARGS ?=
PYTHON ?=

up: setup ## install what is missing, start everything, print one URL
	@exec $(BIN)/atelier up $(ARGS)

setup: ## make .venv and install the product into it
	@PYTHON="$(PYTHON)" sh scripts/setup.sh

setup-dev: ## the same, with what tests and checks need
	@PYTHON="$(PYTHON)" sh scripts/setup.sh dev

build: setup ## build the front end
	@$(BIN)/atelier build

image: ## build the container image and ask it a question; needs Docker
	@sh scripts/image.sh $(ARGS)

test: setup-dev ## all tests: unit, integration, browser
	@sh scripts/system.sh
	@CHECKED="$(CHECKED)" sh scripts/test.sh $(ARGS)

coverage: setup-dev ## how much of the back end and the states unit and integration tests reach
	@sh scripts/system.sh
	@sh scripts/coverage.sh $(ARGS)

check: setup-dev ## formatting, lint, types, import contracts, unit tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python -m scripts.state_lint app/
	@$(MAKE) --no-print-directory -j 2 check-types check-tests

check-types:
	$(BIN)/pyright

check-tests:
	$(BIN)/python -m pytest -q tests/architecture tests/unit

bench: setup-dev ## measure, see docs/benchmarks.md
	@$(BIN)/python -m bench $(ARGS)

chaos: setup-dev ## kill, freeze and flood real processes, see docs/reliability.md
	@sh scripts/system.sh
	@$(BIN)/python -m chaos $(ARGS)

mutants: setup-dev ## take each guard of isolation away, and name those that no test misses
	@sh scripts/system.sh
	@$(BIN)/python -m scripts.mutants $(ARGS)

soak: setup-dev ## half an hour of steady work in which nothing may grow
	@sh scripts/system.sh
	@$(BIN)/python -m chaos.soak $(ARGS)

eval: setup-dev ## ask the evaluation set and count right answers
	@$(BIN)/python -m bench.eval $(ARGS)

fmt: setup-dev ## format, and fix what can be fixed
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

settings: setup ## write .env.example and docs/configuration.md from the settings
	@$(BIN)/python -m scripts.settings_docs

clean: ## remove what was installed and built; the data folder stays
	rm -rf .venv .build .web .states build dist .pytest_cache .ruff_cache .coverage* *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22
