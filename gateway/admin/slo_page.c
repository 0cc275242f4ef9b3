/* gateway/admin/slo_page.c - /admin/v1/slo: per model, tenant and class what
 * was measured, what was predicted, and what each serving could hold.
 *
 * A figure under "measured" happened; one under "predicted" did not, or not
 * yet. "could_hold" lists what each serving did of late, for whoever asked, at
 * the load that it had: more traffic would make it slower. */
#include "gateway/admin/slo_page.h"

#include <math.h>
#include <stdlib.h>

#include "gateway/admin/slo_book.h"
#include "gateway/admin/values.h"
#include "policies/boundaries.h"
#include "policies/price.h"

/* A mean or a share of nothing is not known. */
static json_t *
per(double sum, uint64_t n)
{
	return n > 0 ? json_real(sum / (double)n) : json_null();
}

/* --- measured --- */

static json_t *
render_hist(const struct hist *h)
{
	json_t *o = json_object();

	set(o, "p50_ms", ms(hist_quantile(h, 0.5)));
	set(o, "p95_ms", ms(hist_quantile(h, 0.95)));
	set(o, "p99_ms", ms(hist_quantile(h, 0.99)));
	set(o, "n", count(h->n));
	return o;
}

static json_t *
render_measured(const struct slo_group *g)
{
	json_t *o = json_object();

	set(o, "requests", count(g->requests));
	set(o, "left", count(g->left));
	set(o, "refused", count(g->refused));
	set(o, "failed", count(g->failed));
	set(o, "with_targets", count(g->declared));
	set(o, "met", count(g->met));
	set(o, "missed", count(g->declared - g->met));
	set(o, "attainment", per((double)g->met, g->declared));
	set(o, "missed_ttft", count(g->missed_ttft));
	set(o, "missed_itl", count(g->missed_itl));
	set(o, "missed_total", count(g->missed_total));
	set(o, "ttft", render_hist(&g->ttft));
	set(o, "itl", render_hist(&g->itl));
	set(o, "cost_usd", g->priced > 0 ? json_real(g->cost) : json_null());
	set(o, "cost_usd_per_request", per(g->cost, g->priced));
	set(o, "priced", count(g->priced));
	set(o, "tokens_in_mean", per((double)g->tokens_in, g->answered));
	set(o, "tokens_out_mean", per((double)g->tokens_out, g->answered));
	return o;
}

/* --- predicted --- */

/* How far the predictions of what was really used came true. */
static json_t *
render_calibration(const struct slo_group *g)
{
	json_t *o = json_object();

	set(o, "n", count(g->confidence.n));
	set(o, "predicted_met", per(g->confidence.sum, g->confidence.n));
	set(o, "measured_met", per((double)g->confident_met, g->confidence.n));
	return o;
}

static json_t *
render_engine(const struct slo_group *g)
{
	json_t *o = json_object();

	set(o, "same_choice", count(g->same));
	set(o, "other_choice", count(g->other));
	set(o, "no_choice", count(g->none));
	set(o, "confidence_mean",
	    per(g->engine_confidence.sum, g->engine_confidence.n));
	set(o, "compared_by_price", count(g->compared_price));
	set(o, "price_usd_of_used",
	    g->compared_price > 0 ? json_real(g->used_price) : json_null());
	set(o, "price_usd_of_engine",
	    g->compared_price > 0 ? json_real(g->engine_price) : json_null());
	set(o, "compared_by_misses", count(g->compared_miss));
	set(o, "misses_of_used",
	    g->compared_miss > 0 ? json_real(g->used_misses) : json_null());
	set(o, "misses_of_engine",
	    g->compared_miss > 0 ? json_real(g->engine_misses) : json_null());
	set(o, "missed_where_it_differed", count(g->missed_other));
	set(o, "of_these_likely_met", json_real(g->fixed));
	set(o, "met_where_it_differed", count(g->met_other));
	set(o, "of_these_likely_missed", json_real(g->broken));
	return o;
}

/* --- what the fleet could hold --- */

struct option {
	const struct conf_serving *serving;
	const struct serving_view *view;
	double price; /* USD per request; negative: unknown */
};

static int
by_price(const void *a, const void *b)
{
	const struct option *x = a, *y = b;
	double p = price_rank(x->price), q = price_rank(y->price);

	return p < q ? -1 : p > q;
}

/* For as much as an answered request of the group took on average. */
static double
price_of_mean(const struct conf_price *price, const struct slo_group *g)
{
	const double n = g->answered > 0 ? (double)g->answered : 1;
	const struct units mean = { .images = g->units.images / n,
		.characters = g->units.characters / n,
		.seconds = g->units.seconds / n };

	return price_of_request(
	    price, (double)g->tokens_in / n, (double)g->tokens_out / n, &mean);
}

