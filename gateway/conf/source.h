/* gateway/conf/source.h - the text of gateway.conf, made safe for libconfig.
 *
 * libconfig 1.5 keeps an integer without the suffix L in 32 bits and wraps
 * what does not fit, so that a port of 4294975376 would read as 8080. Here
 * every integer literal gets its L, and those beyond 64 bits become floating
 * point, before libconfig sees them; lines stay where they are. The same walk
 * notes what is most likely wrong, should libconfig refuse the text. */
#ifndef GATEWAY_CONF_SOURCE_H
#define GATEWAY_CONF_SOURCE_H

#include "gateway/lib/buf.h"
#include "gateway/lib/err.h"

#define SOURCE_MAX ((size_t)64 << 20)

struct source {
	struct buf text; /* ends in NUL (not counted by those who read it) */
	unsigned doubt_line; /* 0: nothing looks wrong */
	struct errmsg doubt;
	bool refused; /* doubt is certain: not to be parsed at all */
};

void source_init(struct source *);
void source_fini(struct source *);

/* The whole file as it is. ERR_IO, ERR_LIMIT, ERR_MEMORY. */
enum err source_read(
    const char *path, struct buf *raw, struct errmsg *why) MUST_USE;
/* Fills *source from the file's bytes. Never shows a value in doubt: it may
 * be a secret. */
enum err source_prepare(struct slice raw, struct source *) MUST_USE;

#endif
