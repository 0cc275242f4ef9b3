/* bench/micro_limits.c - what a request's limits cost: to take what it will
 * need of them, to give back what it did not, to read them for its headers.
 *
 * Nanoseconds of processor time, of a tenant and a key with every kind of
 * limit; alone, and with several threads at the same two; then the same where
 * other gateways share them. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/quota/quota.h"

#define THREADS 2
#define CALLS 2000000
#define ROUNDS 5

static struct quotas *table;
static struct quota *parts[QUOTA_PARTS];

static const struct conf_quota limits = { .requests = 900000000,
	.tokens = 900000000000,
	.burst = 60 * USEC_SEC,
	.concurrent = 1000,
	.daily = 1e6,
	.monthly = 1e6,
	.soft = 0.8 };

struct cost {
	double take, settle, view; /* ns */
};

static void
hold_them(struct quota_hold *h)
{
	for (int i = 0; i < QUOTA_PARTS; i++)
		h->parts[i] =
		    (struct quota_part){ .of = parts[i], .limits = &limits };
}

/* A call and its opposite, and one of them without the other. */
static double
run(bool take, bool view)
{
	const struct quota_wish wish = { .input = 300, .max_tokens = 100 };
	const struct quota_use use = {
		.input = 300, .output = 90, .cost = 1e-9
	};
	usec began = clock_cpu(), now = clock_now();
	struct quota_refusal why;
	struct quota_view v;
	struct quota_hold h;

	for (unsigned i = 0; i < CALLS; i++) {
		hold_them(&h);
		if (take && !quota_take(table, &h, &wish, now + i, &why))
			abort(); /* a limit that was not to be reached */
		quota_settle(&h, &use);
		for (int p = 0; view && p < QUOTA_PARTS; p++)
			quota_view(parts[p], &limits, now, &v);
	}
	return (double)(clock_cpu() - began) * 1e3 / CALLS;
}

static void *
measure(void *arg)
{
	struct cost *best = arg, c;

	*best = (struct cost){ 1e9, 1e9, 1e9 };
	for (int i = 0; i < ROUNDS; i++) {
		c.settle = run(false, false);
		c.take = run(true, false) - c.settle;
		c.view = run(false, true) - c.settle;
		best->take = c.take < best->take ? c.take : best->take;
		best->settle =
		    c.settle < best->settle ? c.settle : best->settle;
		best->view = c.view < best->view ? c.view : best->view;
	}
	return NULL;
}

static void
print(const char *who, const struct cost *c)
{
	printf("%-24s take %6.1f ns  settle %6.1f ns  view %6.1f ns\n", who,
	    c->take, c->settle, c->view);
}

static void
measure_both(const char *alone, const char *together)
{
	struct cost costs[THREADS];
	pthread_t threads[THREADS];

	measure(&costs[0]);
	print(alone, &costs[0]);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, measure, &costs[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	print(together, &costs[0]);
}

int
main(void)
{
	table = quotas_new(clock_wall());
	parts[QUOTA_TENANT] = quotas_of_key(table, "acme", "one");
	parts[QUOTA_KEY] = quotas_of_key(table, "acme", "two");
	measure_both("one thread", "two at the same tenant");
	if (quotas_share(table) != OK)
		abort();
	measure_both("shared: one thread", "two at the same tenant");
	quotas_free(&table);
	return 0;
}
