/* router/round.c - asking those who wait.
 *
 * A kind is asked by turn first, its lanes set aside as they pass; then, in
 * turns over the rounds, whoever of it is due first, or the next of its other
 * lanes. */
#include "router/queue.h"

static struct kind *
kind_of(struct list *link)
{
	return CONTAINER_OF(link, struct kind, link);
}

static void
enter(const struct round *r, struct kind *k)
{
	k->asked = 0;
	k->by_turn = r->bounds.servings / set_count(&k->eligible);
	if (k->by_turn == 0)
		k->by_turn = 1;
	k->may = k->by_turn;
	if (k->rounds++ % r->bounds.every == 0)
		k->may += r->bounds.others;
}

/* The kinds of the present rank. Where there are more than the round may
 * see, those that it sees go behind the others: the next sees those. */
static void
gather(struct round *r)
{
	struct list *all = &r->queue->kinds[r->rank];

	r->n = 0;
	r->more = false;
	for (struct list *n = all->next; n != all; n = n->next) {
		struct kind *k = kind_of(n);

		if (!kind_fits(k, r->site))
			continue;
		if (r->n == r->bounds.kinds) {
			r->more = true;
			break;
		}
		enter(r, k);
		r->kind[r->n++] = k;
	}
	for (unsigned i = 0; r->more && i < r->n; i++) {
		list_remove(&r->kind[i]->link);
		list_append(all, &r->kind[i]->link);
	}
}

static void
put_back(struct round *r)
{
	struct list *node;

	while ((node = list_pop(&r->aside)) != NULL) {
		struct lane *l = CONTAINER_OF(node, struct lane, aside);

		lanes_push(&l->kind->lanes[LANE_TURN], LANE_TURN, l);
	}
}

void
round_begin(struct round *r, struct queue *q, uint32_t site,
    const struct round_bounds *bounds)
{
	r->queue = q;
	r->site = site;
	r->bounds = *bounds;
	r->rank = PRIORITY_PREMIUM;
	list_init(&r->aside);
	gather(r);
}

/* Who is due first, or the next in the order of that heap, which hardly
 * changes. Some are left, and those set aside are few. */
static struct lane *
out_of_turn(struct kind *k)
{
	const struct lanes *all = &k->lanes[LANE_DUE];
	uint32_t i = k->next % 2 == 0 ? 0 : k->next / 2;

	while (all->list[i % all->n]->slot[LANE_TURN] == LANE_NOWHERE)
		i++;
	return all->list[i % all->n];
}

static struct lane *
candidate(struct kind *k)
{
	struct lanes *left = &k->lanes[LANE_TURN];

	if (k->asked >= k->may || left->n == 0)
		return NULL;
	return k->asked < k->by_turn ? lanes_top(left, LANE_TURN)
				     : out_of_turn(k);
}

/* By turn who is next; out of turn who is due first. */
static struct order *
asked_of(const struct lane *l)
{
	const struct kind *k = l->kind;

	return l->head[k->asked < k->by_turn ? LANE_TURN : LANE_DUE];
}

struct order *
round_next(struct round *r)
{
	for (;;) {
		r->lane = NULL;
		for (unsigned i = 0; i < r->n; i++) {
			struct lane *l = candidate(r->kind[i]);

			if (l != NULL &&
			    (r->lane == NULL || lane_before(l, r->lane)))
				r->lane = l;
		}
		if (r->lane != NULL)
			return asked_of(r->lane);
		put_back(r);
		if (r->rank == QUEUE_LATE)
			return NULL;
		r->rank++;
		gather(r);
	}
}

void
round_pass(struct round *r)
{
	struct kind *k = r->lane->kind;

	lanes_remove(&k->lanes[LANE_TURN], LANE_TURN, r->lane);
	list_append(&r->aside, &r->lane->aside);
	if (k->asked >= k->by_turn)
		k->next++;
	k->asked++;
}

void
round_end(struct round *r)
{
	put_back(r);
	r->n = 0;
}
