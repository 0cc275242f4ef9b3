/* gateway/telemetry/page.c - writes the Prometheus text format, 0.0.4. */
#include "gateway/telemetry/page.h"

#include <inttypes.h>
#include <stdio.h>

#define SERIES_MAX ((size_t)64 << 10) /* bytes of labels */

void
page_init(struct page *p, struct buf *out)
{
	*p = (struct page){ .out = out };
	buf_init(&p->series, SERIES_MAX);
	buf_init(&p->scratch, SERIES_MAX);
}

void
page_fini(struct page *p)
{
	if (buf_err(&p->series) != OK && buf_err(p->out) == OK)
		p->out->err = buf_err(&p->series);
	buf_fini(&p->series);
	buf_fini(&p->scratch);
}

void
page_metric(struct page *p, const struct metric *m)
{
	static const char *const none[LABELS_MAX] = { NULL };

	p->metric = m;
	p->headed = false;
	page_series(p, none);
}

/* A quoted value escapes like a JSON string, but has no \u: what needs that
 * in JSON, control characters and broken UTF-8, becomes '?'. */
static void
add_quoted(struct page *p, const char *value)
{
	struct slice json;

	buf_reset(&p->scratch);
	buf_add_json(&p->scratch, slice_of(value));
	json = buf_slice(&p->scratch);
	for (size_t i = 0; i < json.n; i++) {
		if (json.p[i] != '\\') {
			buf_add_char(&p->series, json.p[i]);
		} else if (json.p[i + 1] == 'u') {
			buf_add_char(&p->series, '?');
			i += 5;
		} else {
			buf_add(&p->series, slice_make(json.p + i, 2));
			i++;
		}
	}
}

void
page_series(struct page *p, const char *const values[LABELS_MAX])
{
	buf_reset(&p->series);
	for (unsigned i = 0; i < LABELS_MAX; i++) {
		if (values[i] == NULL || values[i][0] == '\0')
			continue;
		if (p->series.n > 0)
			buf_add_char(&p->series, ',');
		buf_add_str(&p->series, p->metric->labels[i]);
		buf_add_char(&p->series, '=');
		add_quoted(p, values[i]);
	}
}

static void
add_head(struct page *p)
{
	const struct metric *m = p->metric;

	if (p->headed)
		return;
	p->headed = true;
	buf_addf(p->out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help,
	    m->name, metric_type_name(m->type));
}

/* `name_suffix{labels,extra} `, to be followed by a value. */
static void
add_name(struct page *p, const char *suffix, const char *extra)
{
	struct slice labels = buf_slice(&p->series);

	add_head(p);
	buf_add_str(p->out, p->metric->name);
	buf_add_str(p->out, suffix);
	if (labels.n > 0 || extra[0] != '\0') {
		buf_add_char(p->out, '{');
		buf_add(p->out, labels);
		if (labels.n > 0 && extra[0] != '\0')
			buf_add_char(p->out, ',');
		buf_add_str(p->out, extra);
		buf_add_char(p->out, '}');
	}
	buf_add_char(p->out, ' ');
}

static void
add_count(struct page *p, const char *suffix, const char *extra, uint64_t n)
{
	add_name(p, suffix, extra);
	buf_addf(p->out, "%" PRIu64 "\n", n);
}

static void
add_value(struct page *p, const char *suffix, double value)
{
	add_name(p, suffix, "");
	buf_addf(p->out, "%.15g\n", value);
}

void
page_count(struct page *p, uint64_t value)
{
	add_count(p, "", "", value);
}

void
page_value(struct page *p, double value)
{
	add_value(p, "", value);
}

void
page_cumul(struct page *p, const struct cumul *c)
{
	const struct bounds *b = p->metric->bounds;
	uint64_t n = 0;
	char le[48];

	if (c->n == 0)
		return;
	for (unsigned i = 0; i < b->n; i++) {
		n += c->count[i];
		snprintf(
		    le, sizeof(le), "le=\"%.10g\"", (double)b->le[i] * b->unit);
		add_count(p, "_bucket", le, n);
	}
	add_count(p, "_bucket", "le=\"+Inf\"", c->n);
	page_totals(p, c, b->unit);
}

void
page_totals(struct page *p, const struct cumul *c, double unit)
{
	add_value(p, "_sum", (double)c->sum * unit);
	add_count(p, "_count", "", c->n);
}
