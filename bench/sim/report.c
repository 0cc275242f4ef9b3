/* bench/sim/report.c - what a run came to. */
#include <inttypes.h>

#include "bench/sim/world.h"

/* --- what is said beyond the score --- */

static void
add_seconds(struct buf *b, const char *name, double seconds)
{
	if (seconds < 0)
		buf_addf(b, ",\"%s\":null", name);
	else
		buf_addf(b, ",\"%s\":%.6f", name, seconds);
}

static void
add_incident(struct buf *b, const struct mishap *m)
{
	buf_add_str(b, "{\"backend\":");
	buf_add_json(b, slice_of(m->what->backend));
	buf_addf(b, ",\"kind\":\"%s\",\"from_s\":%.6f,\"until_s\":%.6f",
	    incident_kind_name(m->what->kind), (double)m->from / 1e6,
	    (double)m->until / 1e6);
	add_seconds(b, "detect_s", mishap_detected(m, -1));
	for (int p = 0; p < SCORE_CLASSES; p++) {
		char name[32];

		snprintf(name, sizeof(name), "detect_%s_s",
		    priority_name((enum priority)p));
		add_seconds(b, name, mishap_detected(m, p));
	}
	buf_addf(b,
	    ",\"premium_missed\":%" PRIu64 ",\"premium_struck\":%" PRIu64 "}",
	    m->premium_missed, m->premium_struck);
}

/* incident_misses: premium requests that were sent to a backend during its
 * incident, and missed; the worst incident. */
static void
add_incidents(struct buf *b, const struct world *w)
{
	size_t n = w->scenario->n_incidents;
	uint64_t worst = 0;

	for (size_t i = 0; i < n; i++)
		if (w->mishap[i].premium_struck > worst)
			worst = w->mishap[i].premium_struck;
	if (n == 0)
		buf_add_str(b, ",\"incident_misses\":null");
	else
		buf_addf(b, ",\"incident_misses\":%" PRIu64, worst);
	buf_add_str(b, ",\"incidents\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		add_incident(b, &w->mishap[i]);
	}
	buf_add_char(b, ']');
}

/* USD for hardware that costs the same, busy or idle. */
static double
fixed_cost(const struct world *w)
{
	const struct conf *c = w->scenario->fleet;
	double hourly = 0;

	for (size_t i = 0; i < c->n_backends; i++)
		if (c->backends[i].price.hourly > 0)
			hourly += c->backends[i].price.hourly;
	return hourly * (double)w->last_due / 3600e6;
}

static void
add_more(struct buf *b, const struct world *w)
{
	double fixed = fixed_cost(w);

	add_incidents(b, w);
	if (w->scenario->speeds != NULL)
		speeds_json(w->scenario->fleet, w->scenario->speeds,
		    w->scenario->measured, b);
	if (fixed > 0)
		buf_addf(b, ",\"fixed_cost\":%.9g", fixed);
	if (w->scenario->retry_after)
		buf_addf(b,
		    ",\"retry_after\":{\"obeyed\":%" PRIu64
		    ",\"answered\":%" PRIu64 "}",
		    w->again, w->again_whole);
}

static double
detected(const struct world *w)
{
	double worst = -1, one;

	for (size_t i = 0; i < w->scenario->n_incidents; i++) {
		one = mishap_detected(&w->mishap[i], -1);
		if (one > worst)
			worst = one;
	}
	return worst;
}

static void
add_lines(struct buf *b, const struct world *w)
{
	double fixed = fixed_cost(w);

	for (size_t i = 0; i < w->scenario->n_incidents; i++) {
		const struct mishap *m = &w->mishap[i];

		buf_addf(b,
		    "%s: %s, %.1f s to %.1f s: last sent there after %.3f s "
		    "(premium %.3f s); premium missed of those sent there "
		    "%" PRIu64 ", of all then %" PRIu64 "\n",
		    m->what->backend, incident_kind_name(m->what->kind),
		    (double)m->from / 1e6, (double)m->until / 1e6,
		    mishap_detected(m, -1), mishap_detected(m, 0),
		    m->premium_struck, m->premium_missed);
	}
	if (fixed > 0)
		buf_addf(b, "hardware by the hour: %.4g\n", fixed);
	if (w->scenario->speeds != NULL)
		speeds_table(w->scenario->fleet, w->scenario->speeds,
		    w->scenario->measured, b);
	if (w->scenario->retry_after)
		buf_addf(b,
		    "told when to come back: %" PRIu64 ", answered then: "
		    "%" PRIu64 "\n",
		    w->again, w->again_whole);
}

void
world_report(const struct world *w, bool json, struct buf *out)
{
	struct score_run run = { .scenario = w->scenario->name,
		.router = w->pilot->name,
		.seed = w->scenario->seed,
		.seconds = (double)w->last_due / 1e6,
		.detect_s = detected(w),
		.hedges = w->hedges,
		.probes = w->probes,
		.own_cost = w->probe_cost,
		.decisions = w->decisions };
	struct buf more;

	if (!json) {
		score_table(&w->score, &run, out);
		add_lines(out, w);
		return;
	}
	buf_init(&more, SIZE_MAX);
	add_more(&more, w);
	run.more = buf_slice(&more);
	if (buf_err(&more) == OK)
		score_json(&w->score, &run, out);
	else
		out->err = ERR_MEMORY;
	buf_fini(&more);
}
