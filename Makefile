# Everything a person types. Nothing but Python 3.11 (or newer) and make is needed.
#
#   PYTHON=/path/to/python3   the Python to use
#   MERIDIAN_PORT, SIMULATOR_HTTPS_PORT, SIMULATOR_HTTP_PORT, SIMULATOR_DNS_PORT, SIMULATOR_EXCHANGE_PORT, MERIDIAN_DEMO_DATA   for make demo
#   DATABASE=sqlite|postgres  BROKER=embedded|redis  ARGS="-k cascade"             for make test

SHELL := /bin/sh
.DEFAULT_GOAL := help
export PYTHON

.PHONY: help
help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## the whole product on this machine, with a demo organization and a simulated Microsoft 365
	@GOAL=demo .ci/setup .ci/local.txt && exec .venv/bin/python -m config.demo

.PHONY: demo-reset
demo-reset: ## forget everything the demo keeps
	@GOAL=demo-reset .ci/setup .ci/local.txt && exec .venv/bin/python -m config.demo reset

.PHONY: ready
ready: # what developers need, in .venv
	@GOAL=$(MAKECMDGOALS) .ci/setup .ci/requirements.txt

.PHONY: test
test: ready ## every test; real PostgreSQL, Redis and Chromium where they are found
	@TEST_DATABASE="$(DATABASE)" TEST_BROKER="$(BROKER)" .venv/bin/python -m pytest $(ARGS)

.PHONY: conformance
conformance: ## the simulated Microsoft 365, judged by Microsoft's own clients (installs them: 400 MB)
	@GOAL=conformance .ci/setup .ci/conformance.txt && exec .venv/bin/python -m pytest tests/conformance $(ARGS)

.PHONY: lint
lint: ready ## format, types, floors, templates, migrations, deployment checks, lock files
	@.ci/lint

.PHONY: format
format: ready ## put the code into its one form
	@.venv/bin/ruff check --fix-only --quiet . && .venv/bin/ruff format --quiet .

.PHONY: screenshots
screenshots: ready ## take the pictures in docs/ anew
	@.venv/bin/python -m tests.journeys.screenshots

.PHONY: pins
pins: ready ## write the four lock files from pyproject.toml
	@.ci/pins
