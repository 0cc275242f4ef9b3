/* bench/traffic/score.c - what traffic got, judged by its SLOs. */
#include "bench/traffic/score.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "gateway/lib/count.h"

static const double quantiles[] = { 0.5, 0.95, 0.99 };
static const char *const quantile_names[] = { "p50", "p95", "p99" };
#define N_QUANTILES COUNT(quantiles)

void
score_init(struct score *s)
{
	*s = (struct score){ 0 };
}

bool
score_met(const struct scored *r)
{
	const struct slo *slo = r->slo;

	return r->ending == ENDING_WHOLE &&
	    (slo->ttft == 0 || r->ttft <= slo->ttft) &&
	    (slo->itl == 0 || r->itl <= slo->itl) &&
	    (slo->total == 0 || r->total <= slo->total);
}

static void
record(struct hist *h, usec value)
{
	if (value >= 0)
		hist_record(h, value);
}

void
score_class_add(struct score_class *c, const struct scored *r)
{
	bool met = score_met(r);

	c->requests++;
	c->met += met;
	c->shed += r->ending == ENDING_SHED;
	c->failed += r->ending == ENDING_FAILED;
	c->cancelled += r->ending == ENDING_CANCELLED;
	if (r->cost < 0)
		c->unpriced++;
	else
		c->cost += r->cost;
	if (r->ending == ENDING_WHOLE) {
		record(&c->ttft, r->ttft);
		record(&c->itl, r->itl);
		record(&c->total, r->total);
	}
	if (r->confidence >= 0) {
		c->foreseen += r->confidence;
		c->foreseen_n++;
		c->foreseen_met += met;
	}
}

void
score_add(struct score *s, const struct scored *r)
{
	score_class_add(&s->class[r->priority], r);
}

/* --- figures; NAN is "not measured" --- */

static double
share(double part, double of)
{
	return of > 0 ? part / of : NAN;
}

static double
cost_per_met(const struct score_class *c)
{
	return c->unpriced > 0 ? NAN : share(c->cost, (double)c->met);
}

static double
quantile_ms(const struct hist *h, double q)
{
	usec at = hist_quantile(h, q);

	return at < 0 ? NAN : (double)at / 1e3;
}

static struct score_class
sum(const struct score *s, const struct score_run *run)
{
	struct score_class all = { .cost = run->own_cost };

	for (int i = 0; i < SCORE_CLASSES; i++) {
		all.requests += s->class[i].requests;
		all.met += s->class[i].met;
		all.unpriced += s->class[i].unpriced;
		all.cost += s->class[i].cost;
	}
	return all;
}

/* --- JSON --- */

static void
add_number(struct buf *b, const char *name, double value)
{
	if (isfinite(value))
		buf_addf(b, "\"%s\":%.9g", name, value);
	else
		buf_addf(b, "\"%s\":null", name);
}

static void
add_count(struct buf *b, const char *name, uint64_t value)
{
	if (value == SCORE_UNKNOWN)
		buf_addf(b, "\"%s\":null", name);
	else
		buf_addf(b, "\"%s\":%" PRIu64, name, value);
}

static void
add_text(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "\"%s\":", name);
	buf_add_json(b, slice_of(value));
}

static void
add_quantiles(struct buf *b, const char *name, const struct hist *h)
{
	buf_addf(b, ",\"%s\":{", name);
	for (size_t i = 0; i < N_QUANTILES; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		add_number(b, quantile_names[i], quantile_ms(h, quantiles[i]));
	}
	buf_add_char(b, '}');
}

static void
add_class(struct buf *b, const struct score_class *c)
{
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = { { "requests", c->requests }, { "met", c->met },
		{ "shed", c->shed }, { "failed", c->failed },
		{ "cancelled", c->cancelled } };

	buf_add_char(b, '{');
	for (size_t i = 0; i < COUNT(counts); i++) {
		add_count(b, counts[i].name, counts[i].value);
		buf_add_char(b, ',');
	}
	add_number(b, "attainment", share((double)c->met, (double)c->requests));
	buf_add_char(b, ',');
	add_number(b, "cost_per_met", cost_per_met(c));
	add_quantiles(b, "ttft_ms", &c->ttft);
	add_quantiles(b, "itl_ms", &c->itl);
	add_quantiles(b, "total_ms", &c->total);
	buf_add_char(b, ',');
	add_number(b, "foreseen", share(c->foreseen, (double)c->foreseen_n));
	buf_add_char(b, ',');
	add_number(b, "happened",
	    share((double)c->foreseen_met, (double)c->foreseen_n));
	buf_add_char(b, '}');
}

static void
add_classes(struct buf *b, const struct score *s)
{
	buf_add_str(b, ",\"classes\":{");
	for (int i = 0; i < SCORE_CLASSES; i++) {
		buf_addf(b, "%s\"%s\":", i > 0 ? "," : "",
		    priority_name((enum priority)i));
		add_class(b, &s->class[i]);
	}
	buf_add_str(b, "},");
}

