/* gateway/quota/share.c - quotas that other processes use too.
 *
 * Two threads meet here: a worker changes a quota and then notes it, the main
 * thread takes it off the list and then reads it. Both do the middle step by an
 * exchange of `changed`, so that either the worker finds it cleared and lists
 * the quota anew, or the main thread reads what the worker has done. */
#include <stdlib.h>

#include "gateway/quota/state.h"

#define NSEC_USEC 1000

enum err
quota_share(struct quotas *t, struct quota *q)
{
	struct quota_shared *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return ERR_MEMORY;
	s->table = t;
	s->day = LOAD(q->day);
	s->month = LOAD(q->month);
	atomic_store_explicit(&q->shared, s, memory_order_release);
	return OK;
}

enum err
quotas_share(struct quotas *t)
{
	enum err rc = OK;

	t->shares = true;
	for (size_t i = 0; i < t->n && rc == OK; i++)
		if (LOAD(t->all[i]->shared) == NULL)
			rc = quota_share(t, t->all[i]);
	return rc;
}

static struct quota_shared *
shared(const struct quota *q)
{
	return atomic_load_explicit(&q->shared, memory_order_acquire);
}

/* --- any thread --- */

unsigned
quota_others(const struct quota *q)
{
	const struct quota_shared *s = shared(q);

	return s != NULL ? LOAD(s->others) : 0;
}

void
quota_count(struct quota *q, nsec requests, nsec tokens)
{
	struct quota_shared *s = shared(q);

	if (s == NULL)
		return;
	ADD(s->requests, requests);
	ADD(s->tokens, tokens);
}

void
quota_note(struct quota *q)
{
	struct quota_shared *s = shared(q);
	struct quota *head;

	if (s == NULL ||
	    atomic_exchange_explicit(&s->changed, true, memory_order_acq_rel))
		return;
	head = LOAD(s->table->changed);
	do
		s->next = head;
	while (!atomic_compare_exchange_weak_explicit(&s->table->changed, &head,
	    q, memory_order_release, memory_order_relaxed));
}

/* --- main thread: telling --- */

/* What was taken, less what has been earned back, counts as yet to be told. */
static void
forget_earned(
    atomic_llong *arrival, const atomic_llong *taken, nsec *told, usec now)
{
	nsec owed = LOAD(*arrival) - now * NSEC_USEC, sum = LOAD(*taken);

	if (owed < 0)
		owed = 0;
	if (sum - *told > owed)
		*told = sum - owed;
}

void
quotas_resume(struct quotas *t, usec now)
{
	for (size_t i = 0; i < t->n; i++) {
		struct quota *q = t->all[i];
		struct quota_shared *s = shared(q);

		if (s == NULL)
			continue;
		forget_earned(
		    &q->requests, &s->requests, &s->told_requests, now);
		forget_earned(&q->tokens, &s->tokens, &s->told_tokens, now);
	}
}

void
quotas_collect(struct quotas *t)
{
	if (t->collected == NULL)
		t->collected = atomic_exchange_explicit(
		    &t->changed, NULL, memory_order_acquire);
}

/* What is new of a sum, which counts as told from now on. */
static int64_t
news_of(atomic_llong *sum, int64_t *told)
{
	int64_t now = LOAD(*sum), more = now - *told;

	*told = now;
	return more;
}

bool
quotas_tell(struct quotas *t, struct quota_news *out)
{
	struct quota *q = t->collected;
	struct quota_shared *s;

	if (q == NULL)
		return false;
	s = shared(q);
	t->collected = s->next;
	(void)atomic_exchange_explicit(
	    &s->changed, false, memory_order_acq_rel);
	*out = (struct quota_news){ .of = q,
		.name = q->name,
		.requests = news_of(&s->requests, &s->told_requests),
		.tokens = news_of(&s->tokens, &s->told_tokens),
		.open = LOAD(q->open),
		.day = t->period.day,
		.month = t->period.month,
		.day_known = s->day,
		.month_known = s->month };
	out->day_more = news_of(&q->day, &s->day);
	out->month_more = news_of(&q->month, &s->month);
	return true;
}

/* --- main thread: hearing --- */

/* To where all have brought it, and on by what was taken here since. A worker
 * that is between its two steps is seen to be so the next time. */
static void
move_arrival(atomic_llong *arrival, const atomic_llong *taken, nsec told,
    nsec ahead, usec now)
{
	long long was = LOAD(*arrival);
	nsec there;

	do
		there = now * NSEC_USEC + ahead + LOAD(*taken) - told;
	while (!SWAP(*arrival, was, there));
}

/* Ours has grown meanwhile: what is added is the others'. */
static void
add_spent(atomic_llong *spent, int64_t *known, int64_t all)
{
	ADD(*spent, all - *known);
	*known = all;
}

void
quota_hear(struct quotas *t, const struct quota_news *n,
    const struct quota_all *all, usec now)
{
	struct quota *q = n->of;
	struct quota_shared *s = shared(q);

	move_arrival(
	    &q->requests, &s->requests, s->told_requests, all->requests, now);
	move_arrival(&q->tokens, &s->tokens, s->told_tokens, all->tokens, now);
	STORE(s->others, all->others);
	if (n->day == t->period.day)
		add_spent(&q->day, &s->day, all->day_spent);
	if (n->month == t->period.month)
		add_spent(&q->month, &s->month, all->month_spent);
	if (LOAD(q->open) > 0 || all->others > 0)
		quota_note(q);
}

void
quota_unheard(const struct quota_news *n)
{
	quota_note(n->of);
}

void
quotas_forget_others(struct quotas *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (shared(t->all[i]) != NULL)
			STORE(shared(t->all[i])->others, 0);
}
