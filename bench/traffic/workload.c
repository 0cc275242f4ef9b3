/* bench/traffic/workload.c - who asks for what, and when. */
#include "bench/traffic/workload.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/traffic/lengths.h"

#define YEAR (365.25 * 24 * 3600 * USEC_SEC)
#define YEARS_MOST 100 /* more is a speed that is wrong */

enum stream {
	STREAM_GAP,
	STREAM_LENGTH,
	STREAM_WHO,
	STREAM_FLOOD_GAP,
	STREAM_FLOOD_LENGTH
};

static void
draw_lengths(const struct workload *w, struct rng *r, const struct arrival *row,
    struct workload_request *out)
{
	double a = rng_unit(r), b = rng_unit(r);
	double heavy = w->options->pareto;

	out->prompt = row != NULL ? row->prompt : length_of_prompt(a);
	if (heavy > 0)
		out->output = length_of_heavy_output(b, heavy);
	else
		out->output = row != NULL ? row->output : length_of_output(b);
	out->prompt += out->prompt == 0;
	out->output += out->output == 0;
}

/* --- gaps --- */

/* Marsaglia and Tsang, "A simple method for generating gamma variables", 2000;
 * shapes below 1 by their boost. Scale 1. */
static double
draw_gamma(struct rng *r, double shape)
{
	double boost = shape < 1 ? pow(1 - rng_unit(r), 1 / shape) : 1;
	double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
	double c = 1 / sqrt(9 * d), x, v;

	for (;;) {
		x = rng_normal(r);
		v = 1 + c * x;
		if (v <= 0)
			continue;
		v = v * v * v;
		if (log(1 - rng_unit(r)) < x * x / 2 + d - d * v + d * log(v))
			return d * v * boost;
	}
}

static double
draw_gap(struct workload *w)
{
	const struct workload_options *o = w->options;
	double mean = 1e6 / (WORKLOAD_RATE * o->speed);

	if (o->cv == 1)
		return rng_exponential(&w->gap, mean);
	return draw_gamma(&w->gap, 1 / (o->cv * o->cv)) * mean * o->cv * o->cv;
}

/* From even time to time in which bursts are denser. */
static usec
fold_bursts(const struct workload_options *o, double even)
{
	double every = (double)o->burst_every, length = (double)o->burst_length;
	double before = (every - length) / 2, rest, whole;

	even = fmin(even, YEARS_MOST * YEAR);
	if (o->burst_every == 0)
		return (usec)even;
	whole = floor(even / (every - length + o->burst * length));
	rest = even - whole * (every - length + o->burst * length);
	if (rest > before + o->burst * length)
		rest -= (o->burst - 1) * length;
	else if (rest > before)
		rest = before + (rest - before) / o->burst;
	return (usec)(whole * every + rest);
}

/* --- the next of each --- */

static void
give(const struct workload_source *from, struct workload_request *out)
{
	out->tenant = from->tenant;
	out->model = from->model;
	out->slo = from->slo;
}

/* By shares, and then what the trace says of it. */
static void
give_main(struct workload *w, unsigned asker, struct workload_request *out)
{
	double who = rng_unit(&w->who);
	const struct workload_source *named;
	size_t i = 0;

	while (i + 1 < w->n_sources && w->sources[i].upto <= who)
		i++;
	give(&w->sources[i], out);
	if (asker == 0)
		return;
	named = &w->named[asker - 1];
	if (named->tenant != NULL)
		give(named, out);
	if (named->model != NULL)
		out->model = named->model;
	if (named->slo != NULL)
		out->slo = named->slo;
}

static bool
step_main(struct workload *w, struct workload_request *out)
{
	const struct workload_options *o = w->options;
	const struct arrival *row = NULL;

	if (o->trace != NULL) {
		if (w->arrivals.over)
			return false;
		row = &w->arrivals.next;
		w->clock = (double)row->due;
	} else {
		if (w->n == o->requests)
			return false;
		w->clock += draw_gap(w);
	}
	*out = (struct workload_request){ .due = fold_bursts(o, w->clock) };
	draw_lengths(w, &w->length, row, out);
	give_main(w, row != NULL ? row->asker : 0, out);
	if (row != NULL)
		arrivals_step(&w->arrivals);
	w->n++;
	return o->duration == 0 || out->due < o->duration;
}

