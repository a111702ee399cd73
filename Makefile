# Two commands for everybody: `make demo` shows the main job, `make test` proves it. Both install what they need.
SHELL := /bin/bash
PYTHON := .venv/bin/python
STAMP := .venv/.ready

.PHONY: demo test test-boot rpm deb srpm lint bench docs goldens clean host

demo:
	@python3 -m tests.demo

test:
	@python3 -m tests

# Real machines under qemu, watched from power-on to power-off; `ARGS=--quick` is the part that CI runs.
test-boot: host $(STAMP)
	tests/boot/install-host
	$(PYTHON) -m tests.boot $(ARGS)

# An image by packer, of the stand-in for CentOS, and its machines looked at by testinfra. ARGS="--only build" bakes alone.
image: host $(STAMP)
	tests/image/install-host
	$(PYTHON) -m tests.image $(ARGS)

# Packages, in dist/: an RPM for each EL, and a .deb. No network is needed but for the tools, which are installed first.
rpm:
	packaging/install-host rpm
	packaging/build.py rpm

# What mock and COPR take.
srpm:
	packaging/install-host rpm
	packaging/build.py srpm

deb:
	packaging/install-host deb
	packaging/build.py deb

lint: $(STAMP)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/mypy packer/build packer/bake/evidence.py

bench: host $(STAMP)
	$(PYTHON) -m tests.bench

# Made from the sources; a test fails when they are stale.
docs: $(STAMP)
	$(PYTHON) -m docs.generate

goldens: $(STAMP)
	$(PYTHON) -m tests.cases.regenerate

$(STAMP): setup.cfg setup.py
	tests/install-host python
	python3 -m venv .venv
	.venv/bin/python -m pip install --quiet --config-settings editable_mode=compat --editable '.[test]'
	touch $@

# Debian packages that the tests and the demo use. None of them changes how this machine boots or filters.
host:
	tests/install-host test

clean:
	rm -rf .cache .venv dist *.egg-info
