# Pointsman. `make help` lists the targets.
#
# Each folder becomes one archive; programs and unit tests link only the
# archives that the layering allows, so an include or call that reaches up
# does not link.

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
VERSION := 0.1.0

# FLAVOUR: release (default), asan (address and undefined), tsan
FLAVOUR ?= release
OUT     := $(BUILD)/$(FLAVOUR)
# abspath takes a folder with a blank for two.
full = $(if $(filter /%,$(1)),$(1),$(CURDIR)/$(1))

LIBS := libmicrohttpd libcurl jansson libuv openssl libconfig zlib sqlite3 yaml-0.1 gnutls
PKG_CFLAGS := $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(LIBS) 2>/dev/null) -lpthread -lm

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wconversion \
	-Wno-sign-conversion $(if $(CI),-Werror)
# Across files the compiler inlines what a decision asks of every serving: a
# fifth of its time. Fat objects, so that any ar will do.
LTO := $(if $(findstring clang,$(CC)),,-flto=auto -ffat-lto-objects)
CFLAGS_release := -O3 $(LTO) -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
	-fPIE
LDFLAGS_release := -O3 $(LTO) -pie -Wl,-z,relro,-z,now
CFLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
LDFLAGS_asan := -fsanitize=address,undefined
CFLAGS_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
LDFLAGS_tsan := -fsanitize=thread
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -DPOINTSMAN_VERSION='"$(VERSION)"' -I. \
	$(WARN) $(CFLAGS_$(FLAVOUR)) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(LDFLAGS_$(FLAVOUR)) $(LDFLAGS)

# --- folders and what each may link, lowest first ---
FOLDERS := gateway/lib gateway/conf gateway/telemetry gateway/dialects \
	gateway/translation gateway/realtime \
	backends policies router gateway/quota gateway/shared gateway/keys \
	gateway/idempotency gateway/ledger \
	gateway/front gateway/upstream gateway/admin \
	gateway/import bench/traffic bench/sim bench/load gateway/commands
DEPS_gateway/lib       :=
DEPS_gateway/conf      := gateway/lib
DEPS_gateway/telemetry := gateway/lib
DEPS_gateway/dialects  := gateway/conf gateway/lib
DEPS_gateway/translation := gateway/lib
DEPS_gateway/realtime  := gateway/lib
DEPS_backends          := gateway/conf gateway/lib
DEPS_policies          := gateway/telemetry gateway/conf gateway/lib
DEPS_router            := policies $(DEPS_policies)
DEPS_gateway/quota     := policies gateway/conf gateway/telemetry \
	gateway/lib
DEPS_gateway/shared    := gateway/quota $(DEPS_gateway/quota)
DEPS_gateway/keys      := gateway/quota $(DEPS_gateway/quota)
DEPS_gateway/idempotency := gateway/conf gateway/lib
DEPS_gateway/ledger    := gateway/telemetry gateway/lib
DEPS_gateway/front     := gateway/telemetry gateway/conf gateway/lib
DEPS_gateway/upstream  := gateway/telemetry gateway/conf gateway/lib
DEPS_gateway/admin     := gateway/ledger router policies backends gateway/dialects \
	gateway/telemetry gateway/conf gateway/lib
DEPS_gateway/import    := backends gateway/conf gateway/lib
DEPS_bench/traffic     := gateway/telemetry gateway/conf gateway/lib
DEPS_bench/sim         := bench/traffic router policies backends \
	gateway/telemetry gateway/conf gateway/lib
DEPS_bench/load        := bench/traffic gateway/telemetry gateway/conf \
	gateway/lib
DEPS_gateway           := bench/load bench/sim bench/traffic gateway/admin \
	gateway/import gateway/keys gateway/idempotency gateway/shared \
	gateway/quota gateway/upstream gateway/translation \
	gateway/realtime gateway/front $(DEPS_gateway/admin)
DEPS_gateway/commands  := gateway $(DEPS_gateway)
DEPS_bench             := router policies backends gateway/telemetry \
	gateway/conf gateway/lib

