/* gateway/commands/client.c - one request at a time, for the subcommands. */
#include "gateway/commands/client.h"

#include <stdlib.h>

#include "gateway/lib/descriptors.h"

struct client {
	uv_loop_t loop;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_timer_t timer;
	struct upstream *upstream;
	struct transfer *transfer;
	const struct client_ops *ops;
	void *arg;
	struct transfer_result *result;
};

static void
on_prepare(uv_prepare_t *h)
{
	upstream_settle(((struct client *)h->data)->upstream);
}

static void
on_check(uv_check_t *h)
{
	upstream_settle(((struct client *)h->data)->upstream);
}

struct client *
client_new(struct errmsg *why)
{
	struct client *c = calloc(1, sizeof(*c));
	int rc;

	if (c == NULL) {
		fail(why, ERR_MEMORY, "out of memory");
		return NULL;
	}
	rc = -descriptors_for_libuv();
	if (rc == 0)
		rc = uv_loop_init(&c->loop);
	if (rc != 0) {
		fail(why, ERR_IO, "no event loop: %s", uv_strerror(rc));
		free(c);
		return NULL;
	}
	c->upstream = upstream_new(&c->loop, why);
	if (c->upstream == NULL) {
		uv_loop_close(&c->loop);
		free(c);
		return NULL;
	}
	uv_prepare_init(&c->loop, &c->prepare);
	uv_check_init(&c->loop, &c->check);
	uv_timer_init(&c->loop, &c->timer);
	c->prepare.data = c->check.data = c->timer.data = c;
	uv_prepare_start(&c->prepare, on_prepare);
	uv_check_start(&c->check, on_check);
	return c;
}

static void
on_upstream_closed(void *arg)
{
	struct client *c = arg;

	uv_close((uv_handle_t *)&c->prepare, NULL);
	uv_close((uv_handle_t *)&c->check, NULL);
	uv_close((uv_handle_t *)&c->timer, NULL);
}

void
client_free(struct client **cp)
{
	struct client *c = *cp;

	if (c == NULL)
		return;
	uv_prepare_stop(&c->prepare);
	uv_check_stop(&c->check);
	upstream_close(&c->upstream, on_upstream_closed, c);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	uv_loop_close(&c->loop);
	free(c);
	*cp = NULL;
}

static void
on_header(void *arg, struct slice name, struct slice value)
{
	struct client *c = arg;

	if (c->ops->on_header != NULL)
		c->ops->on_header(c->arg, name, value);
}

static bool
on_bytes(void *arg, struct slice bytes)
{
	struct client *c = arg;

	if (c->ops->on_bytes != NULL)
		c->ops->on_bytes(c->arg, bytes);
	return true;
}

static void
on_done(void *arg, const struct transfer_result *result)
{
	struct client *c = arg;

	c->transfer = NULL;
	*c->result = *result;
	uv_stop(&c->loop);
}

static void
on_timeout(uv_timer_t *t)
{
	struct client *c = t->data;

	transfer_cancel(&c->transfer);
	c->result->fault = FAULT_TOTAL_TIMEOUT;
	uv_stop(&c->loop);
}

static const struct transfer_ops transfer_ops = {
	.on_header = on_header,
	.on_bytes = on_bytes,
	.on_done = on_done,
};

void
client_send(struct client *c, const struct transfer_request *t,
    const struct client_ops *ops, void *arg, usec timeout,
    struct transfer_result *out)
{
	*out = (struct transfer_result){ .fault = FAULT_INTERNAL };
	c->ops = ops;
	c->arg = arg;
	c->result = out;
	c->transfer = transfer_start(c->upstream, t, &transfer_ops, c);
	if (c->transfer == NULL)
		return;
	uv_timer_start(&c->timer, on_timeout, (uint64_t)(timeout / USEC_MS), 0);
	while (c->transfer != NULL)
		uv_run(&c->loop, UV_RUN_DEFAULT);
	uv_timer_stop(&c->timer);
}
