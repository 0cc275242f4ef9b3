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

LIBS := libmicrohttpd libcurl jansson libuv openssl libconfig zlib
PKG_CFLAGS := $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(LIBS) 2>/dev/null) -lpthread -lm

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wconversion \
	-Wno-sign-conversion $(if $(CI),-Werror)
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
LDFLAGS_release := -pie -Wl,-z,relro,-z,now
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
	backends policies router gateway/front gateway/upstream gateway/admin
DEPS_gateway/lib       :=
DEPS_gateway/conf      := gateway/lib
DEPS_gateway/telemetry := gateway/lib
DEPS_gateway/dialects  := gateway/conf gateway/lib
DEPS_backends          := gateway/conf gateway/lib
DEPS_policies          := gateway/telemetry gateway/conf gateway/lib
DEPS_router            := policies $(DEPS_policies)
DEPS_gateway/front     := gateway/telemetry gateway/conf gateway/lib
DEPS_gateway/upstream  := gateway/telemetry gateway/conf gateway/lib
DEPS_gateway/admin     := router policies backends gateway/dialects \
	gateway/telemetry gateway/conf gateway/lib
DEPS_gateway           := gateway/admin gateway/upstream gateway/front \
	$(DEPS_gateway/admin)
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

$(BUILD)/%: $(OUT)/%
	@ln -sf $(FLAVOUR)/$* $@

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

$(PROGRAM): $(call objects,gateway) $(call archives,$(DEPS_gateway))
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

include bench/bench.mk

$(OUT)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)

.PHONY: clean
clean:
	rm -rf $(BUILD)

.PHONY: unit
unit: $(UNIT_TESTS)
	@tools/run-units $(UNIT_TESTS)
