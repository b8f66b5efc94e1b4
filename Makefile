# All there is to run. Needs make, a POSIX shell and Python 3.11 or newer; everything else goes into .venv.

VENV := .venv
BIN := $(VENV)/bin
PYTHONS := python3 python3.13 python3.12 python3.11
export WSEVENTS_STATE ?= $(CURDIR)/.state
# For the tests: a real RabbitMQ, a real browser with its driver, real proxies, promtool, Node, and what compiles the load
# generator of bench/.
test: PROGRAMS := rabbitmq-server chromium chromedriver haproxy nginx promtool cc node npm
test: FILES := /usr/include/openssl/ssl.h
test: PACKAGES := rabbitmq-server chromium chromium-driver haproxy nginx-light prometheus gcc libc6-dev libssl-dev nodejs npm
# For the Debian package: what debian/control asks for, with Debian's own Python, whatever else is on the PATH.
BUILD_PROGRAMS := dh dpkg-buildpackage cc
BUILD_FILES := $(addprefix /usr/lib/python3/dist-packages/,pip setuptools wheel)
BUILD_PACKAGES := debhelper dpkg-dev build-essential python3 python3-pip python3-setuptools python3-wheel
deb wheels: PROGRAMS := $(BUILD_PROGRAMS)
deb wheels: FILES := $(BUILD_FILES)
deb wheels: PACKAGES := $(BUILD_PACKAGES)
# For its tests: what looks at it, and a Debian to install it in, with its systemd.
test: PROGRAMS += $(BUILD_PROGRAMS) lintian debootstrap systemd-analyze systemd-nspawn nsenter curl openssl man mandoc
test: FILES += $(BUILD_FILES)
test: PACKAGES += $(BUILD_PACKAGES) lintian debootstrap systemd systemd-container util-linux curl openssl man-db mandoc
# For the measures: RabbitMQ and the load generator again, and what is compared with.
bench: PROGRAMS := rabbitmq-server nginx cc
bench: FILES := /usr/include/openssl/ssl.h /usr/lib/nginx/modules/ngx_nchan_module.so
bench: PACKAGES := rabbitmq-server nginx-light libnginx-mod-nchan gcc libc6-dev libssl-dev

# All that it is built from; the files of requirements.lock are fetched before, so that building takes no network.
SOURCES := wsevents twisted etc debian docs setup.cfg pyproject.toml requirements.lock README.md CHANGELOG.md SECURITY.md LICENSE
DEB := $(CURDIR)/build/deb
WHEELS := $(CURDIR)/build/wheels

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
.PHONY: help run test lint bench deb wheels lock docs clean packages

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

docs: $(VENV)/.installed-docs ## the documentation as a site, in build/docs, with what its pages have from the code brought up to date
	@echo "== Writing what the pages have from the code, and making the site =="
	$(BIN)/python -m docs
	$(BIN)/python -m sphinx -q -W --keep-going -d build/doctrees -c docs . build/docs
	@echo "Open build/docs/index.html"

deb: packages $(WHEELS)/.fetched ## the Debian package, into dist/
	@echo "== Building the package from a copy in $(DEB) =="
	rm -rf $(DEB) && mkdir -p $(DEB)/wsevents dist
	tar -c --exclude=__pycache__ --exclude=dropin.cache $(SOURCES) | tar -x -C $(DEB)/wsevents
	cd $(DEB)/wsevents && WHEELS=$(WHEELS) dpkg-buildpackage --build=binary --no-sign
	mv $(DEB)/wsevents_*.deb dist/
	@echo "== Built: ==" && ls -1 dist/wsevents_"$$(dpkg-parsechangelog -l debian/changelog -S Version)"_*.deb

wheels: packages $(WHEELS)/.fetched

lock: $(VENV)/.made ## requirements.lock anew: newest versions that setup.cfg allows, with their hashes
	$(PIP) --quiet 'pip-tools >= 7.6.2'
	@echo "== Looking up what wsevents requires =="
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/python -m piptools compile --quiet --upgrade --generate-hashes \
	    --allow-unsafe --strip-extras --no-annotate --no-emit-options --output-file requirements.lock setup.cfg

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
	$(PIP) --editable '.[test,lint,bench,docs]'
	@touch $@ $(VENV)/.installed $(VENV)/.installed-docs

$(NODE)/node_modules/.installed: $(NODE)/package.json $(NODE)/package-lock.json | packages
	@echo "== Installing what tests in Node need into $(NODE)/node_modules =="
	cd $(NODE) && npm ci
	@touch $@

$(VENV)/.installed-docs: setup.cfg pyproject.toml | $(VENV)/.made
	@echo "== Installing wsevents, what it needs, and what makes a site of its documentation into $(VENV) =="
	$(PIP) --editable '.[docs]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: setup.cfg pyproject.toml | $(VENV)/.made
	@echo "== Installing wsevents, what it needs, and what it is compared with into $(VENV) =="
	$(PIP) --editable '.[test,bench]'
	@touch $@ $(VENV)/.installed

# With Debian's Python and pip, as they have to suit that.
$(WHEELS)/.fetched: requirements.lock | packages
	@echo "== Fetching what is in requirements.lock into $(WHEELS) =="
	rm -rf $(WHEELS)
	/usr/bin/python3 -m pip --disable-pip-version-check download --no-deps --no-build-isolation --require-hashes \
	    --dest $(WHEELS) --requirement requirements.lock
	@touch $@
