/* gateway/admin/receipt_json.c - a receipt as JSON. Unknown is null, never
 * zero; times are milliseconds, and begin when the request was in. */
#include <math.h>

#include "gateway/admin/plight.h"
#include "gateway/admin/receipt_render.h"
#include "gateway/admin/values.h"
#include "gateway/conf/dump.h"

static json_t *
ms_of_float(float us)
{
	return us >= 0 ? json_real((double)us / 1e3) : json_null();
}

static void
name_serving(json_t *o, const struct labels *l, uint32_t serving)
{
	struct label label = label_of(l, serving);
	bool none = serving == UINT32_MAX;

	set(o, "backend", none ? json_null() : json_string(label.backend));
	set(o, "upstream_model", none ? json_null() : json_string(label.model));
}

static json_t *
render_slo(const struct receipt *r)
{
	json_t *o = json_object();

	set(o, "class", json_string(r->slo_name));
	set(o, "priority", json_string(priority_name(r->slo.priority)));
	set(o, "percentile", number(r->slo.percentile));
	set(o, "ttft_ms", ms_unless_zero(r->slo.ttft));
	set(o, "itl_ms", ms_unless_zero(r->slo.itl));
	set(o, "total_ms", ms_unless_zero(r->slo.total));
	set(o, "on_miss",
	    json_string(r->slo.on_miss == ON_MISS_REFUSE ? "refuse" : "serve"));
	return o;
}

static json_t *
render_facts(const struct receipt *r)
{
	json_t *o = json_object();

	set(o, "dialect", json_string(dialect_name(r->dialect)));
	set(o, "stream", json_boolean(r->stream));
	set(o, "tokens_in_estimated", json_integer(r->tokens));
	set(o, "max_tokens", count_unless_zero(r->max_tokens));
	set(o, "needs", conf_caps_json(r->needs));
	return o;
}

/* --- plans --- */

static json_t *
render_live(float p50, float p95, float p99)
{
	json_t *o = json_object();

	set(o, "p50_ms", ms_of_float(p50));
	set(o, "p95_ms", ms_of_float(p95));
	set(o, "p99_ms", ms_of_float(p99));
	return o;
}

static json_t *
render_row(const struct route_row *row, usec wall, const struct labels *l)
{
	json_t *o = json_object(), *live = json_object(),
	       *expected = json_object();

	name_serving(o, l, row->serving);
	set(o, "verdict", json_string(verdict_name(row->verdict)));
	set(o, "cause", plight_json(&row->plight, wall, NULL));
	set(o, "in_flight", json_integer(row->in_flight));
	set(expected, "ttft_ms", ms_of_float(row->ttft));
	set(expected, "itl_ms", ms_of_float(row->itl));
	set(expected, "total_ms", ms_of_float(row->total));
	set(o, "expected", expected);
	set(o, "confidence", number((double)row->confidence));
	set(o, "price_usd", number((double)row->price));
	set(o, "score",
	    isfinite(row->score) ? json_real((double)row->score) : json_null());
	set(live, "ttft",
	    render_live(
		row->live_ttft.p50, row->live_ttft.p95, row->live_ttft.p99));
	set(live, "itl",
	    render_live(
		row->live_itl.p50, row->live_itl.p95, row->live_itl.p99));
	set(o, "live", live);
	return o;
}

static json_t *
render_candidates(const struct receipt *r, const struct receipt_plan *p,
    const struct labels *l)
{
	json_t *list;

	if (p->n_rows == 0)
		return json_null();
	list = json_array();
	for (unsigned i = 0; i < p->n_rows; i++)
		json_array_append_new(list,
		    render_row(&r->row[p->rows_at + i], r->wall + p->at, l));
	return list;
}

static json_t *
render_engine(const struct receipt_plan *p, const struct labels *l)
{
	json_t *o = json_object();

	name_serving(o, l, p->engine);
	set(o, "reason", json_string(plan_reason_name(p->engine_reason)));
	return o;
}

static json_t *
render_plan(const struct receipt *r, const struct receipt_plan *p,
    const struct labels *l)
{
	static const char *const kinds[] = {
		[PLAN_GO] = "go", [PLAN_WAIT] = "wait", [PLAN_NO] = "no"
	};
	json_t *o = json_object(), *predicted = json_object();

	set(o, "at_ms", ms(p->at));
	set(o, "kind", json_string(kinds[p->kind]));
	set(o, "reason", json_string(plan_reason_name(p->reason)));
	set(o, "hedge", json_boolean(p->hedge));
	name_serving(o, l, p->serving);
	set(predicted, "ttft_ms", ms(p->ttft));
	set(predicted, "itl_ms", ms(p->itl));
	set(predicted, "total_ms", ms(p->total));
	set(o, "predicted", predicted);
	set(o, "confidence", number((double)p->confidence));
	set(o, "required", number((double)p->required));
	set(o, "engine", render_engine(p, l));
	set(o, "hedge_after_ms",
	    p->kind == PLAN_GO ? ms_unless_zero(p->hedge_after) : json_null());
	set(o, "retry_after_ms",
	    p->kind == PLAN_NO ? ms_unless_zero(p->retry_after) : json_null());
	set(o, "candidates", render_candidates(r, p, l));
	return o;
}

/* --- what happened --- */

