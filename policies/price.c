/* policies/price.c - what a request costs, in USD. */
#include "policies/price.h"

#include <math.h>

#define PER_MILLION 1e-6
#define MINUTE 60.0 /* seconds */

/* Negative: unknown. */
static double
part(const struct conf_price *p, double per_million, double tokens)
{
	if (tokens <= 0)
		return 0;
	if (per_million < 0)
		return p->hourly >= 0 || conf_price_is_by_call(p)
		    ? 0
		    : PRICE_UNKNOWN;
	return per_million * tokens * PER_MILLION;
}

static double
sum(double a, double b)
{
	return a < 0 || b < 0 ? PRICE_UNKNOWN : a + b;
}

static double
of_tokens(const struct conf_price *p, double input, double output)
{
	return sum(part(p, p->input, input), part(p, p->output, output));
}

/* Of what has no price of its own it is none. */
static double
known(double price)
{
	return price > 0 ? price : 0;
}

static double
of_units(const struct conf_price *p, const struct units *u)
{
	return known(p->image) * u->images +
	    known(p->characters) * u->characters * PER_MILLION +
	    known(p->minute) * u->seconds / MINUTE;
}

double
price_expected(const struct conf_price *p, double input, double output)
{
	return sum(of_tokens(p, input, output), known(p->request));
}

double
price_of_request(const struct conf_price *p, double input, double output,
    const struct units *u)
{
	return sum(price_expected(p, input, output), of_units(p, u));
}

static double
of_used_tokens(const struct conf_price *p, const struct usage *u)
{
	uint32_t cached = u->cached < u->input ? u->cached : u->input;
	uint32_t rest = u->input - cached;
	uint32_t written = u->cache_write < rest ? u->cache_write : rest;

	if (!u->known)
		/* one token of each: is anything at all to be paid? */
		return of_tokens(p, 1, 1) == 0 ? 0 : PRICE_UNKNOWN;
	return sum(of_tokens(p, rest - written, u->output),
	    sum(part(p, p->cached >= 0 ? p->cached : p->input, cached),
		part(p, p->cache_write >= 0 ? p->cache_write : p->input,
		    written)));
}

double
price_of_usage(
    const struct conf_price *p, const struct usage *u, const struct units *of)
{
	struct units used = *of;

	if (used.seconds > 0 && p->minute > 0) {
		if (u->seconds <= 0)
			return PRICE_UNKNOWN;
		used.seconds = u->seconds;
	}
	return sum(
	    of_used_tokens(p, u), known(p->request) + of_units(p, &used));
}

double
price_rank(double usd)
{
	return usd < 0 ? INFINITY : usd;
}
