/* gateway/commands/loop.c - a loop with an upstream on it. */
#include "gateway/commands/loop.h"

#include "gateway/lib/descriptors.h"

static void
on_prepare(uv_prepare_t *h)
{
	upstream_settle(h->data);
}

static void
on_check(uv_check_t *h)
{
	upstream_settle(h->data);
}

enum err
loop_open(struct loop *l, struct errmsg *why)
{
	int rc = -descriptors_for_libuv();

	if (rc == 0)
		rc = uv_loop_init(&l->uv);
	if (rc != 0)
		return fail(why, ERR_IO, "no event loop: %s", uv_strerror(rc));
	l->upstream = upstream_new(&l->uv, why);
	if (l->upstream == NULL) {
		uv_loop_close(&l->uv);
		return ERR_MEMORY;
	}
	uv_prepare_init(&l->uv, &l->prepare);
	uv_check_init(&l->uv, &l->check);
	l->prepare.data = l->check.data = l->upstream;
	uv_prepare_start(&l->prepare, on_prepare);
	uv_check_start(&l->check, on_check);
	return OK;
}

void
loop_close(struct loop *l)
{
	uv_close((uv_handle_t *)&l->prepare, NULL);
	uv_close((uv_handle_t *)&l->check, NULL);
	upstream_close(&l->upstream, NULL, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	uv_loop_close(&l->uv);
}
