/* gateway/commands/client.c - one request at a time, for the subcommands. */
#include "gateway/commands/client.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/commands/loop.h"

struct client {
	struct loop loop;
	uv_timer_t timer;
	struct transfer *transfer;
	const struct client_ops *ops;
	void *arg;
	struct transfer_result *result;
};

bool
client_add_key(const char *variable, struct buf *headers)
{
	const char *key = getenv(variable);
	struct slice s = slice_of(key);

	if (s.n == 0)
		return true;
	if (!slice_is_word(s) || s.n > CLIENT_KEY_MAX) {
		fprintf(stderr,
		    "pointsman: want one word of visible characters in $%s, "
		    "%zu at most, got something else (not shown)\n",
		    variable, CLIENT_KEY_MAX);
		return false;
	}
	buf_addf(headers, "authorization: Bearer %s\n", key);
	return true;
}

struct client *
client_new(struct errmsg *why)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		fail(why, ERR_MEMORY, "out of memory");
		return NULL;
	}
	if (loop_open(&c->loop, why) != OK) {
		free(c);
		return NULL;
	}
	uv_timer_init(&c->loop.uv, &c->timer);
	c->timer.data = c;
	return c;
}

void
client_free(struct client **cp)
{
	struct client *c = *cp;

	if (c == NULL)
		return;
	uv_close((uv_handle_t *)&c->timer, NULL);
	loop_close(&c->loop);
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
	uv_stop(&c->loop.uv);
}

static void
on_timeout(uv_timer_t *t)
{
	struct client *c = t->data;

	transfer_cancel(&c->transfer);
	c->result->fault = FAULT_TOTAL_TIMEOUT;
	uv_stop(&c->loop.uv);
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
	c->transfer = transfer_start(c->loop.upstream, t, &transfer_ops, c);
	if (c->transfer == NULL)
		return;
	uv_timer_start(&c->timer, on_timeout, (uint64_t)(timeout / USEC_MS), 0);
	while (c->transfer != NULL)
		uv_run(&c->loop.uv, UV_RUN_DEFAULT);
	uv_timer_stop(&c->timer);
}
