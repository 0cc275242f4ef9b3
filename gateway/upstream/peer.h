/* gateway/upstream/peer.h - the connections to each place, and which idle.
 *
 * A peer is a number that transfers to one place share. Nobody has 0: of such
 * connections nothing is kept. */
#ifndef GATEWAY_UPSTREAM_PEER_H
#define GATEWAY_UPSTREAM_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/lib/clock.h"
#include "gateway/lib/list.h"

/* Where a name led to; all zeros: not known. */
struct held_address {
	char *text; /* "+name:port:address" */
	usec at; /* when a connection there was made */
	usec used_at; /* when it last stood in for a look-up */
	bool doubted; /* where it leads now, by libcurl, nobody is reached */
	usec doubted_at; /* when libcurl was last made to forget that */
};

struct peer {
	uint32_t id;
	struct held_address held;
	struct list idle; /* struct peer_link.node; the last used first */
	unsigned n_idle;
	unsigned n_open; /* or being opened; not those that the far end has
			    closed */
};

/* Part of whoever watches a connection's socket. */
struct peer_link {
	struct list node;
	struct peer *peer; /* NULL: nobody's */
	usec idle_since; /* while idle */
	unsigned claimed; /* in which turn; see sock_claim() */
	bool idle, lost;
};

struct peer_table {
	struct peer **all; /* by id */
	size_t n;
};

void peer_table_fini(struct peer_table *);
/* Makes it where there is none yet; NULL for 0 and without memory. */
struct peer *peer_get(struct peer_table *, uint32_t id);
/* NULL for 0 and without memory. */
struct held_address *peer_held(struct peer_table *, uint32_t id);
/* NULL: never heard of. */
const struct peer *peer_find(const struct peer_table *, uint32_t id);

/* A connection's life: opened, idle and used in turn, perhaps lost while it is
 * idle, closed. Each may be said twice. */
void peer_open(struct peer_link *, struct peer *);
void peer_idle(struct peer_link *, usec now);
void peer_use(struct peer_link *);
void peer_lose(struct peer_link *);
void peer_close(struct peer_link *);

#endif
