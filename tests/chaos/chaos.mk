# Faults of upstreams, clients and operators, and what has to come of them.
#
#	make chaos N=20		the cases of upstream faults again and again, in
#				random order; a scorecard of what came of them

#	make soak TIME=600	all of it at once, mixed with good traffic; what
#				was lost, hung or left over

N ?= 20
TIME ?= 600

.PHONY: chaos chaos-test soak
chaos: $(PROGRAM) $(FAKELLM)
	@POINTSMAN="$(call full,$(PROGRAM))" FAKELLM="$(call full,$(FAKELLM))" \
		tests/chaos/scorecard.py $(N)

soak: $(PROGRAM) $(FAKELLM)
	@POINTSMAN="$(call full,$(PROGRAM))" FAKELLM="$(call full,$(FAKELLM))" \
		tests/chaos/soak.py $(TIME)

# Each case once: part of the tests.
chaos-test: $(PROGRAM) $(FAKELLM)
	@POINTSMAN="$(call full,$(PROGRAM))" FAKELLM="$(call full,$(FAKELLM))" \
		tests/modules tests/chaos
