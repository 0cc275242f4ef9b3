/* policies/price.c - what a request costs, in USD. */
#include "policies/price.h"

#include <math.h>

#define PER_MILLION 1e-6

/* Negative: unknown. */
static double
part(const struct conf_price *p, double per_million, double tokens)
{
	if (tokens <= 0)
		return 0;
	if (per_million < 0)
		return p->hourly >= 0 ? 0 : PRICE_UNKNOWN;
	return per_million * tokens * PER_MILLION;
}

static double
sum(double a, double b)
{
	return a < 0 || b < 0 ? PRICE_UNKNOWN : a + b;
}

double
price_expected(const struct conf_price *p, double input, double output)
{
	return sum(part(p, p->input, input), part(p, p->output, output));
}

double
price_of_usage(const struct conf_price *p, const struct usage *u)
{
	uint32_t cached = u->cached < u->input ? u->cached : u->input;
	double of_cached = p->cached >= 0 ? p->cached : p->input;
	double usd;

	if (!u->known)
		/* one token of each: is anything at all to be paid? */
		return price_expected(p, 1, 1) == 0 ? 0 : PRICE_UNKNOWN;
	usd = price_expected(p, u->input - cached, u->output);
	return sum(usd, part(p, of_cached, cached));
}

double
price_rank(double usd)
{
	return usd < 0 ? INFINITY : usd;
}
