# Tasks of development; `make help` lists them. Needs make, a POSIX shell and Python 3.11 or newer; the rest is installed
# into .venv.

VENV := .venv
BIN := $(VENV)/bin
PYTHONS := python3 python3.13 python3.12 python3.11
export WSEVENTS_STATE ?= $(CURDIR)/.state
# What each target needs: the name of a program or the path of a file, a colon, and its Debian package.
HEADERS := cc:gcc /usr/include/stdlib.h:libc6-dev /usr/include/openssl/ssl.h:libssl-dev
# For the tests: RabbitMQ, a browser with its driver, proxies, promtool, Node, and a compiler for bench/load.c.
NEEDED_test := rabbitmq-server:rabbitmq-server chromium:chromium chromedriver:chromium-driver haproxy:haproxy \
    nginx:nginx-light promtool:prometheus curl:curl openssl:openssl node:nodejs npm:npm $(HEADERS)
# For the Debian package: the build dependencies of debian/control, with Debian's own Python.
DIST_PACKAGES := /usr/lib/python3/dist-packages
NEEDED_deb := dh:debhelper dpkg-buildpackage:dpkg-dev /usr/share/build-essential/list:build-essential /usr/bin/python3:python3 \
    $(DIST_PACKAGES)/pip:python3-pip $(DIST_PACKAGES)/setuptools:python3-setuptools $(DIST_PACKAGES)/wheel:python3-wheel
# For the tests of the package: programs that check it, and programs that make a Debian system with systemd to install it in.
NEEDED_package := $(NEEDED_deb) lintian:lintian debootstrap:debootstrap systemd-analyze:systemd systemd-nspawn:systemd-container \
    nsenter:util-linux man:man-db mandoc:mandoc openssl:openssl
# For the benchmark: RabbitMQ, the load generator's compiler, and nginx with Nchan as the reference.
NEEDED_bench := rabbitmq-server:rabbitmq-server nginx:nginx-light $(HEADERS) \
    /usr/lib/nginx/modules/ngx_nchan_module.so:libnginx-mod-nchan
NEEDED := $(addprefix packages-,test deb package bench)

# The sources of the Debian package. The files of requirements.lock are downloaded first, so the build needs no network.
SOURCES := wsevents twisted etc debian docs contrib setup.cfg pyproject.toml requirements.lock README.md CHANGELOG.md SECURITY.md LICENSE
DEB := $(CURDIR)/build/deb
WHEELS := $(CURDIR)/build/wheels

# The folder of the tests in Node. package-lock.json has the versions; npm's configuration selects the registry.
NODE := tests/node