static json_t *
render_attempt(const struct receipt *r, unsigned i, const struct labels *l)
{
	unsigned nth;
	const struct attempt_report *a = receipt_attempt(r, i, &nth);
	json_t *o = json_object();

	set(o, "number", json_integer(nth));
	name_serving(o, l, a->serving);
	set(o, "hedge", json_boolean(a->hedge));
	set(o, "translated", json_boolean(a->translated));
	set(o, "fault", fault_json(a->fault));
	set(o, "status", a->status > 0 ? json_integer(a->status) : json_null());
	set(o, "began_ms", ms(a->began));
	set(o, "ended_ms", ms(a->ended));
	set(o, "connection", json_string(connection_name(a->connection)));
	set(o, "connect_ms", ms(a->connect));
	set(o, "tls_ms", ms(a->tls));
	set(o, "ttft_ms", ms(a->ttft));
	set(o, "itl_ms", ms(a->itl));
	set(o, "total_ms", ms(a->total));
	return o;
}

static json_t *
render_missed(const struct receipt *r)
{
	json_t *list = json_array(), *o;
	usec by;

	for (enum phase t = PHASE_TTFT; t <= PHASE_TOTAL; t++) {
		if (!receipt_missed(r, t, &by))
			continue;
		o = json_object();
		set(o, "term", json_string(phase_name(t)));
		set(o, "target_ms", ms(receipt_target(r, t)));
		set(o, "took_ms", ms(by >= 0 ? receipt_took(r, t) : -1));
		set(o, "by_ms", ms(by));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
render_phases(const struct receipt *r)
{
	json_t *o = json_object();

	set(o, "recv_ms", ms(r->recv));
	set(o, "auth_ms", ms(r->auth));
	set(o, "route_ms", ms(r->route));
	set(o, "queue_ms", ms(r->queue));
	set(o, "ttft_ms", ms(r->ttft));
	set(o, "itl_ms", ms(r->itl));
	set(o, "total_ms", ms(r->total));
	set(o, "stalled_ms", ms(r->stalled));
	return o;
}

static json_t *
render_usage(const struct usage *u)
{
	json_t *o = json_object();

	set(o, "reported", json_boolean(u->known));
	set(o, "input", json_integer(u->input));
	set(o, "output", json_integer(u->output));
	set(o, "cached", json_integer(u->cached));
	set(o, "cache_write", json_integer(u->cache_write));
	return o;
}

static json_t *
met(const struct receipt *r)
{
	return r->slo_declared ? json_boolean(r->slo_met) : json_null();
}

static json_t *
render_outcome(const struct receipt *r, const struct labels *l)
{
	json_t *o = json_object(), *attempts = json_array();

	for (unsigned i = 0; i < receipt_attempts(r); i++)
		json_array_append_new(attempts, render_attempt(r, i, l));
	set(o, "result", json_string(result_name(r->result)));
	set(o, "reason", json_string(r->reason));
	set(o, "fault", fault_json(r->fault));
	set(o, "status", r->status > 0 ? json_integer(r->status) : json_null());
	set(o, "slo_met", met(r));
	set(o, "missed", render_missed(r));
	set(o, "phases", render_phases(r));
	set(o, "usage",
	    r->n_attempts > 0 && usage_means(&r->usage, r->dialect)
		? render_usage(&r->usage)
		: json_null());
	set(o, "cost_usd", number(r->cost));
	set(o, "attempts_made", json_integer(r->n_attempts));
	set(o, "attempts", attempts);
	return o;
}

static json_t *
render_why(const struct receipt *r, const struct labels *l)
{
	struct buf text;
	json_t *why;

	buf_init(&text, 4096);
	receipt_why(r, l, &text);
	why = text.n > 0 ? json_stringn(text.p, text.n) : json_string("");
	buf_fini(&text);
	return why;
}

json_t *
receipt_json(const struct receipt *r, const struct labels *l)
{
	json_t *o = json_object(), *plans = json_array();

	for (unsigned i = 0; i < receipt_plans(r); i++)
		json_array_append_new(plans, render_plan(r, &r->plan[i], l));
	set(o, "id", json_string(r->id));
	set(o, "time", moment(r->wall));
	set(o, "tenant", json_string(r->tenant));
	set(o, "model", json_string(r->model));
	set(o, "policy", json_string(r->policy));
	set(o, "slo", render_slo(r));
	set(o, "facts", render_facts(r));
	set(o, "plans_made", json_integer(r->n_plans));
	set(o, "plans", plans);
	set(o, "outcome", render_outcome(r, l));
	set(o, "why", render_why(r, l));
	return o;
}

/* Of the attempt that answered, or was tried last. */
static uint32_t
last_serving(const struct receipt *r)
{
	unsigned n = r->answered > 0 ? r->answered : r->n_attempts;

	return n > 0 ? r->attempt[(n - 1) % ATTEMPTS_KEPT].serving : UINT32_MAX;
}

json_t *
receipt_line_json(const struct receipt *r, const struct labels *l)
{
	json_t *o = json_object();

	set(o, "id", json_string(r->id));
	set(o, "time", moment(r->wall));
	set(o, "tenant", json_string(r->tenant));
	set(o, "model", json_string(r->model));
	set(o, "slo", json_string(r->slo_name));
	name_serving(o, l, last_serving(r));
	set(o, "result", json_string(result_name(r->result)));
	set(o, "reason", json_string(r->reason));
	set(o, "slo_met", met(r));
	set(o, "attempts", json_integer(r->n_attempts));
	set(o, "ttft_ms", ms(r->ttft));
	set(o, "itl_ms", ms(r->itl));
	set(o, "total_ms", ms(r->total));
	set(o, "cost_usd", number(r->cost));
	return o;
}
