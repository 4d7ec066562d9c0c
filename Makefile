# SPDX-License-Identifier: GPL-2.0
#
# What a person types; "make help" lists it. Each target installs what it needs
# and lacks (tools/setup) and leaves the work to a script under tools/, which
# can be run by itself just as well.
#
#   KVER=6.1|6.12|newest|host   the kernel to build for (or KDIR=its headers)
#   V=1                         show what is run

KVER   ?= newest
PREFIX ?= /usr/local
V      ?= 0

export V KDIR DESTDIR PREFIX

ifeq ($(V),0)
Q := @
MAKEFLAGS += --no-print-directory
sub := $(MAKE) -s
else
Q :=
sub := $(MAKE)
endif

guest := $(CURDIR)/build/guest
.DEFAULT_GOAL := all

.PHONY: all module lib tools guest demo demo-adopt check host-check kunit \
	vm-check debug-check coverage models fuzz mutants soak lint bench \
	bench-host shell docs install clean help

all: module tools ## the module, the library and the tools

module: ## build/module/RELEASE/fixedpool.ko
	$(Q)tools/setup build
	$(Q)tools/module $(KVER)

lib: ## libfixedpool
	$(Q)tools/setup tools
	$(Q)$(sub) -C tools lib

tools: ## libfixedpool, fixedpoolctl, fixedpool-demo
	$(Q)tools/setup tools
	$(Q)$(sub) -C tools all

guest: ## what tests and tools put into the VM: build/guest/
	$(Q)tools/setup guest
	$(Q)$(sub) -C tools guest GUEST=$(guest)
	$(Q)$(sub) -C selftests guest GUEST=$(guest)

demo: ## see it work, in a VM: [FILE=a file to pass through]
	$(Q)tools/setup demo
	$(Q)tools/vm/demo $(if $(FILE),'$(FILE)')

demo-adopt: ## see a killed process's blocks inherited, in a VM
	$(Q)tools/setup demo
	$(Q)tools/vm/demo --adopt

check: ## all tests; the last line counts them
	$(Q)tools/setup check
	$(Q)tools/check

host-check: ## only the tests of the engine in user space
	$(Q)tools/setup host
	$(Q)tools/check host

kunit: ## only the KUnit suites (UML, KASAN)
	$(Q)tools/setup kunit
	$(Q)tools/check kunit

vm-check: ## only the selftests, on each stock kernel
	$(Q)tools/setup guest
	$(Q)tools/check vm-6.1 vm-6.12

debug-check: ## KUnit and the selftests on a debug kernel (KASAN, lockdep, kmemleak)
	$(Q)tools/setup guest
	$(Q)VM_TIMEOUT=$${VM_TIMEOUT:-7200} tools/check debug-kunit debug-atomic vm-debug

coverage: ## what KUnit and selftests reach of the module (report: build/coverage)
	$(Q)tools/coverage

models: ## prove the models of the locking, refute their mutants
	$(Q)tools/setup models
	$(Q)tools/models

fuzz: ## the fuzzers in user space, some minutes
	$(Q)selftests/fuzz/run

mutants: ## break the code in small ways; each has to fail a test
	$(Q)tools/mutants

soak: ## for hours: fuzz, race, pin, fault, kill, unload, chaos [PERCENT=100]
	$(Q)tools/setup check
	$(Q)tools/soak $(PERCENT)

lint: ## all static checks
	$(Q)tools/setup lint
	$(Q)tools/lint

bench: ## measure everything against its targets and its peers (10 minutes)
	$(Q)tools/setup bench
	$(Q)tools/bench/run

bench-host: ## the same on this machine's kernel, with the module loaded
	$(Q)tools/setup bench
	$(Q)tools/bench/host

shell: ## a shell in a VM with the module loaded
	$(Q)tools/setup guest
	$(Q)tools/vm/run --kernel $(KVER) --shell

docs: ## docs/uapi.rst, from the uapi header
	$(Q)tools/setup docs
	$(Q)tools/docs

install: tools ## module, library, tools, their settings [DESTDIR= PREFIX= KVER=host]
	$(Q)tools/setup build
	$(Q)tools/install $(if $(filter file,$(origin KVER)),host,$(KVER))
	$(Q)$(sub) -C tools install

clean: ## all that was built here; the cache stays
	$(Q)rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' \
		$(firstword $(MAKEFILE_LIST))
	@echo "Variables: KVER=6.1|6.12|newest|host KDIR=... V=1"
