# All there is to run. Needs make, a POSIX shell and Python 3.11 or newer; everything else goes into .venv.

VENV := .venv
BIN := $(VENV)/bin
PYTHONS := python3 python3.13 python3.12 python3.11
export WSEVENTS_STATE ?= $(CURDIR)/.state
# What a target needs of Debian: a program or a file, and after the colon the package that has it.
HEADERS := cc:gcc /usr/include/stdlib.h:libc6-dev /usr/include/openssl/ssl.h:libssl-dev
# For the tests: a real RabbitMQ, a real browser with its driver, real proxies, promtool, Node, and a compiler for the load
# generator of bench/.
NEEDED_test := rabbitmq-server:rabbitmq-server chromium:chromium chromedriver:chromium-driver haproxy:haproxy \
    nginx:nginx-light promtool:prometheus curl:curl openssl:openssl node:nodejs npm:npm $(HEADERS)
# For the Debian package: the build dependencies of debian/control, with Debian's own Python.
DIST_PACKAGES := /usr/lib/python3/dist-packages
NEEDED_deb := dh:debhelper dpkg-buildpackage:dpkg-dev /usr/share/build-essential/list:build-essential /usr/bin/python3:python3 \
    $(DIST_PACKAGES)/pip:python3-pip $(DIST_PACKAGES)/setuptools:python3-setuptools $(DIST_PACKAGES)/wheel:python3-wheel
# For the tests of the package: programs that check it, and a Debian with systemd to install it in.
NEEDED_package := $(NEEDED_deb) lintian:lintian debootstrap:debootstrap systemd-analyze:systemd systemd-nspawn:systemd-container \
    nsenter:util-linux man:man-db mandoc:mandoc openssl:openssl
# For the measures: RabbitMQ, the load generator, and the servers of the comparison.
NEEDED_bench := rabbitmq-server:rabbitmq-server nginx:nginx-light $(HEADERS) \
    /usr/lib/nginx/modules/ngx_nchan_module.so:libnginx-mod-nchan
NEEDED := $(addprefix packages-,test deb package bench)

# All that it is built from; the files of requirements.lock are fetched before, so that building takes no network.
SOURCES := wsevents twisted etc debian docs contrib setup.cfg pyproject.toml requirements.lock README.md CHANGELOG.md SECURITY.md LICENSE
DEB := $(CURDIR)/build/deb
WHEELS := $(CURDIR)/build/wheels

# What programs in Node need, of the versions that its package-lock.json has; where from is for npm's own configuration.
NODE := tests/node

PIP := $(BIN)/python -m pip install --disable-pip-version-check
# As root on Debian, make installs the missing packages; anybody else gets their names.
CAN_INSTALL := [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null
# A source that cannot be reached may not be the one that is needed; and another apt may be at work.
APT := DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300
INSTALL = { $(APT) update || echo "apt-get update failed; going on with what is known."; \
    $(APT) install -y --no-install-recommends $(1); }

# The first Python that is new enough and can make an environment (Debian's cannot without python3-venv).
SUITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
FIND := for python in $(or $(PYTHON),$(PYTHONS)); do "$$python" -c "$(SUITS)" 2>/dev/null && echo "$$python" && break; done

# All tests run in two processes. Some tests (ARGS) run in one, which starts sooner; ARGS="-n 2 tests/buses" says otherwise.
PARALLEL := -n 2
# Python keeps what it compiles: the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-nightly test-package lint bench deb wheels lock docs clean $(NEEDED)

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1 /p' Makefile | while read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

run: $(VENV)/.installed ## start the gateway with made-up events; it prints address and credentials
	@echo "== Starting; Ctrl-C stops it =="
	@exec $(BIN)/twistd --nodaemon --pidfile= wsevents

test: packages-test $(VENV)/.installed-test $(NODE)/node_modules/.installed ## everything needed for the tests, then all but those of the Debian package (ARGS=… for pytest)
	@echo "== Running the tests =="
	$(BIN)/python -m pytest $(or $(ARGS),$(PARALLEL))

test-nightly: export HYPOTHESIS_PROFILE := nightly
test-nightly: test ## the same with twenty times as many examples of each property

test-package: packages-package $(VENV)/.installed-test ## build, install, run, upgrade and purge the Debian package (as root)
	@echo "== Trying the Debian package =="
	$(BIN)/python -m pytest tests/debian

lint: $(VENV)/.installed-test ## style, types, and English
	@echo "== Checking style and types =="
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=. $(BIN)/mypy
	$(BIN)/python tools/check_english.py

bench: packages-bench $(VENV)/.installed-bench ## everything needed for the measures, and then all of them (ARGS=… for some)
	@echo "== Measuring =="
	$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/.installed-docs ## the documentation as a site, in build/docs, with what its pages have from the code brought up to date
	@echo "== Writing what the pages have from the code, and making the site =="
	$(BIN)/python -m docs
	$(BIN)/python -m sphinx -q -W --keep-going -d build/doctrees -c docs . build/docs
	@echo "Open build/docs/index.html"

deb: packages-deb $(WHEELS)/.fetched ## the Debian package, into dist/
	@echo "== Building the package from a copy in $(DEB) =="
	rm -rf $(DEB) && mkdir -p $(DEB)/wsevents dist
	tar -c --exclude=__pycache__ --exclude=dropin.cache $(SOURCES) | tar -x -C $(DEB)/wsevents
	cd $(DEB)/wsevents && WHEELS=$(WHEELS) dpkg-buildpackage --build=binary --no-sign
	mv $(DEB)/wsevents_*.deb dist/
	@echo "== Built: ==" && ls -1 dist/wsevents_"$$(dpkg-parsechangelog -l debian/changelog -S Version)"_*.deb

wheels: packages-deb $(WHEELS)/.fetched

lock: $(VENV)/.made ## requirements.lock anew: newest versions that setup.cfg allows, with their hashes
	$(PIP) --quiet 'pip-tools >= 7.6.2'
	@echo "== Looking up what wsevents requires =="
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/python -m piptools compile --quiet --upgrade --generate-hashes \
	    --allow-unsafe --strip-extras --no-annotate --no-emit-options --output-file requirements.lock setup.cfg

clean: ## remove everything that was made here
	rm -rf $(VENV) $(NODE)/node_modules .state build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f twisted/plugins/dropin.cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(NEEDED): packages-%:
	@missing=""; packages=""; for need in $(NEEDED_$*); do \
	    what="$${need%%:*}"; \
	    case "$$what" in \
	        /*) [ -e "$$what" ];; \
	        *) PATH="$$PATH:/usr/sbin:/sbin" command -v "$$what" >/dev/null;; \
	    esac || { missing="$$missing $$what"; packages="$$packages $${need#*:}"; }; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	echo "== Also needed:$$missing =="; \
	if $(CAN_INSTALL); then $(call INSTALL,$$packages); else \
	    echo "Install these packages of Debian and try again:$$packages"; exit 1; \
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

$(NODE)/node_modules/.installed: $(NODE)/package.json $(NODE)/package-lock.json | packages-test
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
$(WHEELS)/.fetched: requirements.lock | packages-deb
	@echo "== Fetching what is in requirements.lock into $(WHEELS) =="
	rm -rf $(WHEELS)
	/usr/bin/python3 -m pip --disable-pip-version-check download --no-deps --no-build-isolation --require-hashes \
	    --dest $(WHEELS) --requirement requirements.lock
	@touch $@
