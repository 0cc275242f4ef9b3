/* policies/slo.h - which latency target a request has. */
#ifndef POLICIES_SLO_H
#define POLICIES_SLO_H

#include "gateway/conf/conf.h"

/* What a request's headers say, as they came; empty: not sent. */
struct slo_headers {
	struct slice slo_class; /* x-slo-class */
	struct slice ttft_ms; /* x-slo-ttft-ms */
	struct slice itl_ms; /* x-slo-itl-ms, or x-slo-tpot-ms */
	struct slice total_ms; /* x-slo-total-ms */
};

/* The class is the first named by: x-slo-class, the model's suffix, the
 * tenant, the configuration's default. A number replaces that one target of
 * it, and the result is then called "custom", so that nothing is counted
 * towards a class whose targets it did not have.
 *
 * A tenant that names a class above its own priority gets the class's targets
 * at the tenant's priority: it is told what it asked for, and waits its turn.
 *
 * suffix and tenant may be NULL. ERR_INVALID, with the header's name in *why,
 * for an unknown class or a number that is none. */
enum err slo_resolve(const struct conf *, const struct conf_tenant *,
    const struct slo_headers *, const struct slo *suffix, struct slo *out,
    struct errmsg *why) MUST_USE;

/* Whether it wants anything of a latency. */
bool slo_has_targets(const struct slo *);

/* How long an answer of so many tokens may take that is not streamed, in
 * microseconds: until a stream that keeps its targets would have ended, and
 * never longer than `total`. 0: nothing is said of that, as a TTFT alone, or an
 * ITL, does not. */
double slo_whole(const struct slo *, double tokens);

#endif
