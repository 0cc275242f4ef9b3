# Fuzz targets: tests/fuzz/NAME_fuzz.c, its seeds in tests/fuzz/corpus/NAME.
#
#	make fuzz T=scan TIME=60	search with libFuzzer: clang and its
#				runtime (of Debian libclang-rt-14-dev or newer)
#	make fuzz-all TIME=60		every target, one after the other
#	make fuzz-replay		run all corpora, with any compiler
#
#	make fuzz-documents N=10000000 SEED=1	so many documents, for the
#				scanner and jansson to agree on
#
# A file that makes a target abort is left in tests/fuzz/corpus/NAME/ by the
# search, so that it is replayed from then on.

FUZZ_NAMES := $(sort $(patsubst tests/fuzz/%_fuzz.c,%,\
	$(wildcard tests/fuzz/*_fuzz.c)))

FUZZ_REPLAYS := $(FUZZ_NAMES:%=$(OUT)/fuzz/%_replay)

# what a target links; FUZZ_DEPS_NAME for one that needs something else
FUZZ_DEPS := gateway/lib
FUZZ_DEPS_collector := gateway/telemetry $(DEPS_gateway/telemetry)
FUZZ_DEPS_conf := backends gateway/conf gateway/lib
FUZZ_DEPS_decode := backends gateway/conf gateway/lib
FUZZ_DEPS_dialect := gateway/dialects gateway/lib
FUZZ_DEPS_encode := backends gateway/dialects gateway/conf gateway/lib
FUZZ_DEPS_form := backends gateway/dialects gateway/conf gateway/lib
FUZZ_DEPS_head := gateway $(DEPS_gateway)
FUZZ_DEPS_import := gateway/import $(DEPS_gateway/import)
FUZZ_DEPS_line := gateway $(DEPS_gateway)
FUZZ_DEPS_messages := gateway/translation backends gateway/conf gateway/lib
FUZZ_DEPS_query := gateway $(DEPS_gateway)
FUZZ_DEPS_realtime := gateway/realtime gateway/lib
FUZZ_DEPS_reply := bench/load $(DEPS_bench/load)
FUZZ_DEPS_responses := gateway/translation gateway/lib
FUZZ_DEPS_resp := gateway/shared gateway/lib
FUZZ_DEPS_scenario := bench/sim $(DEPS_bench/sim)
FUZZ_DEPS_traceparent := gateway/telemetry $(DEPS_gateway/telemetry)
FUZZ_DEPS_trace := bench/traffic $(DEPS_bench/traffic)
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
.PHONY: fuzz-replay-$(1) fuzz-run-$(1)
fuzz-replay-$(1): $(OUT)/fuzz/$(1)_replay
	@$$< tests/fuzz/corpus/$(1)/* 2>$$<.log || { cat $$<.log; exit 1; }
	@echo "fuzz corpus $(1): $$$$(ls tests/fuzz/corpus/$(1) | wc -l) files"
# found inputs grow a corpus under BUILD; the seeds stay as they are
fuzz-run-$(1):
	@$(MAKE) -s FLAVOUR=fuzz CC=clang $(BUILD)/fuzz/fuzz/$(1)_fuzz
	@mkdir -p $(BUILD)/fuzz/corpus/$(1)
	$(BUILD)/fuzz/fuzz/$(1)_fuzz -max_total_time=$(TIME) -timeout=10 \
	    -print_final_stats=1 -verbosity=0 \
	    -artifact_prefix=tests/fuzz/corpus/$(1)/found- \
	    $(BUILD)/fuzz/corpus/$(1) tests/fuzz/corpus/$(1) </dev/null
endef
$(foreach f,$(FUZZ_NAMES),$(eval $(call fuzz_rules,$(f))))

.PHONY: fuzz fuzz-all fuzz-replay
fuzz:
	@command -v clang >/dev/null || { \
	    echo "make fuzz: want clang for libFuzzer, found none"; exit 1; }
	@case " $(FUZZ_NAMES) " in *" $(T) "*) ;; *) \
	    echo "make fuzz: T: want one of: $(FUZZ_NAMES), got $(T)"; \
	    exit 1;; esac
	@$(MAKE) -s fuzz-run-$(T)

fuzz-all:
	@for t in $(FUZZ_NAMES); do \
	    $(MAKE) -s fuzz T=$$t TIME=$(TIME) || exit 1; done

fuzz-replay: $(FUZZ_NAMES:%=fuzz-replay-%)

# optimized: it is the count that matters here
N    ?= 10000000
SEED ?= 1
$(OUT)/fuzz/scan_documents: $(OUT)/obj/tests/fuzz/scan_fuzz.o \
		$(OUT)/obj/tests/fuzz/documents.o $(call fuzz_deps,scan)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)
.PHONY: fuzz-documents
fuzz-documents: $(OUT)/fuzz/scan_documents
	@$< $(N) $(SEED)
