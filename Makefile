# All there is to run. Needs make, a POSIX shell and Python 3.11 or newer; everything else goes into .venv.

VENV := .venv
BIN := $(VENV)/bin
PYTHONS := python3 python3.13 python3.12 python3.11
export WSEVENTS_STATE ?= $(CURDIR)/.state
# For the tests: a real RabbitMQ, a real browser with its driver, a real load balancer, promtool, Node, and what compiles the load
# generator of bench/.
test: PROGRAMS := rabbitmq-server chromium chromedriver haproxy promtool cc node npm
test: FILES := /usr/include/openssl/ssl.h
test: PACKAGES := rabbitmq-server chromium chromium-driver haproxy prometheus gcc libc6-dev libssl-dev nodejs npm
# For the measures: RabbitMQ and the load generator again, and what is compared with.
bench: PROGRAMS := rabbitmq-server nginx cc
bench: FILES := /usr/include/openssl/ssl.h /usr/lib/nginx/modules/ngx_nchan_module.so
bench: PACKAGES := rabbitmq-server nginx-light libnginx-mod-nchan gcc libc6-dev libssl-dev

# What programs in Node need, of the versions that its package-lock.json has; where from is for npm's own configuration.
NODE := tests/node

PIP := $(BIN)/python -m pip install --disable-pip-version-check
# As root on Debian, what is missing is installed; anybody else is told.
CAN_INSTALL := [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null
# A source that cannot be reached may not be the one that is needed; and another apt may be at work.
APT := DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300
INSTALL = { $(APT) update || echo "apt-get update failed; going on with what is known."; \
    $(APT) install -y --no-install-recommends $(1); }

# The first Python that is new enough and can make an environment (Debian's cannot without python3-venv).
SUITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
FIND := for python in $(or $(PYTHON),$(PYTHONS)); do "$$python" -c "$(SUITS)" 2>/dev/null && echo "$$python" && break; done

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint bench clean packages

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1 /p' Makefile | while read -r name text; do printf '  make %-6s %s\n' "$$name" "$$text"; done

run: $(VENV)/.installed ## start the gateway with made-up events; it prints address and credentials
	@echo "== Starting; Ctrl-C stops it =="
	@exec $(BIN)/twistd --nodaemon --pidfile= wsevents

test: packages $(VENV)/.installed-test $(NODE)/node_modules/.installed ## everything needed for the tests, and then all tests (ARGS=… for pytest)
	@echo "== Running the tests =="
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.installed-test ## style and types
	@echo "== Checking style and types =="
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=. $(BIN)/mypy

bench: packages $(VENV)/.installed-bench ## everything needed for the measures, and then all of them (ARGS=… for some)
	@echo "== Measuring =="
	$(BIN)/python -m bench $(ARGS)

clean: ## remove everything that was made here
	rm -rf $(VENV) $(NODE)/node_modules .state build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f twisted/plugins/dropin.cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

packages:
	@missing=""; for program in $(PROGRAMS); do \
	    PATH="$$PATH:/usr/sbin:/sbin" command -v "$$program" >/dev/null || missing="$$missing $$program"; \
	done; \
	for file in $(FILES); do [ -e "$$file" ] || missing="$$missing $$file"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	echo "== Also needed:$$missing =="; \
	if $(CAN_INSTALL); then $(call INSTALL,$(PACKAGES)); else \
	    echo "Install these packages of Debian and try again: $(PACKAGES)"; exit 1; \
	fi

$(VENV)/.made:
	@python="$$($(FIND))"; \
	if [ -z "$$python" ] && $(CAN_INSTALL); then \
	    echo "== Installing python3 and python3-venv =="; \
	    $(call INSTALL,python3 python3-venv) || exit 1; \
	    python="$$($(FIND))"; \
	fi; \
	if [ -z "$$python" ]; then \
	    echo "wsevents needs Python 3.11 or newer with the module venv (Debian: python3 and python3-venv)."; \
	    echo "If you have one under another name: make PYTHON=/path/of/python"; exit 1; \
	fi; \
	echo "== Making the environment $(VENV) with $$("$$python" --version) =="; \
	"$$python" -m venv $(VENV) && touch $@

# The requirements are in setup.cfg: when it changes, they are installed again.
$(VENV)/.installed: setup.cfg pyproject.toml | $(VENV)/.made
	@echo "== Installing wsevents and what it needs into $(VENV) =="
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: setup.cfg pyproject.toml | $(VENV)/.made
	@echo "== Installing wsevents, what it needs, and what its tests need into $(VENV) =="
	$(PIP) --editable '.[test,lint,bench]'
	@touch $@ $(VENV)/.installed

$(NODE)/node_modules/.installed: $(NODE)/package.json $(NODE)/package-lock.json | packages
	@echo "== Installing what tests in Node need into $(NODE)/node_modules =="
	cd $(NODE) && npm ci
	@touch $@

$(VENV)/.installed-bench: setup.cfg pyproject.toml | $(VENV)/.made
	@echo "== Installing wsevents, what it needs, and what it is compared with into $(VENV) =="
	$(PIP) --editable '.[test,bench]'
	@touch $@ $(VENV)/.installed
