# Every command a person needs; `make` lists them. Settings are in .env, see .env.example.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help up upgrade-check down status logs demo demo-clean reload notify-test proxy-user clean
.PHONY: compose systemd backup restore restore-clean long-term-fill drill-long-term
.PHONY: history backfill baseline triage import watch push
.PHONY: test test-crash order fuzz soak drill drill-failover bench lint check audit format generate
.PHONY: screenshots tutorial lock release

VENV := .venv
RUN_REQUIREMENTS := exporter/requirements.txt exporter/requirements-build.txt stack/requirements.txt
PY := $(VENV)/bin/python

help: ## list the commands
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

up: $(VENV)/run ## start the stack, wait until it is ready, say where everything is
	@$(PY) -m stack up

upgrade-check: $(VENV)/run ## say what `make up` of this version would change, and change nothing
	@$(PY) -m stack upgrade-check

down: $(VENV)/run ## stop the stack; what was collected is kept
	@$(PY) -m stack down

status: $(VENV)/run ## say what runs and what is ready
	@$(PY) -m stack status

logs: $(VENV)/run ## follow the logs; PART=exporter for one part
	@$(PY) -m stack logs $(PART)

demo: $(VENV)/run ## show a month of made-up history, then a regression and its alert
	@$(PY) -m stack demo

demo-clean: $(VENV)/run ## remove the demo's files, runs and alerts
	@$(PY) -m stack demo-clean

reload: $(VENV)/run ## apply changed rules, routes, secrets and config.yaml; says what needs `make up`
	@$(PY) -m stack reload

notify-test: $(VENV)/run ## send a test message through every channel, and say which arrived
	@$(PY) -m stack notify-test

proxy-user: $(VENV)/run ## set the password of a user of the published addresses; NAME=ann
	@$(PY) -m stack proxy-user $(NAME)

systemd: $(VENV)/run ## show the systemd unit that runs the stack; INSTALL=yes installs it
	@$(PY) -m stack systemd $(if $(INSTALL),--install) $(if $(NAME),--name=$(NAME))

clean: $(VENV)/run ## stop the stack and remove what it stored; results/ and secrets/ stay; YES=1
	@$(PY) -m stack clean $(if $(YES),--yes)

backup: $(VENV)/run ## back up what the stack has stored, into backups/; TO=folder KEEP=7 SECRETS=yes
	@$(PY) -m stack backup --to '$(TO)' $(if $(KEEP),--keep '$(KEEP)') \
	  $(if $(filter yes,$(SECRETS)),--secrets)

restore: $(VENV)/run ## put a backup in place of what the stack has stored; FROM=file YES=1 WITHOUT=store
	@$(PY) -m stack restore --from '$(FROM)' --without '$(WITHOUT)' $(if $(YES),--yes)

long-term-fill: $(VENV)/run ## copy what Prometheus has into the long-term store; SINCE=2h
	@$(PY) -m stack long-term-fill --since '$(SINCE)'

restore-clean: $(VENV)/run ## remove what was there before the newest restore
	@$(PY) -m stack restore-clean

compose: $(VENV)/run ## docker compose with this checkout's settings; ARGS="exec exporter df -h"
	@$(PY) -m stack compose $(ARGS)

# benchmark-exporter with the addresses and the ledger of this checkout's stack.
history: $(VENV)/run ## list the stack's runs; ARGS="--failed --limit 5"
	@$(PY) -m stack exporter history $(ARGS)

backfill: $(VENV)/run ## bring past runs into the stack's Prometheus; ARGS="FILE…" for other files
	@$(PY) -m stack exporter backfill $(ARGS)

import: $(VENV)/run ## bring years of results into the stack; ARGS="data.js old-results/"
	@$(PY) -m stack exporter import $(ARGS)

baseline: $(VENV)/run ## pin runs of the stack's ledger; ARGS="set RUN --version v1"
	@$(PY) -m stack exporter baseline $(ARGS)

triage: $(VENV)/run ## say what becomes of regressions; ARGS="set fixing BENCHMARK --ticket T-1"
	@$(PY) -m stack exporter triage $(ARGS)

watch: $(VENV)/run ## show what runs, verdicts and alerts as they happen
	@$(PY) -m stack exporter watch $(ARGS)

push: $(VENV)/run ## send result files to the stack's exporter; ARGS="FILE…"
	@$(PY) -m stack exporter push $(ARGS)

# Twice as many as a small machine has processors: half of the time is waiting for a stack.
TEST_PROCESSES := 4
test: $(VENV)/dev ## run all tests; PYTEST="-k name" for some
	@$(PY) -m pytest --numprocesses=$(TEST_PROCESSES) $(PYTEST)

