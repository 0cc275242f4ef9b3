# The bench programs: fakellm (a scripted upstream) and the load client.

$(FAKELLM): $(OUT)/obj/bench/fakellm.o $(call archives,$(DEPS_bench))
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)