static bool
step_flood(struct workload *w, struct workload_request *out)
{
	w->flood_clock +=
	    rng_exponential(&w->flood_gap, 1e6 / w->options->flood_rate);
	*out = (struct workload_request){ .due = (usec)w->flood_clock,
		.flood = true };
	draw_lengths(w, &w->flood_length, NULL, out);
	give(&w->sources[w->flooder], out);
	return out->due < w->flood_end;
}

bool
workload_next(struct workload *w, struct workload_request *out)
{
	do {
		if (w->main_over && w->flood_over)
			return false;
		if (w->flood_over ||
		    (!w->main_over && w->main.due <= w->flood.due)) {
			*out = w->main;
			w->main_over = !step_main(w, &w->main);
		} else {
			*out = w->flood;
			w->flood_over = !step_flood(w, &w->flood);
		}
		out->id = w->id++;
	} while (w->options->drop[out->slo->priority]);
	return true;
}

usec
workload_span(const struct workload *w)
{
	const struct workload_options *o = w->options;
	double even = (double)o->requests * 1e6 / (WORKLOAD_RATE * o->speed);
	usec span;

	if (o->trace != NULL)
		even =
		    (double)w->arrivals.rows[w->arrivals.n - 1].due / o->speed;
	span = fold_bursts(o, even);
	return o->duration > 0 && o->duration < span ? o->duration : span;
}

/* --- sources --- */

static bool
chats(const struct conf_model *m)
{
	for (size_t i = 0; i < m->n_servings; i++)
		if ((m->servings[i].caps & CAP_CHAT) != 0)
			return true;
	return false;
}

/* Of those that it may ask (NULL: all), the i-th, or the next one that chats:
 * so do all requests here. */
static const struct conf_model *
model_of(const struct conf *c, const char *const *named, size_t i)
{
	size_t n = 0, all = c->n_models;
	const struct conf_model *m;

	while (named != NULL && named[n] != NULL)
		n++;
	for (size_t k = 0; k < n; k++) {
		m = conf_find_model(c, slice_of(named[(i + k) % n]));
		if (m != NULL && chats(m))
			return m;
	}
	for (size_t k = 0; n == 0 && k < all; k++)
		if (chats(&c->models[(i + k) % all]))
			return &c->models[(i + k) % all];
	return &c->models[0];
}

static const struct slo *
slo_of(const struct conf *c, const struct conf_tenant *t)
{
	return t->slo != NULL ? t->slo : c->default_slo;
}

static void
add_source(struct workload *w, const struct conf *c,
    const struct conf_tenant *t, const struct slo *slo)
{
	w->sources[w->n_sources] = (struct workload_source){ .tenant = t,
		.slo = slo,
		.model =
		    model_of(c, t != NULL ? t->models : NULL, w->n_sources) };
	w->n_sources++;
}

/* Those of one priority share its part evenly; the part of a priority that
 * nobody has is shared by the others. */
static bool
share_out(struct workload *w)
{
	unsigned count[WORKLOAD_PRIORITIES] = { 0 };
	double sum = 0, upto = 0;

	for (size_t i = 0; i < w->n_sources; i++) {
		assert(w->sources[i].slo != NULL);
		count[w->sources[i].slo->priority]++;
	}
	for (int p = 0; p < WORKLOAD_PRIORITIES; p++)
		if (count[p] > 0)
			sum += w->options->mix[p];
	for (size_t i = 0; i < w->n_sources; i++) {
		enum priority p = w->sources[i].slo->priority;

		upto += w->options->mix[p] / count[p] / sum;
		w->sources[i].upto = upto;
	}
	return sum > 0;
}

static enum err
find_sources(struct workload *w, const struct conf *c, struct errmsg *why)
{
	const char *flood = w->options->flood;

	w->sources = calloc(c->n_tenants + c->n_slos + 1, sizeof(*w->sources));
	if (w->sources == NULL)
		return fail(why, ERR_MEMORY, "out of memory");
	for (size_t i = 0; i < c->n_tenants; i++)
		add_source(w, c, &c->tenants[i], slo_of(c, &c->tenants[i]));
	if (c->n_tenants == 0)
		for (size_t i = 0; i < c->n_slos; i++)
			add_source(w, c, NULL, &c->slos[i]);
	if (w->n_sources == 0)
		add_source(w, c, NULL, c->default_slo);
	if (!share_out(w))
		return fail(why, ERR_INVALID,
		    "no tenant or class of %s gets any of the traffic",
		    c->path);
	w->flood_over = flood == NULL;
	if (flood == NULL)
		return OK;
	for (size_t i = 0; i < w->n_sources; i++)
		if (w->sources[i].tenant != NULL &&
		    strcmp(w->sources[i].tenant->name, flood) == 0) {
			w->flooder = i;
			return OK;
		}
	return fail(why, ERR_NOT_FOUND, "no tenant \"%s\" in %s to flood",
	    flood, c->path);
}

