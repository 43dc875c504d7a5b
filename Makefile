# Every command a person needs; `make` lists them. Settings are in .env, see .env.example.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help up down status logs demo demo-clean reload clean test test-crash fuzz bench lint check format generate lock

VENV := .venv
RUN_REQUIREMENTS := exporter/requirements.txt exporter/requirements-build.txt stack/requirements.txt
PY := $(VENV)/bin/python

help: ## list the commands
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

up: $(VENV)/run ## start the stack, wait until it is ready, say where everything is
	@$(PY) -m stack up

down: $(VENV)/run ## stop the stack; what was collected is kept
	@$(PY) -m stack down

status: $(VENV)/run ## say what runs and what is ready
	@$(PY) -m stack status

logs: $(VENV)/run ## follow the logs; PART=exporter for one part
	@$(PY) -m stack logs $(PART)

demo: $(VENV)/run ## bring in a month of made-up history, then runs that end in a regression, and see the alert arrive
	@$(PY) -m stack demo

demo-clean: $(VENV)/run ## take the demo's files, runs and alerts away again
	@$(PY) -m stack demo-clean

reload: $(VENV)/run ## take in changed rules, routes and secrets
	@$(PY) -m stack reload

clean: $(VENV)/run ## stop the stack and remove what it has stored, uploads too; results/ and secrets/ stay
	@$(PY) -m stack clean $(if $(YES),--yes)

test: $(VENV)/dev ## run all tests; PYTEST="-k name" for some
	@$(PY) -m pytest --numprocesses=2 $(PYTEST)

test-crash: $(VENV)/dev ## kill the exporter 200 times, fill its folder and its disk; CRASH_SEED=n repeats a run
	@CRASH_CYCLES=$${CRASH_CYCLES:-200} CRASH_FILES=$${CRASH_FILES:-100000} $(PY) -m pytest -s tests/crash tests/exporter/ingest/test_crash.py tests/exporter/ingest/test_crash_clock.py

fuzz: $(VENV)/dev ## parse a million hostile documents; FUZZ="--documents 10000 --seed 1" for others
	@$(PY) -m tests.fuzz.fuzz_formats $(FUZZ)

bench: $(VENV)/dev ## measure ingest, scrape, stream, alerts, detection and the client, beside peers, into benchmarks/results/
	@$(PY) -m benchmarks.ingest
	@$(PY) -m benchmarks.scrape
	@$(PY) -m benchmarks.stream
	@$(PY) -m benchmarks.alert_latency
	@$(PY) -m benchmarks.storage
	@$(PY) -m benchmarks.detection
	@$(PY) -m benchmarks.client

lint: $(VENV)/dev ## check style and types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

check: $(VENV)/dev ## check the configuration, and that generated files are fresh
	@$(PY) -m stack check
	@$(PY) -m grafana.generate --check
	@$(PY) tools/generate_metrics.py --check
	@$(PY) tools/generate_result_schema.py --check

format: $(VENV)/dev ## format the code
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

generate: $(VENV)/dev ## make the dashboards and docs/metrics.md anew
	@$(PY) -m grafana.generate
	@$(PY) tools/generate_metrics.py
	@$(PY) tools/generate_result_schema.py

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade --custom-compile-command 'make lock'
lock: $(VENV)/dev ## take in the newest versions of all requirements
	@cd exporter && ../$(VENV)/bin/$(LOCK) pyproject.toml -o requirements.txt
	@cd exporter && ../$(VENV)/bin/$(LOCK) requirements-build.in -o requirements-build.txt
	@cd stack && ../$(VENV)/bin/$(LOCK) requirements.in -o requirements.txt
	@$(VENV)/bin/$(LOCK) requirements-dev.in -o requirements-dev.txt

$(VENV)/run: $(RUN_REQUIREMENTS) exporter/pyproject.toml stack/make-venv
	@stack/make-venv $(VENV) $(RUN_REQUIREMENTS)
	@touch $@

$(VENV)/dev: $(VENV)/run requirements-dev.txt
	@stack/make-venv $(VENV) requirements-dev.txt
	@touch $@
