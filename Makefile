# Florin. `make help` lists what can be made; the targets are thin, the work is in scripts/.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
PYTHON := /usr/bin/python3 -B
SWIFT_SOURCES = $(shell git ls-files --cached --others --exclude-standard '*.swift' | grep -v -e '/Generated/' -e '^Package.swift$$' | while read -r f; do [ -f "$$f" ] && echo "$$f"; done)
SHELL_SCRIPTS = $(shell git ls-files --cached --others --exclude-standard | xargs grep -lsE '^\#!/(usr/)?bin/(env )?(ba)?sh')

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 20

.PHONY: run
run: ## build and run everything on this machine until Ctrl-C
	@scripts/setup run
	@scripts/stack run

.PHONY: demo
demo: ## run everything, play the first story through the public API, stop
	@scripts/setup run
	@scripts/stack demo

.PHONY: stop
stop: ## stop what `make run` started
	@scripts/stack stop

.PHONY: clean-local
clean-local: ## stop and remove the local installation with all its data
	@scripts/stack clean

.PHONY: setup
setup:
	@scripts/setup test
	@scripts/python-venv

.PHONY: build
build: ## build all programs in release mode
	swift build -c release

.PHONY: test
test: setup test-scripts ## run all tests, with servers of their own
	swift build --build-tests
	@scripts/run-tests

.PHONY: test-unit
test-unit: ## run the tests that need no server
	swift build --build-tests
	@scripts/run-tests --unit

.PHONY: test-scripts
test-scripts: ## run the tests of the scripts and checkers
	$(PYTHON) -m unittest discover --start-directory scripts/tests --top-level-directory scripts

.PHONY: lint
lint: ## check format, layers, tidiness, events, shell and Python scripts
	@scripts/setup test
	@failed=0; \
	swift format lint --strict --parallel Package.swift $(SWIFT_SOURCES) || failed=1; \
	$(PYTHON) scripts/check-layers || failed=1; \
	$(PYTHON) scripts/tidy || failed=1; \
	$(PYTHON) scripts/check-python || failed=1; \
	$(PYTHON) scripts/check-events || failed=1; \
	$(PYTHON) scripts/check-asvs || failed=1; \
	shellcheck $(SHELL_SCRIPTS) || failed=1; \
	[ $$failed = 0 ] && echo "lint: nothing to complain about" || { echo "lint: see above"; exit 1; }

.PHONY: format
format: ## format all Swift sources written by hand
	@swift format format --in-place --parallel Package.swift $(SWIFT_SOURCES)

.PHONY: generate
generate: ## write the generated code from the contracts
	@scripts/generate

.PHONY: check-generated
check-generated: ## fail when the generated code is not what the contracts say
	@scripts/generate --check

.PHONY: check-events
check-events: ## refuse changes that break a shipped event
	@scripts/check-events

.PHONY: fuzz
fuzz: ## feed damaged input to everything that reads bytes from outside (FUZZ_SECONDS in all, 60)
	@scripts/fuzz

.PHONY: bench
bench: ## measure throughput and latency on this machine
	@scripts/setup test
	@scripts/stack bench

.PHONY: bench-identity
bench-identity: ## measure sign-ins, and whether the time of an answer tells which addresses have accounts
	@scripts/setup test
	@scripts/stack bench-identity

.PHONY: bench-edge
bench-edge: ## measure how long work outlives its caller, and what others notice of a service that hangs
	@scripts/setup test
	@scripts/stack bench-edge

.PHONY: bench-events
bench-events: ## measure outbox, broker and inbox beside plain clients in C and Python
	@scripts/setup test
	@scripts/python-venv
	@scripts/bench-events $(BENCH)

.PHONY: fuzz-api
fuzz-api: ## let schemathesis try the public API by its document (FUZZ_API_SECONDS, 600)
	@scripts/setup test
	@scripts/python-venv
	@scripts/stack fuzz-api

.PHONY: contract-traffic
contract-traffic: ## compare real answers of every operation with openapi.json
	@scripts/setup test
	@scripts/python-venv
	@scripts/stack contract-traffic

.PHONY: test-slow
test-slow: ## let slowhttptest hold the public API up in four ways, and watch that others are served
	@scripts/setup test
	@scripts/stack slow-http

.PHONY: test-limits
test-limits: ## ask the public API at, above and far above its rate limit for minutes, and judge every 60 s of it
	@scripts/setup test
	@scripts/stack rate-limits

.PHONY: faults
faults: ## kill, pause, cut off and poison a whole Florin under load, then count (FAULTS="--seed 7 --verbose")
	@scripts/setup test
	@scripts/faults.py $(FAULTS)

.PHONY: faults-long
faults-long: ## the same for half an hour and longer: 100,000 events and 1,000 kills at least
	@scripts/setup test
	@scripts/faults.py --seconds 1200 --kills 1000 --pauses 20 --cuts 40 --alarms 6 --crash-rounds 6 --users 12 --rate 14 \
		--events 100000 --drain 900 --trouble long $(FAULTS)

.PHONY: rolling-restart
rolling-restart: ## restart every process in turns under load, 100,000 requests, not one may fail (ROLLING="--requests 5000")
	@scripts/setup test
	@scripts/rolling_restart.py --balancers nginx haproxy --notice 3 $(ROLLING)
	@scripts/rolling_restart.py --services 1 --gateways 1 $(ROLLING)
