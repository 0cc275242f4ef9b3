# What goes deeper than `make test` and takes longer.
#
#	make test-deep		all of it
#	make alloc-test		each allocation of ours fails once, on the main
#				paths
#	make alloc-count	how many there are for a request, and a chunk
#	make tsan-test		whole-program tests under ThreadSanitizer
#	make valgrind-test	unit tests under valgrind

# The program, with allocations that a test can make fail.
POINTSMAN_ALLOC := $(OUT)/pointsman-alloc
WRAP := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup

$(POINTSMAN_ALLOC): $(OUT)/obj/gateway/main.o $(OUT)/obj/tests/alloc/alloc.o \
		$(call archives,gateway/commands $(DEPS_gateway/commands))
	$(CC) $(ALL_LDFLAGS) -fno-lto $(WRAP) -o $@ $^ $(PKG_LIBS)

TSAN_TESTS := relay operator hedge storm
# A tenth of the speed: a smaller storm, and more patience.
TSAN_STORM := STORM_CLIENTS=80 STORM_SECONDS=20 STORM_DEADLINE=60
VALGRIND_TESTS := gateway/lib gateway/conf gateway/dialects backends policies

.PHONY: test-deep alloc-test alloc-run alloc-count alloc-count-run tsan-test tsan-run valgrind-test \
	valgrind-run
test-deep:
	@$(MAKE) -s alloc-test
	@$(MAKE) -s alloc-count
	@$(MAKE) -s tsan-test
	@$(MAKE) -s valgrind-test

alloc-test:
	@$(MAKE) -s FLAVOUR=asan alloc-run
alloc-run: $(POINTSMAN_ALLOC) $(FAKELLM)
	@POINTSMAN="$(call full,$(POINTSMAN_ALLOC))" FAKELLM="$(call full,$(FAKELLM))" \
		python3 -m unittest discover -s tests/alloc -p '*_test.py'

alloc-count:
	@$(MAKE) -s FLAVOUR=release alloc-count-run
alloc-count-run: $(POINTSMAN_ALLOC) $(FAKELLM)
	@POINTSMAN="$(call full,$(POINTSMAN_ALLOC))" FAKELLM="$(call full,$(FAKELLM))" \
		python3 tests/alloc/count.py

tsan-test:
	@$(MAKE) -s FLAVOUR=tsan tsan-run
tsan-run: $(PROGRAM) $(FAKELLM)
	@for t in $(TSAN_TESTS); do echo "tsan: $$t"; \
	    POINTSMAN="$(call full,$(PROGRAM))" FAKELLM="$(call full,$(FAKELLM))" \
	    $(TSAN_STORM) python3 -m unittest discover -s tests/e2e \
	    -p "$${t}_test.py" || exit 1; done

# On the release flavour: valgrind and the sanitizers do not mix.
valgrind-test:
	@if command -v valgrind >/dev/null; then \
	    $(MAKE) -s FLAVOUR=release valgrind-run; \
	else echo "valgrind: not installed, skipped (apt install valgrind)"; fi
valgrind-run: $(foreach f,$(VALGRIND_TESTS),$(call tests_of,$(f)))
	@for t in $^; do valgrind -q --error-exitcode=9 --leak-check=full \
	    --errors-for-leak-kinds=definite $$t >$$t.valgrind 2>&1 || { \
	    echo "FAIL $$t"; cat $$t.valgrind; exit 1; }; done
	@echo "valgrind: $(words $^) unit tests"
