/* router/profile.h - how fast a serving is, as physics would have it.
 *
 * A continuous-batching engine takes a step at a time. A step costs `step`, and
 * `per_sequence` for each sequence that decodes in it, and `per_token` for each
 * prompt token that is prefilled in it, a chunk of a prompt at most. So, with n
 * sequences at work and t prompt tokens ahead of the first token (one's own
 * included), before any luck:
 *
 *	S    = step + per_sequence * (n + 1)
 *	TTFT = rtt + per_token * t + S * (ceil(t / chunk) + 1/2) + slot wait
 *	ITL  = S / (1 - per_token * (prompt tokens arriving per us))
 *
 * What is measured is kept as a ratio to these (ratio.h). The form is that of
 * step-time models of vLLM and its like; see docs/routing.md. */
#ifndef ROUTER_PROFILE_H
#define ROUTER_PROFILE_H

#include "gateway/conf/conf.h"
#include "router/bound.h"

#define PROFILE_CHUNK 512.0 /* prompt tokens prefilled in one step */
#define PROFILE_PREFILL_MAX 0.9 /* of the time, at most, goes to prompts */

struct profile { /* us */
	double rtt, step, per_sequence, per_token;
};

/* How things stand where a request would go. */
struct crowd {
	double sequences; /* at work there already */
	double tokens; /* of prompts, ahead of its first token, with its own */
	double prefill; /* prompt tokens arriving per us, of late */
	double wait; /* for a slot, us */
};

/* What the configuration says, else what its kind of hardware is like.
 * *sigma: how far off that may be, as the deviation of a logarithm. */
struct profile profile_of(const struct conf_backend *, double *sigma);

static inline double
profile_step_with(const struct profile *p, const struct crowd *c)
{
	return p->step + p->per_sequence * (c->sequences + 1);
}

/* The part of TTFT that steps take. */
static inline double
profile_steps(const struct profile *p, const struct crowd *c)
{
	double full = c->tokens / PROFILE_CHUNK;
	double chunks = (double)(int64_t)full; /* ceil() is a call */

	if (chunks < full)
		chunks++;
	return profile_step_with(p, c) * (chunks + 0.5);
}

static inline double
profile_ttft(const struct profile *p, const struct crowd *c)
{
	return p->rtt + p->per_token * c->tokens + profile_steps(p, c) +
	    c->wait;
}

/* The share of time spent on prompts. */
static inline double
profile_prefill_share(const struct profile *p, const struct crowd *c)
{
	return lesser(p->per_token * c->prefill, PROFILE_PREFILL_MAX);
}

static inline double
profile_itl(const struct profile *p, const struct crowd *c)
{
	return profile_step_with(p, c) / (1 - profile_prefill_share(p, c));
}

#endif