/* --- who the trace names --- */

static enum err
refuse_name(const struct workload *w, const struct asker *a, const char *what,
    struct slice name, const struct conf *c, struct errmsg *why)
{
	return fail(why, ERR_NOT_FOUND, "%s:%d: no %s \"%.*s\" in %s",
	    w->options->trace, a->line, what, SLICE_ARG(name), c->path);
}

static enum err
find_named(struct workload *w, const struct conf *c, const struct asker *a,
    struct workload_source *out, struct errmsg *why)
{
	if (a->tenant.n > 0) {
		out->tenant = conf_find_tenant(c, a->tenant);
		if (out->tenant == NULL)
			return refuse_name(w, a, "tenant", a->tenant, c, why);
		out->model = model_of(c, out->tenant->models, 0);
		out->slo = slo_of(c, out->tenant);
	}
	if (a->model.n > 0) {
		out->model = conf_find_model(c, a->model);
		if (out->model == NULL)
			out->model = conf_find_pattern(c, a->model);
		if (out->model == NULL)
			return refuse_name(w, a, "model", a->model, c, why);
	}
	if (a->slo.n > 0) {
		out->slo = conf_find_slo(c, a->slo);
		if (out->slo == NULL && slice_is(a->slo, c->default_slo->name))
			out->slo = c->default_slo; /* it is in no list */
		if (out->slo == NULL)
			return refuse_name(w, a, "class", a->slo, c, why);
	}
	return OK;
}

static enum err
read_trace(struct workload *w, const struct conf *c, struct errmsg *why)
{
	const struct workload_options *o = w->options;
	enum err rc = arrivals_trace(&w->arrivals, o->trace, o->speed, why);

	if (rc != OK || w->arrivals.n_askers == 0)
		return rc;
	w->named = calloc(w->arrivals.n_askers, sizeof(*w->named));
	if (w->named == NULL)
		return fail(why, ERR_MEMORY, "out of memory");
	for (size_t i = 0; i < w->arrivals.n_askers && rc == OK; i++)
		rc =
		    find_named(w, c, &w->arrivals.askers[i], &w->named[i], why);
	return rc;
}

static enum err
check_span(const struct workload *w, struct errmsg *why)
{
	const struct workload_options *o = w->options;

	if (o->duration > 0 || (double)workload_span(w) < YEARS_MOST * YEAR)
		return OK;
	return fail(why, ERR_INVALID,
	    "at %g times the speed arrivals take %d years or more: want a "
	    "greater one, or a duration",
	    o->speed, YEARS_MOST);
}

enum err
workload_init(struct workload *w, const struct workload_options *o,
    const struct conf *c, struct errmsg *why)
{
	enum err rc;

	*w = (struct workload){ .options = o };
	rng_init(&w->gap, o->seed, STREAM_GAP);
	rng_init(&w->length, o->seed, STREAM_LENGTH);
	rng_init(&w->who, o->seed, STREAM_WHO);
	rng_init(&w->flood_gap, o->seed, STREAM_FLOOD_GAP);
	rng_init(&w->flood_length, o->seed, STREAM_FLOOD_LENGTH);
	rc = find_sources(w, c, why);
	if (rc == OK && o->trace != NULL)
		rc = read_trace(w, c, why);
	if (rc == OK)
		rc = check_span(w, why);
	if (rc != OK) {
		workload_fini(w);
		return rc;
	}
	w->main_over = !step_main(w, &w->main);
	if (!w->flood_over) {
		double span = (double)workload_span(w);

		w->flood_clock = o->flood_at * span;
		w->flood_end = (usec)((o->flood_at + o->flood_for) * span);
		w->flood_over = !step_flood(w, &w->flood);
	}
	return OK;
}

void
workload_fini(struct workload *w)
{
	arrivals_fini(&w->arrivals);
	free(w->sources);
	free(w->named);
	w->sources = w->named = NULL;
}
