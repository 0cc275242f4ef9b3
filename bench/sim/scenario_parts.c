/* bench/sim/scenario_parts.c - a scenario's traffic, backends and incidents. */
#include "bench/sim/scenario_parts.h"

#include <string.h>

#include "bench/sim/group.h"
#include "gateway/lib/count.h"

#define AT(type, member) .at = offsetof(struct type, member)

static const char *const kinds[INCIDENT_KINDS] = {
	[INCIDENT_SLOW] = "slow",
	[INCIDENT_DRIFT] = "drift",
	[INCIDENT_DOWN] = "down",
	[INCIDENT_SILENT] = "silent",
	[INCIDENT_GRAY] = "gray",
	[INCIDENT_TRUNCATE] = "truncate",
	[INCIDENT_SINKHOLE] = "sinkhole",
	[INCIDENT_FLAP] = "flap",
};

const char *
incident_kind_name(enum incident_kind kind)
{
	return kinds[kind];
}

/* --- traffic --- */

static const struct field mix_fields[] = {
	{ "premium", FIELD_NUMBER, AT(workload_options, mix[0]), 0, 1, false },
	{ "standard", FIELD_NUMBER, AT(workload_options, mix[1]), 0, 1, false },
	{ "batch", FIELD_NUMBER, AT(workload_options, mix[2]), 0, 1, false },
};
static const struct field traffic_fields[] = {
	{ "speed", FIELD_NUMBER, AT(scenario, traffic.speed), 1e-3, 1e4,
	    false },
	{ "load", FIELD_NUMBER, AT(scenario, load), 1e-3, 1e3, false },
	{ "cv", FIELD_NUMBER, AT(scenario, traffic.cv), 0.05, 50, false },
	{ "requests", FIELD_LONG, AT(scenario, traffic.requests), 1, 1e9,
	    false },
	{ "burst", FIELD_NUMBER, AT(scenario, traffic.burst), 1, 100, false },
	{ "burst_length", FIELD_SPAN, AT(scenario, traffic.burst_length), 0, 0,
	    false },
	{ "burst_every", FIELD_SPAN, AT(scenario, traffic.burst_every), 0, 0,
	    false },
	{ "pareto", FIELD_NUMBER, AT(scenario, traffic.pareto), 1.01, 10,
	    false },
	{ "mix", FIELD_OTHER, 0, 0, 0, false },
	{ "retry_after", FIELD_BOOL, AT(scenario, retry_after), 0, 0, false },
	{ "batch_whole", FIELD_BOOL, AT(scenario, batch_whole), 0, 0, false },
	{ "max_tokens", FIELD_BOOL, AT(scenario, max_tokens), 0, 0, false },
	{ "tokens_vary", FIELD_NUMBER, AT(scenario, tokens_vary), 0, 1, false },
	{ "flood", FIELD_OTHER, 0, 0, 0, false },
};
static const struct field flood_fields[] = {
	{ "tenant", FIELD_TEXT, AT(workload_options, flood), 0, 0, true },
	{ "per_second", FIELD_NUMBER, AT(workload_options, flood_rate), 1e-3,
	    1e5, true },
	{ "at", FIELD_NUMBER, AT(workload_options, flood_at), 0, 1, false },
	{ "for", FIELD_NUMBER, AT(workload_options, flood_for), 0, 1, false },
};

enum err
read_traffic(struct reading *r, const config_setting_t *g)
{
	struct workload_options *o = &r->s->traffic;
	const config_setting_t *sub;
	enum err rc = group_read(
	    g, traffic_fields, COUNT(traffic_fields), r->s, r->path, r->why);

	if (rc == OK && (sub = config_setting_get_member(g, "mix")) != NULL)
		rc = group_read(
		    sub, mix_fields, COUNT(mix_fields), o, r->path, r->why);
	if (rc == OK && (sub = config_setting_get_member(g, "flood")) != NULL)
		rc = group_read(
		    sub, flood_fields, COUNT(flood_fields), o, r->path, r->why);
	if (rc == OK && o->burst_every > 0 &&
	    (o->burst_length <= 0 || o->burst_length >= o->burst_every))
		rc = group_fail(g, r->path, r->why,
		    "burst_length: want more than 0 and less than "
		    "burst_every");
	return rc;
}

/* --- backends and incidents --- */

/* Another fleet has no backends of these names: there the first one stands
 * for those that meet with mishaps. */
static enum err
find_backend(struct reading *r, const config_setting_t *at, const char *name,
    size_t *out)
{
	const struct conf *c = r->s->fleet;

	for (*out = 0; *out < c->n_backends; ++*out)
		if (strcmp(c->backends[*out].name, name) == 0)
			return OK;
	if (!r->foreign)
		return group_fail(at, r->path, r->why,
		    "backend: %s has no \"%s\"", r->s->fleet_path, name);
	*out = SIZE_MAX;
	return OK;
}