PIP := $(BIN)/python -m pip install --disable-pip-version-check
# As root on Debian, make installs the missing packages; otherwise it prints their names.
CAN_INSTALL := [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null
# Wait for another running apt. Continue if the update fails: the unreachable source may not be needed.
APT := DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300
INSTALL = { $(APT) update || echo "apt-get update failed; continuing with the package lists on disk."; \
    $(APT) install -y --no-install-recommends $(1); }

# The first Python that is new enough and can create an environment (Debian's needs python3-venv for that).
SUITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
FIND := for python in $(or $(PYTHON),$(PYTHONS)); do "$$python" -c "$(SUITS)" 2>/dev/null && echo "$$python" && break; done

# All tests run in two processes. With ARGS, one process is used, which starts faster; override it with ARGS="-n 2 tests/buses".
PARALLEL := -n 2
# Let Python write .pyc files: the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-nightly test-package lint bench deb wheels lock docs clean $(NEEDED)

help: ## print this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1 /p' Makefile | while read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

run: $(VENV)/.installed ## start the gateway with made-up events; it prints its address and credentials
	@echo "== Starting the gateway; Ctrl-C stops it =="
	@exec $(BIN)/twistd --nodaemon --pidfile= wsevents

test: packages-test $(VENV)/.installed-test $(NODE)/node_modules/.installed ## install what the tests need, and run all tests except those of the Debian package (ARGS=… for pytest)
	@echo "== Running the tests =="
	$(BIN)/python -m pytest $(or $(ARGS),$(PARALLEL))

test-nightly: export HYPOTHESIS_PROFILE := nightly
test-nightly: test ## run the same tests with twenty times as many examples of each property

test-package: packages-package $(VENV)/.installed-test ## test the Debian package: build, install, run, upgrade, purge (as root)
	@echo "== Testing the Debian package =="
	$(BIN)/python -m pytest tests/debian

lint: $(VENV)/.installed-test ## check style, types and English
	@echo "== Checking style, types and English =="
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=. $(BIN)/mypy
	$(BIN)/python tools/check_english.py

bench: packages-bench $(VENV)/.installed-bench ## install what the benchmark needs, and run all measures (ARGS=… for some)
	@echo "== Running the benchmark =="
	$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/.installed-docs ## update the generated parts of the documentation, and build it as a website in build/docs
	@echo "== Updating the generated parts and building the website =="
	$(BIN)/python -m docs
	$(BIN)/python -m sphinx -q -W --keep-going -d build/doctrees -c docs . build/docs
	@echo "Open build/docs/index.html"

deb: packages-deb $(WHEELS)/.fetched ## build the Debian package in dist/
	@echo "== Building the package from a copy in $(DEB) =="
	rm -rf $(DEB) && mkdir -p $(DEB)/wsevents dist
	tar -c --exclude=__pycache__ --exclude=dropin.cache $(SOURCES) | tar -x -C $(DEB)/wsevents
	cd $(DEB)/wsevents && WHEELS=$(WHEELS) dpkg-buildpackage --build=binary --no-sign
	mv $(DEB)/wsevents_*.deb dist/
	@echo "== Built: ==" && ls -1 dist/wsevents_"$$(dpkg-parsechangelog -l debian/changelog -S Version)"_*.deb

wheels: packages-deb $(WHEELS)/.fetched

lock: $(VENV)/.made ## update requirements.lock to the newest versions that setup.cfg allows, with hashes
	$(PIP) --quiet 'pip-tools >= 7.6.2'
	@echo "== Resolving the requirements of wsevents =="
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/python -m piptools compile --quiet --upgrade --generate-hashes \
	    --allow-unsafe --strip-extras --no-annotate --no-emit-options --output-file requirements.lock setup.cfg

clean: ## remove all generated files
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
	echo "== Missing:$$missing =="; \
	if $(CAN_INSTALL); then $(call INSTALL,$$packages); else \
	    echo "Install these Debian packages and try again:$$packages"; exit 1; \
	fi

$(VENV)/.made:
	@python="$$($(FIND))"; \
	if [ -z "$$python" ] && $(CAN_INSTALL); then \
	    echo "== Installing python3 and python3-venv =="; \
	    $(call INSTALL,python3 python3-venv) || exit 1; \
	    python="$$($(FIND))"; \
	fi; \
	if [ -z "$$python" ]; then \
	    echo "wsevents needs Python 3.11 or newer with the venv module (Debian packages: python3 and python3-venv)."; \
	    echo "To select another Python: make PYTHON=/path/of/python"; exit 1; \
	fi; \
	echo "== Creating the environment $(VENV) with $$("$$python" --version) =="; \
	"$$python" -m venv $(VENV) && touch $@

# setup.cfg has the requirements: when it changes, they are installed again.
$(VENV)/.installed: setup.cfg pyproject.toml | $(VENV)/.made
	@echo "== Installing wsevents with its requirements into $(VENV) =="
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: setup.cfg pyproject.toml | $(VENV)/.made
	@echo "== Installing wsevents with its requirements and those of the tests into $(VENV) =="
	$(PIP) --editable '.[test,lint,bench,docs]'
	@touch $@ $(VENV)/.installed $(VENV)/.installed-docs

$(NODE)/node_modules/.installed: $(NODE)/package.json $(NODE)/package-lock.json | packages-test
	@echo "== Installing the requirements of the tests in Node into $(NODE)/node_modules =="
	cd $(NODE) && npm ci
	@touch $@

$(VENV)/.installed-docs: setup.cfg pyproject.toml | $(VENV)/.made
	@echo "== Installing wsevents with its requirements and those of the documentation into $(VENV) =="
	$(PIP) --editable '.[docs]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: setup.cfg pyproject.toml | $(VENV)/.made
	@echo "== Installing wsevents with its requirements and those of the benchmark into $(VENV) =="
	$(PIP) --editable '.[test,bench]'
	@touch $@ $(VENV)/.installed

# Use Debian's Python and pip: the wheels must fit the Python that the package runs with.
$(WHEELS)/.fetched: requirements.lock | packages-deb
	@echo "== Downloading the files of requirements.lock into $(WHEELS) =="
	rm -rf $(WHEELS)
	/usr/bin/python3 -m pip --disable-pip-version-check download --no-deps --no-build-isolation --require-hashes \
	    --dest $(WHEELS) --requirement requirements.lock
	@touch $@
