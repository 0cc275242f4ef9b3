/* gateway/admin/live_feed.c - the data of the feed's events. */
#include <stdlib.h>
#include <string.h>

#include "gateway/admin/live_store.h"
#include "gateway/admin/receipts.h"

/* jansson's text of a value, as a member; takes the value. */
static void
add_member(struct buf *out, const char *name, json_t *value)
{
	char *text = value != NULL
	    ? json_dumps(value,
		  JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9))
	    : NULL;

	if (text != NULL)
		buf_addf(out, "\"%s\":%s,", name, text);
	free(text);
	json_decref(value);
}

static void
add_series(const struct live *l, unsigned n, struct buf *out)
{
	buf_addf(out, "\"step_ms\":%lld,\"first_ms\":%lld,\"n\":%u,",
	    (long long)(SERIES_STEP / USEC_MS),
	    live_step_ms(l, l->step + 1 - n), n);
	buf_add_str(out, "\"servings\":");
	series_render(l->servings, n, out);
	buf_add_str(out, ",\"objectives\":");
	series_render(l->objectives, n, out);
	buf_add_str(out, ",\"traffic\":");
	series_render(l->traffic, n, out);
}

void
live_render_step(const struct live *l, struct buf *out)
{
	buf_add_char(out, '{');
	add_series(l, 1, out);
	buf_add_char(out, '}');
}

/* --- history --- */

/* Where a page can send requests to; a browser reaches no Unix socket. */
static json_t *
front_json(const struct admin_picture *p)
{
	if (p->listen->path != NULL)
		return json_null();
	return json_pack("{s:s, s:i}", "scheme",
	    p->conf->tls.certificate != NULL ? "https" : "http", "port",
	    (int)p->listen->port);
}

static json_t *
models_json(const struct conf *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n_models; i++)
		if (!conf_is_pattern(c->models[i].name))
			json_array_append_new(
			    list, json_string(c->models[i].name));
	return list;
}

static json_t *
classes_json(const struct conf *c)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < c->n_slos; i++) {
		const struct slo *s = &c->slos[i];

		o = json_object();
		set(o, "name", json_string(s->name));
		set(o, "priority", json_string(priority_name(s->priority)));
		set(o, "percentile", json_real(s->percentile));
		set(o, "ttft_ms", ms_unless_zero(s->ttft));
		set(o, "itl_ms", ms_unless_zero(s->itl));
		set(o, "total_ms", ms_unless_zero(s->total));
		set(o, "default", json_boolean(s == c->default_slo));
		json_array_append_new(list, o);
	}
	return list;
}

void
live_render_history(
    const struct live *l, const struct admin_picture *p, struct buf *out)
{
	buf_addf(out, "{\"time_ms\":%lld,\"started_ms\":%lld,",
	    (long long)(p->wall / USEC_MS),
	    (long long)((p->wall - p->gauges.uptime) / USEC_MS));
	buf_addf(out, "\"version\":\"%s\",\"config_version\":%llu,",
	    POINTSMAN_VERSION, (unsigned long long)p->conf->version);
	add_member(out, "front", front_json(p));
	add_member(out, "open", json_boolean(p->conf->n_tenants == 0));
	add_member(out, "receipts_kept",
	    count(p->receipts != NULL ? receipts_room(p->receipts) : 0));
	add_member(out, "models", models_json(p->conf));
	add_member(out, "classes", classes_json(p->conf));
	add_member(out, "receipts", live_receipts(p, 0));
	add_series(l, live_steps(l), out);
	buf_add_char(out, '}');
}

/* --- now --- */

/* What the last minute of all classes came to. */
static json_t *
cost_json(const struct live *l)
{
	double minute = 0, part, total = 0, seconds = live_minute(l);
	uint64_t unknown = 0, cut = 0;
	json_t *o = json_object();

	for (size_t i = 0; i < l->n_classes; i++) {
		(void)series_sum(l->traffic, (uint32_t)i, TRAFFIC_COST, 0,
		    VIGIL_MINUTE, &part);
		minute += part;
	}
	for (size_t i = 0; i < l->n_groups; i++) {
		total += l->groups[i].cost;
		unknown += l->groups[i].cost_unknown;
		cut += l->groups[i].cost_cut;
	}
	set(o, "per_hour_usd", number_if(seconds > 0, minute * 3600 / seconds));
	set(o, "total_usd", json_real(total));
	set(o, "unknown_total", count(unknown));
	set(o, "cut_total", count(cut));
	return o;
}