sources = $(filter-out %_test.c,$(wildcard $(1)/*.c))
objects = $(patsubst %.c,$(OUT)/obj/%.o,$(call sources,$(1)))
archive = $(OUT)/$(subst /,-,$(1)).a
archives = $(foreach f,$(1),$(call archive,$(f)))
tests_of = $(patsubst %.c,$(OUT)/test/%,$(wildcard $(1)/*_test.c))

PROGRAM := $(OUT)/pointsman
FAKELLM := $(OUT)/fakellm
UNIT_TESTS := $(foreach f,$(FOLDERS) gateway bench,$(call tests_of,$(f)))

.PHONY: all
all: $(BUILD)/pointsman $(BUILD)/fakellm

# The link is as old as what it points to: of two flavours it may look new.
$(BUILD)/%: $(OUT)/% FORCE
	@test "$$(readlink $@)" = $(FLAVOUR)/$* || ln -sf $(FLAVOUR)/$* $@

.PHONY: FORCE
FORCE:

define folder_rules
$(call archive,$(1)): $(call objects,$(1))
	@rm -f $$@
	@ar rcs $$@ $$^
$(OUT)/test/$(1)/%_test: $(OUT)/obj/$(1)/%_test.o $(call archive,$(1)) \
		$(call archives,$(DEPS_$(1)))
	@mkdir -p $$(@D)
	$(CC) $(ALL_LDFLAGS) -o $$@ $$^ $(PKG_LIBS) -lcmocka
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

# The operators' page is part of the program.
PAGE := gateway/admin/page
ASSETS := $(sort $(foreach e,html css js svg,$(wildcard $(PAGE)/*.$(e))))
$(OUT)/gen/assets.c: tools/embed $(PAGE) $(ASSETS)
	@mkdir -p $(@D)
	@tools/embed $(ASSETS) > $@
$(OUT)/obj/assets_bytes.o: $(OUT)/gen/assets.c $(OUT)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(call archive,gateway/admin): $(OUT)/obj/assets_bytes.o

# gateway/ itself: its tests link the objects that they test.
$(OUT)/gateway.a: $(filter-out %/main.o,$(call objects,gateway))
	@rm -f $@
	@ar rcs $@ $^
$(OUT)/test/gateway/%_test: $(OUT)/obj/gateway/%_test.o $(OUT)/gateway.a \
		$(call archives,$(DEPS_gateway))
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka

$(PROGRAM): $(OUT)/obj/gateway/main.o $(call archive,gateway/commands) \
		$(call archives,$(DEPS_gateway/commands))
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

include bench/bench.mk
include tests/fuzz/fuzz.mk
include tests/chaos/chaos.mk
include tests/alloc/alloc.mk

# What objects were made with: another version or other flags make them anew,
# but -Werror, which changes no object. `make install` alone, mostly as another
# user with an environment of its own, takes what was made.
FLAGS := $(filter-out -Werror,$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS))
ifneq ($(MAKECMDGOALS),install)
ifneq ($(strip $(file <$(OUT)/flags)),$(FLAGS))
$(OUT)/flags: FORCE
endif
endif
$(OUT)/flags:
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS))' >$@

$(OUT)/obj/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# cmocka hands every test a state that few want.
$(OUT)/obj/%_test.o: WARN += -Wno-unused-parameter

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)

# --- what people type ---
.PHONY: help run test lint docs demo install uninstall clean unit vtc clients config-check

help:
	@echo "make            build/pointsman and build/fakellm"
	@echo "make run        serve gateway.conf (tools/run installs first)"
	@echo "make test       units, scripts, real SDKs, under sanitizers"
	@echo "make lint       format, layers, static analysis"
	@echo "make demo       simulated hardware: SLO classes, a kill, a recovery"
	@echo "make demo-brownout  a fast provider slows 4x under load, and recovers"
	@echo "make bench      speed and memory against nginx, same run"
	@echo "make compare    beside nginx, haproxy, other gateways (bench-peers first)"
	@echo "make profile    where the instructions of a request and a chunk go"
	@echo "make bench-sim  the engine beside other routers, in virtual time"
	@echo "make bench-plots  pictures of that, into docs/"
	@echo "make chaos      N=20: faults again and again, and a scorecard"
	@echo "make soak       TIME=600: faults and good traffic, and what is left over"
	@echo "make fuzz       T=scan TIME=60: searches for what breaks a parser"
	@echo "make test-deep  ThreadSanitizer, valgrind, failing allocations"
	@echo "make docs       the generated pages"
	@echo "make install    DESTDIR, PREFIX; make uninstall takes it away again"
	@echo "make deb        a Debian package, in build/deb"

CONF ?= gateway.conf
run: all
	@tools/local-model fetch || true
	@exec $(BUILD)/pointsman serve -c $(CONF)

# Tests run the sanitized flavour; everything they start is found through
# POINTSMAN and FAKELLM. Built all at once first, by as many as tools/test says.
.PHONY: test-programs built
test-programs:
	@$(MAKE) -s FLAVOUR=asan built
built: $(PROGRAM) $(FAKELLM) $(LOADCLIENT) $(UNIT_TESTS) $(FUZZ_REPLAYS)

test: test-programs
	@$(MAKE) -s FLAVOUR=asan unit
	@$(MAKE) -s FLAVOUR=asan fuzz-replay
	@$(MAKE) -s FLAVOUR=asan config-check sim-gate vtc chaos-test clients page-test

unit: $(UNIT_TESTS)
	@tools/run-units $(UNIT_TESTS)

config-check: $(PROGRAM)
	@$(PROGRAM) check -c gateway.conf

vtc: $(PROGRAM) $(FAKELLM) $(LOADCLIENT)
	@POINTSMAN="$(call full,$(PROGRAM))" FAKELLM="$(call full,$(FAKELLM))" \
		tests/e2e/run

clients: $(PROGRAM) $(FAKELLM)
	@POINTSMAN="$(call full,$(PROGRAM))" FAKELLM="$(call full,$(FAKELLM))" \
		tests/clients/run

.PHONY: page-test page-pictures
page-test: $(PROGRAM) $(FAKELLM)
	@POINTSMAN="$(call full,$(PROGRAM))" FAKELLM="$(call full,$(FAKELLM))" \
		tests/page/run

# The pictures of the page in docs/images.
page-pictures: all
	@POINTSMAN="$(call full,$(PROGRAM))" FAKELLM="$(call full,$(FAKELLM))" \
		build/tools/python/bin/python tests/page/pictures.py

lint:
	@tools/lint

docs: $(PROGRAM)
	@$(PROGRAM) docs configuration > docs/configuration.md
	@$(PROGRAM) docs metrics > docs/metrics.md
	@$(PROGRAM) docs admin-api > docs/admin-api.md
	@tools/grafana/make_dashboard.py > tools/grafana/pointsman.json
	@tools/observability-page > docs/observability.md

demo: all
	@POINTSMAN=$(BUILD)/pointsman FAKELLM=$(BUILD)/fakellm bench/demo

# What `install` puts below PREFIX, and `uninstall` takes away.
INSTALLED := bin/pointsman libexec/pointsman/local-model \
	share/doc/pointsman/gateway.conf.example \
	lib/systemd/system/pointsman.service \
	lib/systemd/system/pointsman.socket \
	share/man/man1/pointsman.1 \
	share/bash-completion/completions/pointsman \
	share/zsh/site-functions/_pointsman \
	share/fish/vendor_completions.d/pointsman.fish

install: $(PROGRAM)
	@PROGRAM="$(call full,$(PROGRAM))" PREFIX="$(PREFIX)" \
		tools/install "$(DESTDIR)$(PREFIX)"

uninstall:
	@cd "$(DESTDIR)$(PREFIX)" 2>/dev/null || exit 0; rm -f $(INSTALLED); \
		rmdir libexec/pointsman share/doc/pointsman 2>/dev/null || true

# A package for the Debian or Ubuntu that it is built on.
.PHONY: deb
deb: $(PROGRAM)
	@rm -rf $(BUILD)/deb
	@$(MAKE) -s install DESTDIR="$(call full,$(BUILD)/deb/pointsman)" \
		PREFIX=/usr
	@VERSION=$(VERSION) tools/deb "$(call full,$(BUILD)/deb)"

clean:
	rm -rf $(BUILD)
