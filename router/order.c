/* router/order.c - the requests that the router knows of. */
#include "router/order.h"

#include <stdlib.h>

static bool
add_block(struct orders *os)
{
	size_t first = os->n_blocks * ORDERS_BLOCK;
	struct order **blocks, *block;

	if (first + ORDERS_BLOCK > UINT32_MAX)
		return false;
	blocks = realloc(os->blocks, (os->n_blocks + 1) * sizeof(*os->blocks));
	if (blocks == NULL)
		return false;
	os->blocks = blocks;
	block = calloc(ORDERS_BLOCK, sizeof(*block));
	if (block == NULL)
		return false;
	blocks[os->n_blocks++] = block;
	for (size_t i = 0; i < ORDERS_BLOCK; i++) {
		block[i].ticket.index = (uint32_t)(first + i);
		list_append(&os->unused, &block[i].link);
	}
	return true;
}

bool
orders_init(struct orders *os)
{
	*os = (struct orders){ 0 };
	list_init(&os->unused);
	return add_block(os);
}

void
orders_fini(struct orders *os)
{
	for (size_t i = 0; i < os->n_blocks; i++)
		free(os->blocks[i]);
	free(os->blocks);
	*os = (struct orders){ 0 };
}

struct order *
orders_take(struct orders *os, const struct route_request *req)
{
	struct ticket t;
	struct order *o;

	if (list_empty(&os->unused) && !add_block(os))
		return NULL;
	o = CONTAINER_OF(list_pop(&os->unused), struct order, link);
	t = o->ticket;
	if (++t.generation == 0)
		t.generation = 1;
	*o = (struct order){ .ticket = t, .req = req };
	list_init(&o->link);
	os->n++;
	return o;
}

void
orders_drop(struct orders *os, struct order *o)
{
	o->ticket.generation++;
	o->state = ORDER_UNUSED;
	o->req = NULL;
	list_append(&os->unused, &o->link);
	os->n--;
}

struct order *
orders_find(const struct orders *os, struct ticket t, unsigned states)
{
	struct order *o;

	if (t.generation == 0 || t.index / ORDERS_BLOCK >= os->n_blocks)
		return NULL;
	o = &os->blocks[t.index / ORDERS_BLOCK][t.index % ORDERS_BLOCK];
	if (o->ticket.generation != t.generation ||
	    (states & 1u << o->state) == 0)
		return NULL;
	return o;
}
