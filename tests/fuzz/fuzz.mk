# Fuzz targets: tests/fuzz/NAME_fuzz.c, its seeds in tests/fuzz/corpus/NAME.
#
#	make fuzz T=scan TIME=60	search with libFuzzer (needs clang)
#	make fuzz-replay		run all corpora, with any compiler
#
# A file that makes a target abort is left in tests/fuzz/corpus/NAME/ by the
# search, so that it is replayed from then on.

FUZZ_NAMES := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))

# what a target links; FUZZ_DEPS_NAME for one that needs something else
FUZZ_DEPS := gateway/lib
FUZZ_DEPS_dialect := gateway/dialects gateway/lib
FUZZ_DEPS_decode := backends gateway/conf gateway/lib
fuzz_deps = $(call archives,$(or $(FUZZ_DEPS_$(1)),$(FUZZ_DEPS)))

# a flavour of its own: instrumented for coverage, but with main() left out
CFLAGS_fuzz := -O1 -g -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
LDFLAGS_fuzz := -fsanitize=fuzzer,address,undefined

T ?= scan
TIME ?= 60

define fuzz_rules
$(OUT)/fuzz/$(1)_fuzz: $(OUT)/obj/tests/fuzz/$(1)_fuzz.o $(call fuzz_deps,$(1))
	@mkdir -p $$(@D)
	$(CC) $(ALL_LDFLAGS) -o $$@ $$^ $(PKG_LIBS)
$(OUT)/fuzz/$(1)_replay: $(OUT)/obj/tests/fuzz/$(1)_fuzz.o \
		$(OUT)/obj/tests/fuzz/replay.o $(call fuzz_deps,$(1))
	@mkdir -p $$(@D)
	$(CC) $(ALL_LDFLAGS) -o $$@ $$^ $(PKG_LIBS)
.PHONY: fuzz-replay-$(1)
fuzz-replay-$(1): $(OUT)/fuzz/$(1)_replay
	@$$< tests/fuzz/corpus/$(1)/* 2>$$<.log || { cat $$<.log; exit 1; }
	@echo "fuzz corpus $(1): $$$$(ls tests/fuzz/corpus/$(1) | wc -l) files"
endef
$(foreach f,$(FUZZ_NAMES),$(eval $(call fuzz_rules,$(f))))

.PHONY: fuzz fuzz-replay
# found inputs grow a corpus under BUILD; the seeds stay as they are
fuzz:
	$(MAKE) FLAVOUR=fuzz CC=clang $(BUILD)/fuzz/fuzz/$(T)_fuzz
	@mkdir -p $(BUILD)/fuzz/corpus/$(T)
	$(BUILD)/fuzz/fuzz/$(T)_fuzz -max_total_time=$(TIME) -timeout=10 \
	    -print_final_stats=1 \
	    -artifact_prefix=tests/fuzz/corpus/$(T)/found- \
	    $(BUILD)/fuzz/corpus/$(T) tests/fuzz/corpus/$(T)

fuzz-replay: $(FUZZ_NAMES:%=fuzz-replay-%)
