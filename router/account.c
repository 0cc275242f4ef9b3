/* router/account.c - what is remembered of each tenant. */
#include "router/account.h"

#include <math.h>
#include <stdlib.h>

#include "policies/confidence.h"

#define KEEP 0.98 /* weight left per later answer */
#define ENOUGH 5.0 /* answers before they are believed */
#define HIGH 0.9
#define USUAL 3.0 /* answers for which the tenant's usual ones stand */
#define PROMPT_LEAST 32.0 /* tokens: shorter ones are all alike */

enum err
accounts_prepare(
    const struct accounts *a, const struct conf *c, struct accounts *next)
{
	size_t n = (size_t)c->next_tenant_id + 1;

	next->n = n > a->n ? n : a->n;
	next->list = calloc(next->n, sizeof(*next->list));
	if (next->list == NULL)
		return ERR_MEMORY;
	for (size_t i = 0; i < next->n; i++) {
		next->list[i] =
		    i < a->n ? a->list[i] : calloc(1, sizeof(**next->list));
		if (next->list[i] == NULL)
			return ERR_MEMORY;
	}
	return OK;
}

void
accounts_forget(struct accounts *a, const struct accounts *kept)
{
	for (size_t i = 0; a->list != NULL && i < a->n; i++)
		if (i >= kept->n || a->list[i] != kept->list[i])
			free(a->list[i]);
	free(a->list);
	*a = (struct accounts){ 0 };
}

struct account *
accounts_of(const struct accounts *a, const struct conf_tenant *t)
{
	size_t i = t != NULL ? (size_t)t->id + 1 : 0;

	return a->list[i < a->n ? i : 0];
}

void
accounts_scale(struct accounts *a, double by)
{
	for (size_t i = 0; i < a->n; i++)
		a->list[i]->served *= by;
}

double
account_penalty(struct account *a, const struct slo *slo)
{
	double *p = &a->penalty[slo->priority];

	if (*p <= 0)
		*p = PENALTY_START;
	return *p;
}

void
account_judged(struct account *a, const struct slo *slo, bool met)
{
	a->penalty[slo->priority] =
	    penalty_after(account_penalty(a, slo), slo, met);
}

/* --- how long answers are --- */

/* Answers are told apart by half powers of two. */
static unsigned
size_of(double output)
{
	double at = 2 * log2(fmax(output, 1));

	return at < ACCOUNT_LENGTHS - 1 ? (unsigned)at : ACCOUNT_LENGTHS - 1;
}

/* Prompts by powers of two. */
static unsigned
kind_of(double prompt)
{
	double at = log2(fmax(prompt / PROMPT_LEAST, 1));

	return at < ACCOUNT_PROMPTS - 1 ? (unsigned)at : ACCOUNT_PROMPTS - 1;
}

static void
lengths_add(struct lengths *l, double output)
{
	l->answers = KEEP * l->answers + 1;
	l->tokens = KEEP * l->tokens + output;
	for (unsigned i = 0; i < ACCOUNT_LENGTHS; i++)
		l->share[i] *= (float)KEEP;
	l->share[size_of(output)]++;
}

void
account_answered(struct account *a, double prompt, double output)
{
	lengths_add(&a->all, output);
	lengths_add(&a->to[kind_of(prompt)], output);
}

double
account_output(const struct account *a, double prompt, double otherwise)
{
	const struct lengths *l = &a->to[kind_of(prompt)];

	if (a->all.answers < ENOUGH)
		return otherwise;
	return (l->tokens + USUAL * a->all.tokens / a->all.answers) /
	    (l->answers + USUAL);
}

double
account_output_high(const struct account *a, double prompt, double otherwise)
{
	const struct lengths *l = &a->to[kind_of(prompt)];
	double weight, below = 0;

	if (a->all.answers < ENOUGH)
		return otherwise;
	weight = USUAL / a->all.answers;
	for (unsigned i = 0; i < ACCOUNT_LENGTHS; i++) {
		below += (double)l->share[i] + weight * (double)a->all.share[i];
		if (below >= HIGH * (l->answers + USUAL))
			return exp2((i + 1) / 2.0);
	}
	return exp2(ACCOUNT_LENGTHS / 2.0);
}
