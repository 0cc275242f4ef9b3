# The bench programs: fakellm (simulated hardware).

FAKELLM_OBJECTS := $(patsubst %.c,$(OUT)/obj/%.o,$(wildcard bench/fake*.c))

$(FAKELLM): $(FAKELLM_OBJECTS) $(call archives,$(DEPS_bench))
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)
