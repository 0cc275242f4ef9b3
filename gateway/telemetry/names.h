/* gateway/telemetry/names.h - triples of names, each with a number.
 *
 * Not locked. A triple lives, at its address, as long as its table. */
#ifndef GATEWAY_TELEMETRY_NAMES_H
#define GATEWAY_TELEMETRY_NAMES_H

#include "gateway/lib/map.h"

#define NAMES_KEY_MAX 1024

struct names {
	unsigned index;
	const char *part[3];
	size_t key_length;
	char key[]; /* the parts, each with its NUL */
};

struct names_table {
	struct map by_key;
	struct names **list; /* by index */
	unsigned n, cap, max;
};

void names_init(struct names_table *, unsigned max);
void names_fini(struct names_table *);

/* Joins three names; the slice lies in `room`. False: too long. */
bool names_key(char room[NAMES_KEY_MAX], const char *a, const char *b,
    const char *c, struct slice *key);
struct slice names_slice(const struct names *); /* its key */

/* The triple of that key, new if need be. NULL: `max` are there already, or
 * no memory. */
struct names *names_intern(struct names_table *, struct slice key);

#endif
