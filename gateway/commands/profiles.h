/* gateway/commands/profiles.h - what a gateway has measured of its servings:
 * the answer of /admin/v1/backends, from a file or from the gateway itself. */
#ifndef GATEWAY_COMMANDS_PROFILES_H
#define GATEWAY_COMMANDS_PROFILES_H

#include <jansson.h>

#include "bench/sim/speeds.h"

struct profiles {
	struct measured_fleet fleet; /* its names live in doc */
	json_t *doc;
};

/* source: a file, or an address that begins with http:// or https://. False:
 * it is said on stderr what is wrong, and where. Either way _free() it. */
bool profiles_load(struct profiles *, const char *source);
void profiles_free(struct profiles *);

#endif
