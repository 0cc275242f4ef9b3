/* bench/load/options_set.c - the options of `pointsman loadtest`: a row each,
 * and how its value is read. */
#include "bench/load/options_set.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/conf/value.h"
#include "gateway/lib/count.h"
#include "gateway/lib/scan.h"

static enum err
read_count(const char *text, uint64_t max, uint64_t *out, struct errmsg *why)
{
	if (slice_u64(slice_of(text), out) && *out >= 1 && *out <= max)
		return OK;
	return fail(why, ERR_INVALID,
	    "want a whole number of 1..%llu, got \"%s\"",
	    (unsigned long long)max, text);
}

static enum err
read_unsigned(const char *text, unsigned max, unsigned *out, struct errmsg *why)
{
	uint64_t n = 0;
	enum err rc = read_count(text, max, &n, why);

	if (rc == OK)
		*out = (unsigned)n;
	return rc;
}

static enum err
read_positive(const char *text, double *out, struct errmsg *why)
{
	if (slice_double(slice_of(text), out) && *out > 0 && *out <= 1e6)
		return OK;
	return fail(why, ERR_INVALID,
	    "want a number above 0 and up to 1000000, got \"%s\"", text);
}

static enum err
read_span(struct slice text, usec *out, struct errmsg *why)
{
	if (duration_parse(text, out) && *out > 0)
		return OK;
	return fail(why, ERR_INVALID,
	    "want a time such as 500ms, 60s or 5m, got \"%.*s\"",
	    SLICE_ARG(text));
}

static enum err
set_url(struct draft *d, const char *v, struct errmsg *why)
{
	free(d->o->url);
	d->o->url = NULL;
	return loadtest_url(
	    slice_of(v), &d->o->url, d->o->host, sizeof(d->o->host), why);
}

static enum err
set_class(struct draft *d, const char *v, struct errmsg *why)
{
	struct offer_setup *s = &d->o->offer;
	struct load_class *c = &d->o->classes[s->n_classes];
	enum err rc;

	if (s->n_classes == LOADTEST_CLASSES)
		return fail(why, ERR_LIMIT, "want at most %d classes",
		    LOADTEST_CLASSES);
	rc = load_class_parse(slice_of(v), s->n_classes + 1, c, why);
	if (rc != OK)
		return rc;
	s->n_classes++;
	for (const struct load_class *b = d->o->classes; b < c; b++)
		if (strcmp(b->name, c->name) == 0)
			return fail(why, ERR_INVALID,
			    "want each name once, got two of \"%s\"", c->name);
	return OK;
}

static enum err
set_model(struct draft *d, const char *v, struct errmsg *why)
{
	(void)why;
	d->model = v;
	return OK;
}

static enum err
set_key(struct draft *d, const char *v, struct errmsg *why)
{
	(void)why;
	d->key = v;
	return OK;
}

static enum err
set_rate(struct draft *d, const char *v, struct errmsg *why)
{
	return read_positive(v, &d->o->offer.rate, why);
}

static enum err
set_bursts(struct draft *d, const char *v, struct errmsg *why)
{
	struct bursts *b = &d->o->offer.bursts;
	struct slice rest = slice_of(v), factor, length, every, more;

	if (!slice_next(&rest, ',', &factor) ||
	    !slice_next(&rest, ',', &length) ||
	    !slice_next(&rest, ',', &every) || slice_next(&rest, ',', &more) ||
	    !slice_double(factor, &b->factor) || b->factor <= 0 ||
	    !duration_parse(length, &b->length) ||
	    !duration_parse(every, &b->every) || b->length <= 0 ||
	    b->every <= b->length)
		return fail(why, ERR_INVALID,
		    "want FACTOR,LENGTH,EVERY such as 4,12s,120s, got \"%s\"",
		    v);
	return OK;
}

static enum err
set_trace(struct draft *d, const char *v, struct errmsg *why)
{
	(void)why;
	d->o->offer.trace = v;
	return OK;
}

static enum err
set_speed(struct draft *d, const char *v, struct errmsg *why)
{
	d->speed_given = true;
	return read_positive(v, &d->o->offer.speed, why);
}

static enum err
set_requests(struct draft *d, const char *v, struct errmsg *why)
{
	return read_count(v, UINT32_MAX, &d->o->requests, why);
}

static enum err
set_duration(struct draft *d, const char *v, struct errmsg *why)
{
	return read_span(slice_of(v), &d->o->duration, why);
}

