/* gateway/upstream/upstream.c - HTTP to backends, on one event loop.
 *
 * Requests leave word in two queues (work, done) that upstream_settle()
 * empties; that is the only place where transfers enter and leave a multi,
 * but for those that libcurl itself completes. */
#include "gateway/upstream/upstream.h"

#include <assert.h>
#include <stdlib.h>

#include "gateway/upstream/inner.h"

static uv_once_t curl_once = UV_ONCE_INIT;

static void
init_curl(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static CURLSH *
share_new(void)
{
	CURLSH *share = curl_share_init();

	if (share == NULL)
		return NULL;
	/* One thread, so no locks. */
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	return share;
}

struct upstream *
upstream_new(uv_loop_t *loop, struct errmsg *why)
{
	struct upstream *up = calloc(1, sizeof(*up));
	struct transfer *first;

	uv_once(&curl_once, init_curl);
	if (up != NULL)
		up->share = share_new();
	if (up == NULL || up->share == NULL) {
		free(up);
		fail(why, ERR_MEMORY, "out of memory");
		return NULL;
	}
	list_init(&up->live);
	list_init(&up->ending);
	list_init(&up->resting);
	list_init(&up->work);
	list_init(&up->done);
	trust_init(&up->trust);
	/* Says now whether this libcurl can do what we need. */
	first = transfer_take(up, NULL, why);
	if (first == NULL) {
		trust_fini(&up->trust);
		curl_share_cleanup(up->share);
		free(up);
		return NULL;
	}
	transfer_rest(first);
	multi_set_init(&up->multis, loop, transfer_on_complete);
	uv_timer_init(loop, &up->linger);
	up->linger.data = up;
	up->open = 2;
	return up;
}

void
upstream_part_closed(struct upstream *up)
{
	void (*on_closed)(void *) = up->on_closed;
	void *closed_arg = up->arg;

	if (--up->open > 0)
		return;
	free(up);
	if (on_closed != NULL)
		on_closed(closed_arg);
}

static void
on_part_closed(void *arg)
{
	upstream_part_closed(arg);
}

static void
on_linger_closed(uv_handle_t *handle)
{
	on_part_closed(handle->data);
}

static void
free_all(struct list *transfers)
{
	while (!list_empty(transfers))
		transfer_free(
		    CONTAINER_OF(transfers->next, struct transfer, place));
}

void
upstream_close(struct upstream **upp, void (*on_closed)(void *), void *arg)
{
	struct upstream *up = *upp;

	*upp = NULL;
	up->on_closed = on_closed;
	up->arg = arg;
	free_all(&up->live);
	free_all(&up->ending);
	free_all(&up->resting);
	multi_set_fini(&up->multis, on_part_closed, up);
	uv_close((uv_handle_t *)&up->linger, on_linger_closed);
	curl_share_cleanup(up->share);
	trust_fini(&up->trust);
}

bool
upstream_settle(struct upstream *up)
{
	struct list *node;
	bool any = false, more = true;

	assert(up->multis.inside == 0);
	while (more) {
		more = false;
		while ((node = list_pop(&up->work)) != NULL) {
			transfer_work(
			    CONTAINER_OF(node, struct transfer, task));
			more = true;
		}
		more |= multi_set_run(&up->multis);
		while ((node = list_pop(&up->done)) != NULL) {
			transfer_report(
			    CONTAINER_OF(node, struct transfer, task));
			more = true;
		}
		any |= more;
	}
	return any;
}

void
upstream_peer(const struct upstream *up, uint32_t id, struct upstream_peer *out)
{
	const struct peer *p = peer_find(&up->multis.socks.peers, id);

	*out = (struct upstream_peer){ 0 };
	if (p == NULL)
		return;
	out->open = p->n_open;
	out->idle = p->n_idle;
	if (!list_empty(&p->idle))
		out->used = CONTAINER_OF(p->idle.next, struct peer_link, node)
				->idle_since;
}

void
upstream_on_lost(struct upstream *up,
    void (*on_lost)(void *arg, uint32_t peer, usec idled), void *arg)
{
	up->multis.socks.on_lost = on_lost;
	up->multis.socks.lost_arg = arg;
}

void
upstream_on_certificate(struct upstream *up,
    void (*on_certificate)(void *arg, uint32_t peer, usec until), void *arg)
{
	up->trust.certificates.on_read = on_certificate;
	up->trust.certificates.arg = arg;
}

void
upstream_stats(const struct upstream *up, struct upstream_stats *out)
{
	*out = (struct upstream_stats){
		.transfers = up->n_live,
		.multis = up->multis.used,
		.connections_made = up->connections_made,
	};
}
