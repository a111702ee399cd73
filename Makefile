# `make help` lists the commands. Each installs what it needs, on a Debian machine, as root.
SHELL := /bin/bash
PYTHON := .venv/bin/python
STAMP := .venv/.ready
.DEFAULT_GOAL := help

# Folders of tests; `attack`, `boot` and `demo` are ARGS of `make test`, for these names are taken.
LAYERS := unit command kernel safety cloudinit neighbours packages packer web

.PHONY: help demo test test-boot test-neighbours test-attack image bench lint generate rpm srpm deb site release host clean $(LAYERS)

## For everybody

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
	    /^## / { printf "\n%s\n", substr($$0, 4) } \
	    /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## show the main job on a throw-away machine, in a minute
	@python3 -m tests.demo

test: ## prove it: every test that this computer lets run; ARGS= for pytest
	@python3 -m tests $(ARGS)

## For who changes it

lint: $(STAMP) ## ruff, mypy and shellcheck over everything
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/mypy packer/build packer/bake/evidence.py
	git ls-files -z | xargs -0 awk 'FNR == 1 && /^#! ?\/.*[\/ ](ba|da)?sh( |$$)/ { print FILENAME } { nextfile }' \
	    | xargs .venv/bin/shellcheck

generate: $(STAMP) ## schema, goldens, reference pages, shown text; ARGS=--all for what a machine says, as root
	$(PYTHON) -m tools.generate $(ARGS)

bench: host $(STAMP) ## how fast it is beside others, as ratios; ARGS="apply --size 1000" for a part
	$(PYTHON) -m tests.bench $(ARGS)

## One layer of the tests, of those in tests/README.md; ARGS= for pytest

unit: ## policies, rules, texts, schema, pages: functions alone
command: ## the command as a process: where it runs, what it costs
kernel: ## case folders: each packet at this kernel, with nft and both kinds of iptables
safety: ## the engine killed, filled up, locked and lied to
cloudinit: ## four cloud-inits boot, with a policy in their user-data
neighbours: ## Docker, fail2ban, CrowdSec, ipset: their rules beside ours
packages: ## RPM, .deb and wheels, installed, upgraded and removed
packer: ## the bake without its boot, and the fleet suite
web: ## workflows, the site and its builder, in Chromium
$(LAYERS):
	@python3 -m tests $@ $(ARGS)

## Machines

test-neighbours: ## programs of others in every order and with every backend; `make test` has the first of each
	VPS_FIREWALL_NEIGHBOURS=all python3 -m tests neighbours $(ARGS)

test-boot: host $(STAMP) ## guests under qemu, watched from power-on to power-off; ARGS=--quick as CI, GUEST=image.qcow2
	tests/boot/install-host
	$(PYTHON) -m tests.boot $(if $(GUEST),--image $(GUEST)) $(ARGS)

test-attack: host $(STAMP) ## scans, disguises and spoilt user-data, then floods, on an idle machine; ARGS="TABLE RATE SECONDS"
	VPS_FIREWALL_ATTACK=all python3 -m tests attack
	$(PYTHON) -m tests.attack $(ARGS)

image: host $(STAMP) ## an image by packer, and its machines looked at by the fleet suite; ARGS="--only build" bakes alone
	tests/image/install-host
	$(PYTHON) -m tests.image $(ARGS)

## Packages, in dist/, without a network but for the tools

rpm: ## an RPM for each EL
	packaging/install-host rpm
	packaging/build.py rpm

srpm: ## what mock and COPR take
	packaging/install-host rpm
	packaging/build.py srpm

deb: ## for Debian
	packaging/install-host deb
	packaging/build.py deb

site: $(STAMP) site/node_modules/.ready ## the pages, and the page that builds a policy, in dist/site
	$(PYTHON) -m tools.site

release: $(STAMP) site/node_modules/.ready ## all files of a release in dist/release, built twice and compared
	packaging/install-host
	$(PYTHON) -m tools.release $(ARGS)

## What the others use

$(STAMP): setup.cfg setup.py
	tests/install-host python
	python3 -m venv .venv
	.venv/bin/python -m pip install --quiet --config-settings editable_mode=compat --editable '.[test]'
	touch $@

site/node_modules/.ready: site/package-lock.json
	tests/install-host site
	cd site && npm ci --silent --ignore-scripts --no-audit --no-fund
	touch $@

host: ## Debian packages of tests and demo; none changes how this machine boots or filters
	tests/install-host test

clean: ## remove the environment, and roots of suites that were made
	rm -rf .cache .venv dist site/node_modules *.egg-info