static enum err
set_prompt(struct draft *d, const char *v, struct errmsg *why)
{
	return read_unsigned(v, 1u << 20, &d->o->offer.prompt, why);
}

static enum err
set_max_tokens(struct draft *d, const char *v, struct errmsg *why)
{
	return read_unsigned(v, 1u << 20, &d->o->max_tokens, why);
}

static enum err
set_honour(struct draft *d, const char *v, struct errmsg *why)
{
	(void)v;
	(void)why;
	d->o->honour_lengths = true;
	return OK;
}

static enum err
set_extra(struct draft *d, const char *v, struct errmsg *why)
{
	struct scan_member first;
	struct slice s = slice_trim(slice_of(v));
	struct errmsg flaw;
	size_t n;

	if (scan_object(s, &first, 1, &n, &flaw) != OK)
		return fail(
		    why, ERR_SYNTAX, "want a JSON object: %s", flaw.text);
	d->o->extra = slice_trim(slice_make(s.p + 1, s.n - 2));
	return OK;
}

static enum err
set_timeout(struct draft *d, const char *v, struct errmsg *why)
{
	return read_span(slice_of(v), &d->o->timeout, why);
}

static enum err
set_limit(struct draft *d, const char *v, struct errmsg *why)
{
	return read_unsigned(v, 100000, &d->o->limit, why);
}

static enum err
set_price(struct draft *d, const char *v, struct errmsg *why)
{
	struct loadtest_options *o = d->o;

	if (o->n_prices == LOADTEST_PRICES)
		return fail(
		    why, ERR_LIMIT, "want at most %d prices", LOADTEST_PRICES);
	return load_price_parse(slice_of(v), &o->prices[o->n_prices++], why);
}

static enum err
set_ca(struct draft *d, const char *v, struct errmsg *why)
{
	(void)why;
	d->o->ca_file = v;
	return OK;
}

static enum err
set_seed(struct draft *d, const char *v, struct errmsg *why)
{
	if (slice_u64(slice_of(v), &d->o->offer.seed))
		return OK;
	return fail(why, ERR_INVALID, "want a whole number, got \"%s\"", v);
}

static enum err
set_out(struct draft *d, const char *v, struct errmsg *why)
{
	(void)why;
	d->o->requests_out = v;
	return OK;
}

static enum err
set_json(struct draft *d, const char *v, struct errmsg *why)
{
	(void)v;
	(void)why;
	d->o->json = true;
	return OK;
}

const struct option_row option_rows[] = {
	{ "url", "URL", set_url,
	    "where to, as an SDK's base_url: https://host/v1" },
	{ "class", "SPEC", set_class,
	    "traffic and its terms, NAME=VALUE with commas; repeatable" },
	{ "model", "NAME", set_model, "of classes that name none" },
	{ "key", "env:NAME", set_key,
	    "or file:PATH: API key of classes that have none" },
	{ "rate", "R", set_rate, "requests a second, at random (Poisson)" },
	{ "bursts", "F,T,EVERY", set_bursts,
	    "F times the rate for T at the end of each EVERY" },
	{ "trace", "FILE", set_trace,
	    "TIMESTAMP,ContextTokens,GeneratedTokens; .csv or .csv.gz" },
	{ "speed", "X", set_speed, "the trace runs X times as fast [1]" },
	{ "duration", "T", set_duration, "send for so long" },
	{ "requests", "N", set_requests, "send so many" },
	{ "prompt-tokens", "N", set_prompt,
	    "each prompt's [the trace's, or like a trace's]" },
	{ "max-tokens", "N", set_max_tokens, "each answer's, at most" },
	{ "honour-lengths", NULL, set_honour,
	    "max_tokens is what the trace says" },
	{ "extra", "JSON", set_extra,
	    "members for each body: {\"ignore_eos\":true}" },
	{ "timeout", "T", set_timeout, "give a request up after [120s]" },
	{ "limit", "N", set_limit, "requests in flight at most [1000]" },
	{ "price", "BACKEND=IN/OUT", set_price,
	    "USD per million tokens; * is any backend; repeatable" },
	{ "ca", "FILE", set_ca, "certificates to trust, PEM" },
	{ "seed", "N", set_seed, "[1]" },
	{ "requests-out", "FILE", set_out, "a CSV line for each request" },
	{ "json", NULL, set_json, "the table as one JSON object" },
};
const size_t n_option_rows = COUNT(option_rows);