CRASH_TESTS := tests/crash tests/exporter/ingest/test_crash.py tests/exporter/ingest/test_crash_clock.py \
  tests/exporter/ingest/test_crash_late_runs.py tests/benchmarks/test_delivery.py
test-crash: $(VENV)/dev ## kill the exporter 200 times, fill its disk; CRASH_SEED=n repeats a run
	@CRASH_CYCLES=$${CRASH_CYCLES:-200} CRASH_FILES=$${CRASH_FILES:-100000} \
	  CRASH_BENCHMARKS=$${CRASH_BENCHMARKS:-5000} \
	  $(PY) -m pytest -s $(CRASH_TESTS)

order: $(VENV)/dev ## let runs arrive in 10,000 random orders; ORDER_EXAMPLES=100 for fewer
	@ORDER_EXAMPLES=$${ORDER_EXAMPLES:-10000} $(PY) -m pytest tests/exporter/ingest/test_order.py \
	  tests/exporter/ingest/test_late_runs_together.py

fuzz: $(VENV)/dev ## parse a million hostile documents; FUZZ="--documents 10000 --seed 1"
	@$(PY) -m tests.fuzz.fuzz_formats $(FUZZ)

soak: $(VENV)/dev ## load, kill and reload a whole stack for 20 minutes; SOAK_MINUTES=180, SOAK_SEED=n
	@$(PY) -m benchmarks.soak

drill: $(VENV)/dev ## kill restores at each step; then back up, destroy and restore a month of runs
	@DRILL=all $(PY) -m pytest tests/stack/backup
	@$(PY) -m benchmarks.backup

drill-long-term: $(VENV)/dev ## leave the long-term store away for 10 minutes, and measure its costs
	@$(PY) -m benchmarks.long_term

drill-failover: $(VENV)/dev ## kill members of a pair and of a cluster for minutes; ARGS="--rounds 1"
	@$(PY) -m benchmarks.failover $(ARGS)

BENCHMARKS := ingest scrape stream alert_latency alert_keeping delivery storage ledger_size detection \
  shifts client memory
bench: $(VENV)/dev ## measure the stack and its peers, into benchmarks/results/
	@for name in $(BENCHMARKS); do $(PY) -m benchmarks.$$name; done

lint: $(VENV)/dev ## check style and types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

check: $(VENV)/dev ## check the configuration, and that generated files are fresh
	@$(PY) -m stack check
	@$(PY) -m grafana.generate --check
	@$(PY) tools/generate_metrics.py --check
	@$(PY) tools/generate_result_schema.py --check
	@$(PY) -m tools.generate_kubernetes --check

audit: $(VENV)/dev ## search for insecure code, and for known vulnerabilities of dependencies
	@$(VENV)/bin/ruff check --select S .
	@$(PY) tools/audit.py $(RUN_REQUIREMENTS) requirements-dev.txt

format: $(VENV)/dev ## format the code
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

generate: $(VENV)/dev ## generate the dashboards, docs/metrics.md, the result schema and kubernetes/ again
	@$(PY) -m grafana.generate
	@$(PY) tools/generate_metrics.py
	@$(PY) tools/generate_result_schema.py
	@$(PY) -m tools.generate_kubernetes

screenshots: $(VENV)/dev ## take docs/img/*.png from the running stack, after make demo
	@$(PY) -m tools.screenshots

tutorial: $(VENV)/dev ## run the commands of docs/tutorial.md on the running stack, compare the output
	@$(PY) -m tools.tutorial $(ARGS)

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
  --upgrade --custom-compile-command 'make lock'
lock: $(VENV)/dev ## take the newest versions of all requirements
	@cd exporter && ../$(VENV)/bin/$(LOCK) pyproject.toml -o requirements.txt
	@cd exporter && ../$(VENV)/bin/$(LOCK) requirements-build.in -o requirements-build.txt
	@cd stack && ../$(VENV)/bin/$(LOCK) requirements.in -o requirements.txt
	@$(VENV)/bin/$(LOCK) requirements-dev.in -o requirements-dev.txt

release: $(VENV)/run ## set the version and the changelog's heading, commit and tag; VERSION=1.2.3
	@$(PY) -m stack.release $(VERSION)

$(VENV)/run: $(RUN_REQUIREMENTS) exporter/pyproject.toml stack/make-venv
	@stack/make-venv $(VENV) $(RUN_REQUIREMENTS)
	@touch $@

$(VENV)/dev: $(VENV)/run requirements-dev.txt
	@stack/make-venv $(VENV) requirements-dev.txt
	@touch $@
