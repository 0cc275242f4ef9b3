/* backends/prometheus.c - gauges out of a page of metrics.
 *
 *	vllm:num_requests_running{engine="0",model_name="a b"} 3.0 [time] */
#include "backends/prometheus.h"

#include <math.h>

static bool
is_name_part(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == ':';
}

static struct slice
take_name(struct slice *line)
{
	struct slice name = *line;

	while (line->n > 0 && is_name_part(line->p[0])) {
		line->p++;
		line->n--;
	}
	name.n -= line->n;
	return name;
}

static void
advance(struct slice *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

static void
skip_blanks(struct slice *s)
{
	while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t'))
		advance(s, 1);
}

/* A quoted value, its escapes left as they are: no value that we look for has
 * any. *line begins with the quote. */
static bool
take_quoted(struct slice *line, struct slice *value)
{
	size_t i = 1;

	if (line->n == 0 || line->p[0] != '"')
		return false;
	while (i < line->n && line->p[i] != '"')
		i += line->p[i] == '\\' ? 2 : 1;
	if (i >= line->n)
		return false;
	*value = slice_make(line->p + 1, i - 1);
	advance(line, i + 1);
	return true;
}

/* Reads {a="b",c="d"} off the front of *line, if it is there; *found tells
 * whether label="value" was among them. False: it is malformed. */
static bool
take_labels(
    struct slice *line, const char *label, const char *value, bool *found)
{
	struct slice name, text;

	*found = false;
	skip_blanks(line);
	if (line->n == 0 || line->p[0] != '{')
		return true;
	advance(line, 1);
	for (;;) {
		while (line->n > 0 && (line->p[0] == ' ' || line->p[0] == ','))
			advance(line, 1);
		if (line->n > 0 && line->p[0] == '}')
			break;
		name = take_name(line);
		if (line->n == 0 || line->p[0] != '=')
			return false;
		advance(line, 1);
		if (!take_quoted(line, &text))
			return false;
		if (label != NULL && slice_is(name, label) &&
		    slice_is(text, value))
			*found = true;
	}
	advance(line, 1);
	return true;
}

/* The sample at the end of a line; a time may follow it. */
static bool
read_sample(struct slice line, double *out)
{
	struct slice number = slice_trim(line);
	ptrdiff_t blank = slice_find(number, ' ');

	if (blank >= 0)
		number.n = (size_t)blank;
	return slice_double(number, out) && isfinite(*out);
}

static void
add_sample(struct gauge *g, double v)
{
	g->max = g->n == 0 || v > g->max ? v : g->max;
	g->sum += v;
	g->n++;
}

bool
prometheus_find(struct slice page, const char *name, const char *label,
    const char *value, struct gauge *out)
{
	struct slice line;
	bool found;
	double v;

	*out = (struct gauge){ .n = 0 };
	while (slice_next(&page, '\n', &line)) {
		if (!slice_is(take_name(&line), name) ||
		    !take_labels(&line, label, value, &found))
			continue;
		if ((label == NULL || found) && read_sample(line, &v))
			add_sample(out, v);
	}
	return out->n > 0;
}
