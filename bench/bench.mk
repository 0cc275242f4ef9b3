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

$(OUT)/micro_translation: $(OUT)/obj/bench/micro_translation.o \
		$(call archives,gateway/translation gateway/lib)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(OUT)/micro_metrics: $(OUT)/obj/bench/micro_metrics.o \
		$(call archives,gateway/telemetry $(DEPS_gateway/telemetry))
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(OUT)/micro_ledger: $(OUT)/obj/bench/micro_ledger.o \
		$(call archives,gateway/ledger $(DEPS_gateway/ledger))
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(OUT)/micro_limits: $(OUT)/obj/bench/micro_limits.o \
		$(call archives,gateway/quota $(DEPS_gateway/quota))
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

# It counts what the router allocates.
$(OUT)/micro_router: $(OUT)/obj/bench/micro_router.o \
		$(call archives,router $(DEPS_router))
	$(CC) $(ALL_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
		-o $@ $^ $(PKG_LIBS)

# Speed and memory against nginx and the gateways that bench-peers has fetched;
# QUICK=1 for a first look. What was measured stays in build/bench.json.
.PHONY: bench bench-peers micro
bench: $(PROGRAM) $(FAKELLM) $(LOADCLIENT) $(OUT)/pointsman-alloc
	@POINTSMAN="$(call full,$(PROGRAM))" FAKELLM="$(call full,$(FAKELLM))" \
		LOADCLIENT="$(call full,$(LOADCLIENT))" \
		POINTSMAN_COUNTING="$(call full,$(POINTSMAN_ALLOC))" \
		PEERS="$(call full,$(PEERS))" RESULTS=$(BUILD)/bench.json bench/run

# Limits, the ledger, traces, many tenants: what they cost. QUICK=1.
.PHONY: bench-team
bench-team: $(PROGRAM) $(FAKELLM) $(LOADCLIENT)
	@POINTSMAN="$(call full,$(PROGRAM))" FAKELLM="$(call full,$(FAKELLM))" \
		LOADCLIENT="$(call full,$(LOADCLIENT))" bench/team

# Side by side with all of them; QUICK=1, ONLY="pointsman haproxy".
.PHONY: compare
compare: $(PROGRAM) $(FAKELLM) $(LOADCLIENT)
	@POINTSMAN="$(call full,$(PROGRAM))" FAKELLM="$(call full,$(FAKELLM))" \
		LOADCLIENT="$(call full,$(LOADCLIENT))" PEERS="$(call full,$(PEERS))" \
		RESULTS=$(BUILD)/compare.json bench/compare

# Where the instructions of a request and of a chunk go; needs valgrind.
.PHONY: profile
profile: $(PROGRAM) $(FAKELLM) $(LOADCLIENT)
	@POINTSMAN="$(call full,$(PROGRAM))" FAKELLM="$(call full,$(FAKELLM))" \
		LOADCLIENT="$(call full,$(LOADCLIENT))" bench/profile

# The proxies and gateways that it is compared with, into build/peers.
PEERS := $(BUILD)/peers
bench-peers:
	@tools/bench-peers $(PEERS)

# The engine beside other routers, in virtual time; QUICK=1 for a first look,
# TRACE=FILE for the arrivals of that file.
.PHONY: bench-sim
bench-sim: $(PROGRAM)
	@POINTSMAN="$(call full,$(PROGRAM))" OUT=$(BUILD)/bench-sim \
		bench/compare_sim.py

# All scenarios, for a short while: part of the tests.
.PHONY: sim-gate
sim-gate: $(PROGRAM)
	@POINTSMAN="$(call full,$(PROGRAM))" OUT=$(OUT)/sim-gate bench/sim_gate

# docs/images, from what bench-sim has left in build/bench-sim, and a few runs
# more.
.PHONY: bench-plots
bench-plots: $(PROGRAM)
	@POINTSMAN="$(call full,$(PROGRAM))" RESULTS=$(BUILD)/bench-sim \
		bench/plot_sim.py

# docs/images/compare.svg and crowds.svg, from what compare has left.
.PHONY: compare-plots
compare-plots:
	@bench/plot_bench.py $(BUILD)/compare.json

# The simulator beside the real thing: fakellm, and two llama.cpp servers. Most of
# an hour; PART=fake or PART=whatif: six or seven minutes.
.PHONY: bench-truth
bench-truth: $(PROGRAM) $(FAKELLM)
	@POINTSMAN="$(call full,$(PROGRAM))" FAKELLM="$(call full,$(FAKELLM))" \
		bench/truth $(PART)

# A fast provider gets four times slower under load and recovers, seen from
# outside by the load test. Under a minute and a half.
.PHONY: demo-brownout
demo-brownout: $(PROGRAM) $(FAKELLM)
	@POINTSMAN="$(call full,$(PROGRAM))" FAKELLM="$(call full,$(FAKELLM))" \
		bench/brownout

micro: $(MICROS)
	@for m in $^; do $$m || exit 1; done
