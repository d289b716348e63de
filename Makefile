SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: screenshots bench check demo deps help image lint pages run test

PYTHON := .venv/bin/python

demo: deps ## the main job on an embedded database, sandbox providers and sinks (ARGS="…" to pass options)
	swift build --product tokenward
	.build/debug/tokenward demo $(ARGS)

run: deps ## start the service with its own database in the data directory (ARGS="…")
	swift build --product tokenward
	.build/debug/tokenward serve $(ARGS)

test: deps .venv/installed ## all tests, with a throw-away PostgreSQL and the Python peers
	swift build --build-tests
	Tests/with-postgres.sh Tests/run-suites.sh $(ARGS)

lint: ## the formatter's findings are errors
	swift format lint --strict -r -p Sources Tests Package.swift

check: lint deps ## what a change must pass: lint, imports as declared, all tests, the reference documentation
	swift build --build-tests --explicit-target-dependency-import-check error
	$(MAKE) test
	Tests/build-documentation.sh

pages: deps ## write the tables of docs/ that the code makes
	UPDATE_PAGES=1 swift test --filter ArchitectureTests

screenshots: deps .venv/installed ## docs/screenshots: every page, phone and desktop, light and dark
	rm -rf .build/pages && mkdir -p .build/pages
	PAGES_DIRECTORY=$(CURDIR)/.build/pages swift test --filter "^ReauthorizationTests\.GalleryTests"
	$(PYTHON) Tests/Peers/screenshots.py .build/pages docs/screenshots

bench: deps ## measure: refreshes and requests a second on this machine
	swift build -c release --product tokenward
	TOKENWARD_TEST_FSYNC=on Tests/with-postgres.sh Tests/Bench/run $(ARGS)

image: ## the container image, tokenward:latest
	docker build -t tokenward:latest .

deps: ## install the system packages that are missing
	@Tests/install-packages.sh

.venv/installed: Tests/Peers/requirements.txt
	/usr/bin/python3 -m venv .venv
	$(PYTHON) -m pip install --quiet --requirement Tests/Peers/requirements.txt
	@touch $@

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
