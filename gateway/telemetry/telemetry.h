/* gateway/telemetry/telemetry.h - what happened, counted.
 *
 * Each worker writes to a shard of its own under that shard's mutex, which
 * nobody else wants but a scrape; readers merge all shards. Everything is fed
 * from one struct outcome per request. Names and help of every metric are rows
 * of one table, from which the exposition and docs/metrics.md are made. */
#ifndef GATEWAY_TELEMETRY_TELEMETRY_H
#define GATEWAY_TELEMETRY_TELEMETRY_H

#include <stdio.h>

#include "gateway/lib/buf.h"
#include "gateway/lib/inference.h"

struct telemetry;

struct telemetry *telemetry_new(unsigned shards);
void telemetry_free(struct telemetry **);

/* The servings there are now. Cells are made for new ids and live on for the
 * old; strings are copied. */
struct telemetry_label {
	uint32_t serving; /* id */
	const char *model, *backend, *upstream, *adapter, *region;
};
enum err telemetry_configure(
    struct telemetry *, const struct telemetry_label *, size_t n) MUST_USE;

/* Once per request, from the shard's own thread. */
void telemetry_finish(
    struct telemetry *, unsigned shard, const struct outcome *, usec now);

/* An attempt of a request that goes on, whose outcome will have no report of
 * it: others have taken its place. */
void telemetry_attempt(struct telemetry *, unsigned shard,
    const struct attempt_report *, enum dialect, enum priority, usec now);

/* The gateway asked a serving something itself: how that ended, and its price
 * in USD. */
void telemetry_probe(
    struct telemetry *, uint32_t serving, enum fault_kind, double cost);

struct telemetry_child {
	const char *backend;
	uint64_t exits;
};

/* Numbers that are read rather than counted, set before a scrape. */
struct telemetry_gauges {
	unsigned requests, connections, queue, transfers, connections_made;
	uint64_t memory_limit, memory_shed; /* limit 0: none */
	uint64_t body_bytes, config_version, access_log_dropped, log_dropped;
	uint64_t heartbeats;
	usec busy_poll; /* of all workers */
	uint64_t traces_sent, traces_dropped;
	uint64_t idempotent_answers, idempotent_bytes; /* kept now */
	uint64_t idempotent_replays, idempotent_conflicts, idempotent_evicted;
	bool ledger; /* one is kept */
	uint64_t ledger_rows, ledger_dropped, ledger_failures;
	bool shared_limits, shared_limits_up; /* they are to be; and are */
	uint64_t shared_limits_told, shared_limits_lost;
	usec certified; /* the gateway's own: until then, since 1970; 0: none */
	usec uptime;
	const struct telemetry_child *children;
	size_t n_children;
};

/* What the router says of a serving, so that /metrics can show it without
 * knowing the router. */
struct telemetry_serving {
	uint32_t serving; /* id */
	unsigned in_flight, waiting;
	unsigned breaker; /* 0 closed, 1 open, 2 half-open */
	bool usable, warm;
	double weight; /* 0..1, that an operator lets be used; NAN: off */
	unsigned slots; /* requests that it runs at once; 0: not known */
	struct load load;
};

/* The Prometheus text format, version 0.0.4. */
void telemetry_expose(struct telemetry *, const struct telemetry_gauges *,
    const struct telemetry_serving *, size_t n_servings, usec now,
    struct buf *out);

/* One serving's last minute. */
struct telemetry_view {
	struct {
		usec p50, p95, p99; /* -1: no samples */
		uint64_t n;
	} phase[PHASE_COUNT];
	/* since the start; an error is a fault that blames the backend, its
	 * key or the serving: not 429, loading, or a client that left */
	uint64_t attempts, errors, rate_limited;
	uint64_t tokens_in, tokens_out;
	uint64_t faults[FAULT_COUNT];
};
/* False: no serving has that id. */
bool telemetry_view(
    struct telemetry *, uint32_t serving, usec now, struct telemetry_view *);

/* The same for all requests of a tenant or an SLO class is in the metrics. */

/* One logfmt line per request, which ended at `wall`. `target` is "stderr",
 * "off" or a path. Writing happens on a thread of its own: a full queue drops
 * lines and counts them. access_log_write() may be called from any thread. */
struct access_log;
enum err access_log_open(
    const char *target, struct access_log **, struct errmsg *why) MUST_USE;
/* For log rotation and reloads, while others write: a descriptor of `target`,
 * opened anew, -1 where that is "off"; the caller's until it is given to
 * access_log_turn(), from which on later lines go there. */
enum err access_log_target(
    const char *target, int *fd, struct errmsg *why) MUST_USE;
void access_log_turn(struct access_log *, int fd);
/* Writes what is queued; gives up on a target that takes none for 1 s. */
void access_log_close(struct access_log **);
void access_log_write(struct access_log *, const struct outcome *, usec wall);
uint64_t access_log_dropped(const struct access_log *);

/* The `server-timing` header's value, from what is known by COMMIT; `upstream`
 * is the answering attempt's time to its first token. */
void server_timing(const struct outcome *, struct buf *out);

/* docs/metrics.md: the table of metrics as Markdown. */
void telemetry_write_docs(FILE *);

#endif
