/* router/account.h - what is remembered of each tenant. */
#ifndef ROUTER_ACCOUNT_H
#define ROUTER_ACCOUNT_H

#include <stddef.h>

#include "gateway/conf/conf.h"
#include "gateway/lib/clock.h"

#define ACCOUNT_LENGTHS 24 /* powers of two, halves between */
#define ACCOUNT_PROMPTS 12 /* powers of two, from 32 tokens */

/* Of answers; all fades with each that comes. */
struct lengths {
	double answers, tokens;
	float share[ACCOUNT_LENGTHS]; /* of the answers, by size */
};

struct account {
	double penalty[3]; /* by priority; 0: not yet */
	double served; /* virtual tokens, policies/fairness.h */
	unsigned waiting; /* in the queue */
	unsigned owed; /* promises, router/promise.h */
	usec comeback; /* when the next of them falls due */
	struct lengths all, to[ACCOUNT_PROMPTS]; /* by the prompt's size */
};

/* All zeros is empty. */
struct accounts {
	struct account **list; /* [0]: nobody's, where the gateway is open */
	size_t n;
};

/* Those that a configuration wants: what is there already, and what is new. */
enum err accounts_prepare(const struct accounts *, const struct conf *,
    struct accounts *next) MUST_USE;
/* Frees all of them but what the other has, too. */
void accounts_forget(struct accounts *, const struct accounts *kept);
struct account *accounts_of(
    const struct accounts *, const struct conf_tenant *);

/* Multiplies what all have been served. */
void accounts_scale(struct accounts *, double by);
double account_penalty(struct account *, const struct slo *);
void account_judged(struct account *, const struct slo *, bool met);

void account_answered(struct account *, double prompt, double output);
/* Tokens of an answer to such a prompt: on average, and one in ten more than.
 * What is not known of prompts like it is taken from all the tenant's. */
double account_output(const struct account *, double prompt, double otherwise);
double account_output_high(
    const struct account *, double prompt, double otherwise);

#endif