static size_t
list_options(const struct admin_picture *p, const struct slo_group *g,
    const struct conf_model *m, const struct conf_tenant *t,
    struct option *list)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_servings; i++) {
		const struct conf_serving *s = &m->servings[i];
		const struct serving_view *v = admin_view_of(p, s->id);

		if (v == NULL || s->backend->off != NULL ||
		    !boundary_serving(t, &g->slo, s))
			continue;
		list[n++] =
		    (struct option){ s, v, price_of_mean(&s->price, g) };
	}
	qsort(list, n, sizeof(*list), by_price);
	return n;
}

static json_t *
render_live(const struct serving_view *v, enum phase phase)
{
	json_t *o = json_object();

	set(o, "p50_ms", ms(v->live[phase].p50));
	set(o, "p95_ms", ms(v->live[phase].p95));
	set(o, "p99_ms", ms(v->live[phase].p99));
	set(o, "n", json_real(v->live[phase].n));
	return o;
}

static bool
slower(usec a, usec b) /* unknown is slower than anything */
{
	return b >= 0 && (a < 0 || a > b);
}

/* What is paid by the hour is paid anyway; an unknown price is no less. */
static bool
is_cheaper(const struct option *a, const struct option *b)
{
	double mine = fmax(a->serving->price.hourly, 0);
	double its = fmax(b->serving->price.hourly, 0);

	return a->price >= 0 && a->price <= b->price && mine <= its &&
	    (a->price < b->price || mine < its);
}

static bool
is_as_fast(const struct serving_view *a, const struct serving_view *b)
{
	static const enum phase phases[] = { PHASE_TTFT, PHASE_ITL };

	for (size_t i = 0; i < 2; i++) {
		enum phase ph = phases[i];

		if (slower(a->live[ph].p95, b->live[ph].p95) ||
		    slower(a->live[ph].p99, b->live[ph].p99))
			return false;
	}
	return true;
}

/* Whether a cheaper one was no slower in anything. */
static bool
dominated(const struct option *list, size_t n, size_t i)
{
	if (list[i].view->live[PHASE_TTFT].p95 < 0)
		return false;
	for (size_t k = 0; k < n; k++)
		if (is_cheaper(&list[k], &list[i]) &&
		    is_as_fast(list[k].view, list[i].view))
			return true;
	return false;
}

static json_t *
render_option(const struct option *list, size_t n, size_t i)
{
	const struct option *o = &list[i];
	const struct conf_price *price = &o->serving->price;
	json_t *doc = json_object();

	set(doc, "backend", json_string(o->serving->backend->name));
	set(doc, "upstream_model", json_string(o->serving->upstream));
	set(doc, "fallback", json_boolean(o->serving->fallback));
	set(doc, "ttft", render_live(o->view, PHASE_TTFT));
	set(doc, "itl", render_live(o->view, PHASE_ITL));
	set(doc, "price_usd_per_request", number(o->price));
	set(doc, "hourly_usd", number(price->hourly));
	set(doc, "outdone", json_boolean(dominated(list, n, i)));
	return doc;
}

/* A tenant or a model that is no longer configured could hold nothing. */
static json_t *
render_could_hold(const struct admin_picture *p, const struct slo_group *g)
{
	const struct conf_model *m =
	    conf_find_model(p->conf, slice_of(g->model));
	const struct conf_tenant *t =
	    conf_find_tenant(p->conf, slice_of(g->tenant));
	struct option list[CONF_SERVINGS_MAX];
	json_t *options = json_array();
	size_t n;

	if (m == NULL || (t == NULL && p->conf->n_tenants > 0))
		return options;
	n = list_options(p, g, m, t, list);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(options, render_option(list, n, i));
	return options;
}

static json_t *
render_group(const struct admin_picture *p, const struct slo_group *g)
{
	json_t *o = json_object(), *slo = json_object(),
	       *predicted = json_object();

	set(slo, "class", json_string(g->name));
	set(slo, "priority", json_string(priority_name(g->slo.priority)));
	set(slo, "percentile",
	    g->slo.percentile > 0 ? json_real(g->slo.percentile) : json_null());
	set(slo, "ttft_ms", ms_unless_zero(g->slo.ttft));
	set(slo, "itl_ms", ms_unless_zero(g->slo.itl));
	set(slo, "total_ms", ms_unless_zero(g->slo.total));
	set(predicted, "calibration", render_calibration(g));
	set(predicted, "engine", render_engine(g));
	set(o, "model", json_string(g->model));
	set(o, "tenant", json_string(g->tenant));
	set(o, "slo", slo);
	set(o, "measured", render_measured(g));
	set(o, "predicted", predicted);
	set(o, "could_hold", render_could_hold(p, g));
	return o;
}

json_t *
slo_page_json(const struct admin_picture *p)
{
	json_t *doc = json_object(), *list = json_array();
	struct slo_group *g = malloc(sizeof(*g));

	set(doc, "policy", json_string(p->conf->policy));
	set(doc, "since_s", json_real((double)p->gauges.uptime / 1e6));
	for (size_t i = 0;
	     g != NULL && p->book != NULL && slo_book_group(p->book, i, g); i++)
		json_array_append_new(list, render_group(p, g));
	set(doc, "groups", list);
	free(g);
	return doc;
}
