/* policies/price.h - what a request costs, in USD.
 *
 * Marginal cost: hardware that is paid by the hour costs nothing more for one
 * more request, so its tokens are free unless they carry a price as well. So
 * are tokens without a price where calls, pictures or sound have one. */
#ifndef POLICIES_PRICE_H
#define POLICIES_PRICE_H

#include "gateway/conf/conf.h"

/* For a call of as many tokens; PRICE_UNKNOWN where a price that is needed is
 * not known. */
double price_expected(const struct conf_price *, double input, double output);

/* For one that is about this as well. */
double price_of_request(const struct conf_price *, double input, double output,
    const struct units *);

/* For what a backend says it used, in such a call. What it did not say is only
 * known to be nothing where it is free; else it is PRICE_UNKNOWN. */
double price_of_usage(
    const struct conf_price *, const struct usage *, const struct units *);

/* For comparing: an unknown price is dearer than any known one. */
double price_rank(double usd);

#endif
