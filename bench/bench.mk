# The bench programs: fakellm (simulated hardware), loadclient, and small
# ones that time one thing.

FAKELLM_OBJECTS := $(patsubst %.c,$(OUT)/obj/%.o,$(wildcard bench/fake*.c))
LOADCLIENT := $(OUT)/loadclient
MICROS := $(patsubst bench/%.c,$(OUT)/%,$(wildcard bench/micro_*.c))

$(FAKELLM): $(FAKELLM_OBJECTS) $(call archives,$(DEPS_bench))
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(LOADCLIENT): $(OUT)/obj/bench/loadclient.o \
		$(call archives,bench/load $(DEPS_bench/load))
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(OUT)/micro_scan: $(OUT)/obj/bench/micro_scan.o $(call archives,gateway/lib)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(OUT)/micro_router: $(OUT)/obj/bench/micro_router.o \
		$(call archives,router $(DEPS_router))
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

# Speed and memory against nginx; QUICK=1 for a first look.
.PHONY: bench micro
bench: $(PROGRAM) $(FAKELLM) $(LOADCLIENT)
	@POINTSMAN=$(abspath $(PROGRAM)) FAKELLM=$(abspath $(FAKELLM)) \
		LOADCLIENT=$(abspath $(LOADCLIENT)) bench/run

# The engine beside other routers, in virtual time; QUICK=1 for a first look,
# TRACE=FILE for the arrivals of that file.
.PHONY: bench-sim
bench-sim: $(PROGRAM)
	@POINTSMAN=$(abspath $(PROGRAM)) OUT=$(BUILD)/bench-sim \
		bench/compare_sim.py

micro: $(MICROS)
	@for m in $^; do $$m || exit 1; done
