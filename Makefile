# make help lists the targets. Only python3 (3.11 or newer, with venv), make and git are needed.
PYTHON  ?= python3
VENV    ?= .venv
BIN     := $(VENV)/bin
PIP     := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --quiet
STAMP   := $(VENV)/.stamp
CODE    := zerodistance benchmarks scripts tests
UPGRADE ?=

# Where it is set, each of the many processes that tests start would compile everything it imports again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test test-full lint docs docs-serve dist shots fuzz splink pins clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null || \
	 sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1  \2/p' $(MAKEFILE_LIST)

$(STAMP)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Zero Distance needs Python 3.11 or newer: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "Python has no venv module here; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(PIP) --quiet uninstall --yes setuptools # Python 3.11 puts it there, 9 MB; nothing of ours is built with it
	@mkdir -p $(STAMP) && touch $@

# Without --no-compile pip writes bytecode for every file, used or not: about 100 MB.
$(STAMP)/base: $(STAMP)/venv requirements/base.txt
	@echo "installing into $(VENV) (a minute or two the first time) ..."
	@$(PIP) install --no-compile --require-hashes -r requirements/base.txt
	@touch $@

$(STAMP)/package: $(STAMP)/base pyproject.toml
	@$(PIP) install --no-compile --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMP)/dev: $(STAMP)/package requirements/dev.txt
	@echo "installing what the checks need ..."
	@$(PIP) install --no-compile --require-hashes -r requirements/dev.txt
	@touch $@

setup: $(STAMP)/package  ## make .venv from the pinned requirements

dev: $(STAMP)/dev  ## the same, and what tests, checks and docs need

demo: setup  ## make the sample city, import all its systems, send a web session, leave the portal running
	@$(BIN)/zerodistance demo

lint: dev  ## ruff, mypy, import-linter
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/ruff format --check --quiet $(CODE)
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports > $(STAMP)/walls.log 2>&1 || { cat $(STAMP)/walls.log; exit 1; }
	@echo "lint: ruff, mypy and import-linter found nothing"

test: lint  ## lint, and every test that Python alone can run; names what it left out
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

test-full: lint  ## everything, long tests too, 500 kills on each store; names what is not installed
	@ZERODISTANCE_TEST_SLOW=1 ZERODISTANCE_KILLS=500 $(BIN)/python -m pytest -q

docs: dev  ## build the documentation into site/, failing on a broken link
	@$(BIN)/python -m scripts.reference
	@$(BIN)/zensical build --clean --strict > $(STAMP)/docs.log 2>&1 || { cat $(STAMP)/docs.log; exit 1; }
	@echo "docs: site/index.html"

docs-serve: dev  ## the same, live on a local address
	@$(BIN)/zensical serve

dist: setup  ## build the wheel and the source archive into dist/, say their sizes and checksums
	@$(BIN)/python -m scripts.dist

shots: dev  ## take the pictures of README.md from the demo, in Chromium
	@$(BIN)/python -m scripts.shots

fuzz: $(STAMP)/venv  ## an environment with the generator of bad requests, for its tests
	@test -x .make/fuzz/bin/python || $(PYTHON) -m venv .make/fuzz
	@.make/fuzz/bin/python -m pip --quiet install --no-compile --require-hashes -r requirements/fuzz.txt

splink: $(STAMP)/venv  ## an environment with the matcher that benchmarks/difficulty.py measures us beside
	@test -x .make/splink/bin/python || $(PYTHON) -m venv .make/splink
	@.make/splink/bin/python -m pip --quiet install --no-compile --require-hashes -r requirements/splink.txt

pins: requirements/*.in pyproject.toml  ## pin the requirements again (UPGRADE=1: newest versions)
	@test -x .make/uv/bin/uv || { $(PYTHON) -m venv .make/uv && .make/uv/bin/pip --quiet install uv; }
	@UV=.make/uv/bin/uv UPGRADE=$(UPGRADE) bash requirements/pin

clean:  ## remove .venv, caches and what was built (never a home folder)
	@rm -rf $(VENV) .make site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	@rm -rf tests/clients/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