static void
add_named(struct buf *b, const struct score_run *run)
{
	for (unsigned i = 0; i < run->n_named; i++) {
		buf_add_str(b, i == 0 ? ",\"named\":{" : ",");
		buf_add_json(b, slice_of(run->named[i].name));
		buf_add_char(b, ':');
		add_class(b, run->named[i].class);
	}
	if (run->n_named > 0)
		buf_add_char(b, '}');
}

void
score_json(const struct score *s, const struct score_run *run, struct buf *b)
{
	const struct score_class all = sum(s, run);

	buf_add_char(b, '{');
	add_text(b, "scenario", run->scenario);
	buf_add_char(b, ',');
	add_text(b, "router", run->router);
	buf_add_char(b, ',');
	add_count(b, "seed", run->seed);
	buf_add_char(b, ',');
	add_count(b, "requests", all.requests);
	add_classes(b, s);
	add_number(b, "cost_per_met", cost_per_met(&all));
	buf_add_char(b, ',');
	add_number(b, "goodput_rps", share((double)all.met, run->seconds));
	buf_add_char(b, ',');
	add_count(b, "hedges", run->hedges);
	buf_add_char(b, ',');
	add_count(b, "probes", run->probes);
	buf_add_char(b, ',');
	add_count(b, "decisions", run->decisions);
	buf_add_char(b, ',');
	add_number(b, "detect_s", run->detect_s < 0 ? NAN : run->detect_s);
	add_named(b, run);
	buf_add(b, run->more);
	buf_add_str(b, "}\n");
}

/* --- the table --- */

/* About three significant digits, in a column. */
static void
cell(struct buf *b, int width, double value)
{
	char text[32] = "-";
	int digits = 0;

	if (value < 100)
		digits = value < 10 ? 2 : 1;
	if (isfinite(value))
		snprintf(text, sizeof(text), "%.*f", digits, value);
	buf_addf(b, " %*s", width, text);
}

static void
heading(struct buf *b)
{
	static const char *const spans[] = { "TTFT p50", "ITL p50",
		"total p50" };

	buf_addf(b, "%-10s %8s %6s %8s %6s %6s %7s %9s", "", "requests",
	    "met %", "foreseen", "shed", "failed", "gave up", "cost/met");
	for (size_t i = 0; i < COUNT(spans); i++)
		buf_addf(b, " %9s %6s %6s", spans[i], "p95", "p99");
	buf_add_char(b, '\n');
}

static void
row(struct buf *b, const char *name, const struct score_class *c)
{
	const struct hist *const hists[] = { &c->ttft, &c->itl, &c->total };
	const double cost = cost_per_met(c);

	buf_addf(b, "%-10.24s %8" PRIu64, name, c->requests);
	cell(b, 6, 100 * share((double)c->met, (double)c->requests));
	cell(b, 8, 100 * share(c->foreseen, (double)c->foreseen_n));
	buf_addf(b, " %6" PRIu64 " %6" PRIu64 " %7" PRIu64, c->shed, c->failed,
	    c->cancelled);
	if (isfinite(cost))
		buf_addf(b, " %9.3g", cost);
	else
		buf_addf(b, " %9s", "-");
	for (size_t i = 0; i < COUNT(hists); i++) {
		buf_add_char(b, ' ');
		cell(b, 8, quantile_ms(hists[i], 0.5));
		cell(b, 6, quantile_ms(hists[i], 0.95));
		cell(b, 6, quantile_ms(hists[i], 0.99));
	}
	buf_add_char(b, '\n');
}

static void
known_count(struct buf *b, const char *name, uint64_t value)
{
	if (value != SCORE_UNKNOWN)
		buf_addf(b, "   %s %" PRIu64, name, value);
}

static void
known_number(struct buf *b, const char *name, double value)
{
	if (isfinite(value) && value >= 0)
		buf_addf(b, "   %s %.4g", name, value);
}

void
score_table(const struct score *s, const struct score_run *run, struct buf *b)
{
	const struct score_class all = sum(s, run);

	buf_addf(b, "%s by %s, seed %" PRIu64 "\n\n", run->scenario,
	    run->router, run->seed);
	heading(b);
	for (int i = 0; i < SCORE_CLASSES; i++)
		row(b, priority_name((enum priority)i), &s->class[i]);
	if (run->n_named > 1) /* the only one is in the rows above */
		buf_add_char(b, '\n');
	for (unsigned i = 0; run->n_named > 1 && i < run->n_named; i++)
		row(b, run->named[i].name, run->named[i].class);
	buf_addf(b, "\ntimes in ms   requests %" PRIu64, all.requests);
	known_number(b, "cost/met", cost_per_met(&all));
	known_number(b, "SLO-met/s", share((double)all.met, run->seconds));
	known_count(b, "hedges", run->hedges);
	known_count(b, "probes", run->probes);
	known_count(b, "decisions", run->decisions);
	known_number(b, "detected after s", run->detect_s);
	buf_add_char(b, '\n');
}