static const struct field backend_fields[] = {
	{ "name", FIELD_OTHER, 0, 0, 0, true },
	{ "kv", FIELD_LONG, AT(backend_truth, facts.kv), 1, 1e12, false },
	{ "chunk", FIELD_COUNT, AT(backend_truth, facts.chunk), 1, 1e6, false },
	{ "noise", FIELD_NUMBER, AT(backend_truth, facts.noise), 0, 2, false },
	{ "cold", FIELD_SPAN, AT(backend_truth, cold), 0, 0, false },
	{ "starts_cold", FIELD_BOOL, AT(backend_truth, starts_cold), 0, 0,
	    false },
	{ "unknown", FIELD_BOOL, AT(backend_truth, unknown), 0, 0, false },
	{ "rate", FIELD_NUMBER, AT(backend_truth, rate), 1e-3, 1e6, false },
	{ "burst", FIELD_NUMBER, AT(backend_truth, burst), 1, 1e6, false },
};

static enum err
read_backend(struct reading *r, const config_setting_t *g)
{
	const config_setting_t *named = config_setting_get_member(g, "name");
	const char *name =
	    named != NULL ? config_setting_get_string(named) : NULL;
	struct backend_truth ignored = { .rate = 0 }, *to = &ignored;
	size_t where = SIZE_MAX;
	enum err rc = OK;

	if (name != NULL)
		rc = find_backend(r, g, name, &where);
	if (rc != OK)
		return rc;
	if (where != SIZE_MAX)
		to = &r->s->truth[where];
	rc = group_read(
	    g, backend_fields, COUNT(backend_fields), to, r->path, r->why);
	if (rc == OK && to->rate > 0 && to->burst < 1)
		to->burst = to->rate > 1 ? to->rate : 1;
	return rc;
}

static const struct field incident_fields[] = {
	{ "backend", FIELD_TEXT, AT(incident, backend), 0, 0, true },
	{ "kind", FIELD_TEXT, AT(incident, kind_name), 0, 0, true },
	{ "factor", FIELD_NUMBER, AT(incident, factor), 1, 1000, false },
	{ "at", FIELD_NUMBER, AT(incident, at), 0, 1, false },
	{ "for", FIELD_NUMBER, AT(incident, length), 0, 1, false },
	{ "every", FIELD_SPAN, AT(incident, every), 0, 0, false },
};

static enum err
read_incident(struct reading *r, const config_setting_t *g)
{
	struct scenario *s = r->s;
	struct incident *n = &s->incident[s->n_incidents];
	enum err rc;
	int kind = 0;

	if (s->n_incidents == SCENARIO_INCIDENTS_MAX)
		return group_fail(g, r->path, r->why,
		    "incidents: want at most %d", SCENARIO_INCIDENTS_MAX);
	*n = (struct incident){
		.factor = 4, .at = 0.4, .length = 0.25, .every = 5 * USEC_SEC
	};
	rc = group_read(
	    g, incident_fields, COUNT(incident_fields), n, r->path, r->why);
	if (rc == OK)
		rc = find_backend(r, g, n->backend, &n->where);
	if (rc != OK)
		return rc;
	while (kind < INCIDENT_KINDS && strcmp(kinds[kind], n->kind_name) != 0)
		kind++;
	if (kind == INCIDENT_KINDS)
		return group_fail(g, r->path, r->why,
		    "kind: want slow, drift, down, silent, gray, truncate, "
		    "sinkhole or flap, got \"%s\"",
		    n->kind_name);
	if (n->every <= 0)
		return group_fail(
		    g, r->path, r->why, "every: want more than 0");
	n->kind = (enum incident_kind)kind;
	if (n->where == SIZE_MAX) {
		n->where = 0;
		buf_addf(r->notes,
		    "%s: %s has no backend \"%s\": its mishaps fall on "
		    "\"%s\"\n",
		    s->name, s->fleet_path, n->backend,
		    s->fleet->backends[0].name);
		n->backend = s->fleet->backends[0].name;
	}
	s->n_incidents++;
	return OK;
}

static enum err
read_list(struct reading *r, const config_setting_t *top, const char *name,
    enum err (*each)(struct reading *, const config_setting_t *))
{
	const config_setting_t *list = config_setting_get_member(top, name);
	enum err rc = OK;

	if (list == NULL)
		return OK;
	if (!config_setting_is_list(list))
		return group_fail(
		    list, r->path, r->why, "%s: want ( { ... }, ... )", name);
	for (int i = 0; i < config_setting_length(list) && rc == OK; i++)
		rc = each(r, config_setting_get_elem(list, (unsigned)i));
	return rc;
}

enum err
read_backends(struct reading *r, const config_setting_t *top)
{
	return read_list(r, top, "backends", read_backend);
}

enum err
read_incidents(struct reading *r, const config_setting_t *top)
{
	return read_list(r, top, "incidents", read_incident);
}
