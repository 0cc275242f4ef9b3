/* bench/sim/pilot.c - the routers that can be put to the test. */
#include "bench/sim/pilot.h"

#include <string.h>

extern const struct pilot_ops pilot_slo, pilot_class_pinned, pilot_round_robin,
    pilot_least_connections, pilot_p2c_ewma, pilot_litellm_latency,
    pilot_openrouter, pilot_static_priority, pilot_clairvoyant,
    pilot_clairvoyant_blind;

const struct pilot_ops *const pilots[] = {
	&pilot_slo,
	&pilot_class_pinned,
	&pilot_round_robin,
	&pilot_least_connections,
	&pilot_p2c_ewma,
	&pilot_litellm_latency,
	&pilot_openrouter,
	&pilot_static_priority,
	&pilot_clairvoyant,
	&pilot_clairvoyant_blind,
	NULL,
};

const struct pilot_ops *
pilot_find(const char *name)
{
	for (unsigned i = 0; pilots[i] != NULL; i++)
		if (strcmp(pilots[i]->name, name) == 0)
			return pilots[i];
	return NULL;
}
