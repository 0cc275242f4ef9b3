/* gateway/import/import.h - another gateway's configuration as gateway.conf.
 *
 * What has no counterpart is not lost in silence: each such thing gets a line
 * "FILE:LINE: PATH: why". Secrets are neither copied nor shown. */
#ifndef GATEWAY_IMPORT_IMPORT_H
#define GATEWAY_IMPORT_IMPORT_H

#include "gateway/lib/buf.h"

struct imported {
	struct buf conf; /* the text of a gateway.conf */
	struct buf notes; /* what it does not have, a line each */
	unsigned backends, models, servings, n_notes;
	size_t errors; /* that make conf one that does not load: noted, too */
};

void imported_init(struct imported *);
void imported_fini(struct imported *);

/* config.yaml of a LiteLLM proxy. ERR_IO, ERR_LIMIT and ERR_SYNTAX: it cannot
 * be read; ERR_INVALID: nothing in it can be carried over. Notes hold in both
 * cases. */
enum err import_litellm(
    const char *path, struct imported *, struct errmsg *why) MUST_USE;

#endif
