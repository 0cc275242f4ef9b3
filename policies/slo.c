/* policies/slo.c - which latency target a request has. */
#include "policies/slo.h"

#include <math.h>

#define TARGET_MAX_MS (24 * 3600 * 1000.0) /* a day */
#define SHOWN_MAX 64 /* bytes of a bad value that a message repeats */

/* Digits and a point only: no sign, exponent, hexadecimal or "nan". */
static bool
plain_number(struct slice s, double *out)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '.' && (s.p[i] < '0' || s.p[i] > '9'))
			return false;
	return slice_double(s, out);
}

static enum err
read_target(const char *header, struct slice value, usec *target, bool *custom,
    struct errmsg *why)
{
	double ms;

	value = slice_trim(value);
	if (value.n == 0)
		return OK;
	if (!plain_number(value, &ms) || ms <= 0 || ms > TARGET_MAX_MS)
		return fail(why, ERR_INVALID,
		    "%s: want milliseconds above 0 and up to %.0f, got "
		    "\"%.*s\"",
		    header, TARGET_MAX_MS, SLICE_SHORT(value, SHOWN_MAX));
	*target = (usec)fmax(ms * (double)USEC_MS, 1);
	*custom = true;
	return OK;
}

static enum err
find_class(const struct conf *c, const struct conf_tenant *t, struct slice name,
    const struct slo *suffix, const struct slo **out, struct errmsg *why)
{
	name = slice_trim(name);
	if (name.n > 0) {
		*out = conf_find_slo(c, name);
		if (*out == NULL)
			return fail(why, ERR_INVALID,
			    "x-slo-class: no SLO class is called \"%.*s\"",
			    SLICE_SHORT(name, SHOWN_MAX));
		return OK;
	}
	*out = suffix;
	if (*out == NULL && t != NULL)
		*out = t->slo;
	if (*out == NULL)
		*out = c->default_slo;
	return OK;
}

enum err
slo_resolve(const struct conf *c, const struct conf_tenant *t,
    const struct slo_headers *h, const struct slo *suffix, struct slo *out,
    struct errmsg *why)
{
	const struct slo *class;
	struct slo s;
	bool custom = false;
	enum err rc;

	rc = find_class(c, t, h->slo_class, suffix, &class, why);
	if (rc != OK)
		return rc;
	s = *class;
	rc = read_target("x-slo-ttft-ms", h->ttft_ms, &s.ttft, &custom, why);
	if (rc == OK)
		rc = read_target(
		    "x-slo-itl-ms", h->itl_ms, &s.itl, &custom, why);
	if (rc == OK)
		rc = read_target(
		    "x-slo-total-ms", h->total_ms, &s.total, &custom, why);
	if (rc != OK)
		return rc;
	if (custom)
		s.name = "custom";
	if (t != NULL && s.priority < t->priority)
		s.priority = t->priority;
	*out = s;
	return OK;
}

bool
slo_has_targets(const struct slo *s)
{
	return s->ttft > 0 || s->itl > 0 || s->total > 0;
}

double
slo_whole(const struct slo *s, double tokens)
{
	double total = (double)s->total, paced;

	if (s->ttft <= 0 || s->itl <= 0)
		return total;
	paced = (double)s->ttft + (double)s->itl * fmax(tokens - 1, 0);
	return s->total > 0 ? fmin(total, paced) : paced;
}
