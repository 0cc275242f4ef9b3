/* router/account.c - what is remembered of each tenant. */
#include "router/account.h"

#include <math.h>
#include <stdlib.h>

#include "policies/confidence.h"

#define KEEP 0.98 /* weight left per later answer */
#define ENOUGH 5.0 /* answers before they are believed */
#define HIGH 0.9

void
accounts_init(struct accounts *a)
{
	*a = (struct accounts){ 0 };
}

void
accounts_fini(struct accounts *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->list[i]);
	free(a->list);
	accounts_init(a);
}

enum err
accounts_configure(struct accounts *a, const struct conf *c)
{
	size_t n = (size_t)c->next_tenant_id + 1;
	struct account **grown;

	if (n <= a->n)
		return OK;
	grown = realloc(a->list, n * sizeof(*grown));
	if (grown == NULL)
		return ERR_MEMORY;
	a->list = grown;
	for (; a->n < n; a->n++)
		if ((grown[a->n] = calloc(1, sizeof(**grown))) == NULL)
			return ERR_MEMORY;
	return OK;
}

struct account *
accounts_of(const struct accounts *a, const struct conf_tenant *t)
{
	size_t i = t != NULL ? (size_t)t->id + 1 : 0;

	return a->list[i < a->n ? i : 0];
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

/* Lengths are kept by half powers of two. */
static unsigned
size_of(double output)
{
	double at = 2 * log2(fmax(output, 1));

	return at < ACCOUNT_LENGTHS - 1 ? (unsigned)at : ACCOUNT_LENGTHS - 1;
}

void
account_answered(struct account *a, double output)
{
	a->answers = KEEP * a->answers + 1;
	a->tokens = KEEP * a->tokens + output;
	for (unsigned i = 0; i < ACCOUNT_LENGTHS; i++)
		a->lengths[i] *= (float)KEEP;
	a->lengths[size_of(output)]++;
}

double
account_output(const struct account *a, double otherwise)
{
	return a->answers >= ENOUGH ? a->tokens / a->answers : otherwise;
}

double
account_output_high(const struct account *a, double otherwise)
{
	double below = 0;

	if (a->answers < ENOUGH)
		return otherwise;
	for (unsigned i = 0; i < ACCOUNT_LENGTHS; i++) {
		below += (double)a->lengths[i];
		if (below >= HIGH * a->answers)
			return exp2((i + 1) / 2.0);
	}
	return exp2(ACCOUNT_LENGTHS / 2.0);
}
