# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0

PREFIX ?= /usr/local
# Debian's, because pytest and aiosmtpd are Debian packages; and it leaves nothing behind in the tree.
PYTHON := /usr/bin/python3 -B
BINARIES ?= .build/release
# For programs of another kind of machine, or with what debuggers want: make install STRIP=
STRIP ?= -s
ROUNDS ?= 100
SECONDS ?= 60
# systemd looks for units, users and directories under /usr and under /usr/local.
UNITS = $(DESTDIR)$(PREFIX)/lib/systemd/system
# Where the programs look for them: beside the directory that they lie in.
SHARE = $(DESTDIR)$(PREFIX)/share/postern
# What a release is built with (decisions 98 and 99): no library looks into the program, no access is checked while it runs,
# and functions that run lie together.
RELEASE := swift build -c release --static-swift-stdlib -Xswiftc -use-ld=lld \
	-Xlinker --no-export-dynamic -Xlinker -z -Xlinker pack-relative-relocs \
	-Xswiftc -enforce-exclusivity=unchecked -Xswiftc -Xfrontend -Xswiftc -function-sections \
	-Xlinker --symbol-ordering-file=$(CURDIR)/scripts/link-order.txt -Xlinker --no-warn-symbol-ordering

BUILD_PACKAGES := g++ libedit-dev libssl-dev libsystemd-dev libtomlplusplus-dev pkg-config
# swaks does TLS through libnet-ssleay-perl, which it only recommends.
# Net::SMTP is Perl's own; TLS and logins come to it by the Perl packages, and so they do to git send-email.
TEST_PACKAGES := curl gcc git-email libauthen-sasl-perl libio-socket-ssl-perl libmailtools-perl libnet-ssleay-perl \
	libphp-phpmailer msmtp mutt openssl pflogsumm php-cli procps python3 python3-aiosmtpd python3-cryptography \
	python3-pexpect python3-pytest s-nail swaks systemd util-linux

SEEDS ?= 1000
SIMULATOR := .build/release/postern-simulate

.DEFAULT_GOAL := help
.PHONY: build run test simulate fuzz coverage mutation-test crash-test check bench memory-bench link-order install clean help

build: ## install missing Debian packages, build the release binaries
	@scripts/install-missing $(BUILD_PACKAGES)
	$(RELEASE)

run: build ## run a demo on loopback 2587 and 2465: demo user, demo certificate, mail captured under .build/demo
	@scripts/install-missing curl openssl swaks libnet-ssleay-perl
	@scripts/demo

test: build ## run every test: units and simulator, then the release binaries against real clients and upstreams
	@scripts/install-missing $(TEST_PACKAGES)
	@scripts/unpack-postfix-tools
	@scripts/unpack-mail-servers
	swift test
	$(SIMULATOR) --seeds 3000
	$(SIMULATOR) --flips 1000
	$(PYTHON) -m pytest -p no:cacheprovider -W ignore Tests/Style Tests/EndToEnd

simulate: ## play SEEDS seeds of the simulation on all processors; a failing one is printed with all that happens
	@scripts/install-missing $(BUILD_PACKAGES)
	$(RELEASE) --product postern-simulate
	$(SIMULATOR) --seeds $(SEEDS)

fuzz: ## SECONDS for each reader of foreign octets under libFuzzer, and seeded dialogues held to a reference model
	@scripts/install-missing $(BUILD_PACKAGES) python3
	scripts/fuzz --seconds $(SECONDS) $(TARGETS)

coverage: ## lines of the log and the queue that their own tests run
	@scripts/install-missing $(BUILD_PACKAGES) python3
	swift test --enable-code-coverage --filter 'WALTests|QueueTests'
	scripts/coverage "$$(swift test --show-codecov-path)" Sources/WAL Sources/Queue

mutation-test: ## make each seeded fault in turn, in a build of its own, and see that the harness catches it
	@scripts/install-missing $(BUILD_PACKAGES) python3
	scripts/mutation-test

crash-test: build ## kill the daemon ROUNDS times under load and hold it to every 250; with FAULTS=1 the disk fails too
	@scripts/install-missing $(TEST_PACKAGES)
	$(PYTHON) Tests/CrashTest/crash.py $(ROUNDS) $(if $(FAULTS),--faults)

check: ## format lint, warnings as errors, the rules of the house
	@scripts/install-missing $(BUILD_PACKAGES) python3
	swift format lint -s -r Package.swift Sources Tests Benchmarks
	swift build --build-tests
	$(PYTHON) Tests/Style/style.py

bench: build ## the same work for postern and Postfix, one table with budgets, 45 minutes; BENCH=--quick for a look
	@scripts/install-missing gcc git libssl-dev openssl python3 python3-aiosmtpd util-linux
	@scripts/unpack-mail-servers
	$(PYTHON) Benchmarks/bench.py $(BENCH)
	$(BINARIES)/micro-bench

memory-bench: build ## memory with 5,000 sessions, 500 of them halfway through 25 MB, and with 5,000 slow ones; a good client beside them
	@scripts/install-missing openssl python3
	$(PYTHON) Benchmarks/memory.py

link-order: build ## write anew in which order the functions of a release lie; before a release, and after another compiler
	@scripts/install-missing openssl python3 python3-aiosmtpd valgrind
	scripts/link-order >.build/link-order.txt
	mv .build/link-order.txt scripts/link-order.txt

install: build ## install to $(DESTDIR)$(PREFIX), stripped, units for systemd too
	install -D $(STRIP) -m 755 $(BINARIES)/posternd $(DESTDIR)$(PREFIX)/sbin/posternd
	install -D $(STRIP) -m 755 $(BINARIES)/postern $(DESTDIR)$(PREFIX)/bin/postern
	install -D -m 644 etc/postern.toml $(DESTDIR)$(PREFIX)/share/doc/postern/examples/postern.toml
	install -d $(SHARE)/providers $(SHARE)/explain
	install -m 644 etc/providers/*.toml $(SHARE)/providers
	install -m 644 etc/explain/*.toml $(SHARE)/explain
	install -d $(UNITS)
	install -m 644 systemd/*.socket $(UNITS)
	sed 's,/usr/\(s\?bin\)/,$(PREFIX)/\1/,' systemd/postern.service >$(UNITS)/postern.service
	install -D -m 644 systemd/postern.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/postern.conf
	install -D -m 644 systemd/postern.catalog $(DESTDIR)$(PREFIX)/lib/systemd/catalog/postern.catalog
	install -D -m 644 systemd/postern.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/postern.conf

clean: ## remove what was built; demo and tools too
	rm -rf .build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