static json_t *
rate_json(
    const struct live *l, size_t i, enum traffic_column column, double times)
{
	double sum, seconds = live_minute(l);
	unsigned known =
	    series_sum(l->traffic, (uint32_t)i, column, 0, VIGIL_MINUTE, &sum);

	return number_if(known > 0, sum * times / seconds);
}

static json_t *
class_json(const struct live *l, const struct admin_picture *p, size_t i)
{
	const struct slo *slo = conf_find_slo(p->conf, slice_of(l->classes[i]));
	json_t *o = json_object();
	char key[16];

	snprintf(key, sizeof(key), "%u", (unsigned)i);
	set(o, "key", json_string(key));
	set(o, "slo", json_string(l->classes[i]));
	set(o, "priority",
	    slo != NULL ? json_string(priority_name(slo->priority))
			: json_null());
	set(o, "requests_per_s", rate_json(l, i, TRAFFIC_REQUESTS, 1));
	set(o, "tokens_in_per_s", rate_json(l, i, TRAFFIC_TOKENS_IN, 1));
	set(o, "tokens_out_per_s", rate_json(l, i, TRAFFIC_TOKENS_OUT, 1));
	set(o, "cost_per_hour_usd", rate_json(l, i, TRAFFIC_COST, 3600));
	return o;
}

static json_t *
traffic_json(struct live *l, const struct admin_picture *p)
{
	uint64_t requests[LIVE_CLASSES] = { 0 };
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < l->n_groups; i++)
		requests[live_class(l, l->groups[i].slo)] +=
		    l->groups[i].requests;
	for (size_t i = 0; i < l->n_classes; i++) {
		o = class_json(l, p, i);
		set(o, "requests_total", count(requests[i]));
		json_array_append_new(list, o);
	}
	return list;
}

static void
read_groups(struct live *l, const struct admin_picture *p)
{
	l->n_groups = census_groups(p->telemetry, l->groups);
	for (size_t i = 0; i < l->n_groups; i++)
		census_windows(p->telemetry, l->groups[i].index, p->now,
		    l->groups[i].windows);
}

static void
add_process(const struct admin_picture *p, struct buf *out)
{
	const struct telemetry_gauges *g = &p->gauges;

	buf_addf(out, "{\"time_ms\":%lld,\"uptime_s\":%.1f,",
	    (long long)(p->wall / USEC_MS), (double)g->uptime / 1e6);
	buf_addf(out, "\"ready\":%s,\"draining\":%s,\"config_version\":%llu,",
	    p->ready ? "true" : "false", p->draining ? "true" : "false",
	    (unsigned long long)p->conf->version);
	buf_addf(out, "\"requests\":%u,\"connections\":%u,\"queued\":%u,",
	    g->requests, g->connections, g->queue);
}

void
live_render_now(struct live *l, const struct admin_picture *p, uint64_t *filed,
    struct buf *out)
{
	uint64_t now_filed =
	    p->receipts != NULL ? receipts_filed(p->receipts) : 0;
	json_t *slos, *slo_5m;

	read_groups(l, p);
	add_process(p, out);
	add_member(out, "servings", live_servings(l, p));
	live_slos(l, &slos, &slo_5m);
	add_member(out, "slos", slos);
	add_member(out, "slo_5m", slo_5m);
	add_member(out, "objectives", live_objectives(l, p));
	add_member(out, "objectives_total", count(l->n_groups));
	add_member(out, "traffic", traffic_json(l, p));
	add_member(out, "cost", cost_json(l));
	add_member(out, "receipts", live_receipts(p, *filed));
	buf_addf(
	    out, "\"receipts_written\":%llu}", (unsigned long long)now_filed);
	*filed = now_filed;
}
