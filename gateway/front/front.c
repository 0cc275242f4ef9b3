/* gateway/front/front.c - accepting, and the turns of a front.
 *
 * All fronts poll one listening descriptor; who comes too late gets EAGAIN.
 * Everything of a front runs on its loop's thread. Inside libmicrohttpd and
 * inside sink calls one only leaves word (dirty daemons, touched exchanges);
 * front_settle() does the work until nothing is left. */
#include "gateway/front/front.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/front/private.h"
#include "gateway/lib/log.h"

#define ACCEPT_BATCH 32 /* a turn, so that other work goes on */
#define ACCEPT_LAST 65536 /* of a drain: more than any backlog */
#define IDLE_SPARED USEC_SEC /* idle for less: still in use */
#define TICK_MS 250 /* coarse: timeouts are seconds */
#define TURNS_MAX 32 /* of one settle, before the loop polls again */

/* --- accepting --- */

/* A flood of connections must not fill a disk. */
static struct log_limit ended = { .event = "connection_ended", .most = 1 };
static struct log_limit refused = { .event = "connection_refused", .most = 1 };
static struct log_limit paused = { .event = "accept_paused", .most = 1 };

/* Who does nothing makes room, then who has been refused: a crowd that only
 * connects, or has no key, would keep everybody else out. */
static bool
make_room(struct front *f)
{
	return connections_end_oldest(f, WAIT_IDLE, IDLE_SPARED) ||
	    lingers_end_oldest(f) || connections_end_oldest(f, WAIT_REFUSED, 0);
}

static bool
is_full(struct front *f)
{
	unsigned limit = f->settings.limits.connections;
	bool room;

	if (limit == 0 || atomic_load(&f->budget->connections) < limit)
		return false;
	room = make_room(f);
	if (log_limit_pass(room ? &ended : &refused, clock_now()))
		log_warn("connection_%s reason=connection_limit limit=%u",
		    room ? "ended" : "refused", limit);
	return !room;
}

static void
take_connection(
    struct front *f, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct errmsg why;
	struct daemon *d;
	int on = 1;

	if (is_full(f)) {
		close(fd);
		return;
	}
	d = daemon_pick(f, &why);
	if (d == NULL) {
		if (log_limit_pass(&refused, clock_now()))
			log_error("connection_refused reason=\"%s\"", why.text);
		close(fd);
		return;
	}
	if (addr->sa_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* closes fd where it fails */
	if (MHD_add_connection(d->mhd, fd, addr, len) == MHD_YES)
		daemon_touch(d);
}

/* Out of descriptors or memory: what waits stays in the backlog, and the next
 * tick tries again. */
static void
pause_accepting(struct front *f, int error)
{
	if (log_limit_pass(&paused, clock_now()))
		log_error("accept_paused reason=\"%s\"", strerror(error));
	uv_poll_stop(&f->accept_poll);
	f->accepting = false;
	front_start_tick(f);
}

static void
accept_some(struct front *f, unsigned most)
{
	struct sockaddr_storage a;
	socklen_t len;
	int fd;

	for (unsigned i = 0; i < most; i++) {
		memset(&a, 0, sizeof(a));
		len = sizeof(a);
		fd = accept4(f->listen_fd, (struct sockaddr *)&a, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			take_connection(f, fd, (struct sockaddr *)&a, len);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			pause_accepting(f, errno);
			return;
		}
	}
}

static void
on_connection(uv_poll_t *h, int status, int events)
{
	(void)status;
	(void)events;
	accept_some(CONTAINER_OF(h, struct front, accept_poll), ACCEPT_BATCH);
}

static void
start_accepting(struct front *f)
{
	if (f->accepting || f->draining)
		return;
	f->accepting =
	    uv_poll_start(&f->accept_poll, UV_READABLE, on_connection) == 0;
}

/* --- turns --- */

static void
on_tick(uv_timer_t *h)
{
	struct front *f = CONTAINER_OF(h, struct front, tick);

	f->heard = f->ticked;
	f->ticked = clock_now();
	connections_expire(f, f->heard);
	lingers_expire(f, f->heard);
	start_accepting(f);
	if (f->n_connections == 0 && (f->accepting || f->draining))
		uv_timer_stop(h);
}

void
front_start_tick(struct front *f)
{
	if (!uv_is_active((uv_handle_t *)&f->tick))
		uv_timer_start(&f->tick, on_tick, TICK_MS, TICK_MS);
}

void
front_touch(struct front *f, struct exchange *x)
{
	if (list_empty(&x->touched))
		list_append(&f->touched, &x->touched);
}

static bool
settle_exchanges(struct front *f)
{
	struct list *node;
	bool any = false;

	while ((node = list_pop(&f->touched)) != NULL) {
		exchange_settle(CONTAINER_OF(node, struct exchange, touched));
		any = true;
	}
	return any;
}

/* Each dirty daemon once: one that stays dirty waits for its next turn. */
static bool
run_daemons(struct front *f)
{
	struct list turn, *node;

	if (list_empty(&f->dirty))
		return false;
	list_init(&turn);
	while ((node = list_pop(&f->dirty)) != NULL)
		list_append(&turn, node);
	while ((node = list_pop(&turn)) != NULL)
		daemon_run(CONTAINER_OF(node, struct daemon, dirty));
	return true;
}

static void
on_spin(uv_idle_t *h)
{
	(void)h; /* that it is active keeps the loop from sleeping */
}

bool
front_settle(struct front *f)
{
	bool any = false, busy = true;

	for (int turn = 0; busy && turn < TURNS_MAX; turn++) {
		busy = settle_exchanges(f);
		busy |= run_daemons(f);
		any |= busy;
	}
	if (!list_empty(&f->touched) || !list_empty(&f->dirty))
		uv_idle_start(&f->spin, on_spin);
	else
		uv_idle_stop(&f->spin);
	return any;
}

/* --- life --- */

static enum err
open_handles(struct front *f, struct errmsg *why)
{
	int rc;

	f->tick.data = f->spin.data = f->rest.data = f;
	f->watch_poll.data = f->accept_poll.data = f;
	uv_timer_init(f->loop, &f->tick);
	uv_idle_init(f->loop, &f->spin);
	uv_timer_init(f->loop, &f->rest);
	f->n_own = 3;
	rc = uv_poll_init(f->loop, &f->watch_poll, f->watch_fd);
	if (rc != 0)
		return fail(why, ERR_IO, "no poll: %s", uv_strerror(rc));
	f->n_own++;
	rc = uv_poll_init(f->loop, &f->accept_poll, f->listen_fd);
	if (rc != 0)
		return fail(why, ERR_IO, "no poll: %s", uv_strerror(rc));
	f->n_own++;
	uv_poll_start(&f->watch_poll, UV_READABLE, connections_watch);
	start_accepting(f);
	return OK;
}

struct front *
front_new(uv_loop_t *loop, int listen_fd, const struct front_settings *s,
    struct front_budget *budget, const struct front_ops *ops, void *arg,
    struct errmsg *why)
{
	struct front *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		fail(why, ERR_MEMORY, "out of memory");
		return NULL;
	}
	f->loop = loop;
	f->ops = ops;
	f->arg = arg;
	f->settings = *s;
	f->budget = budget;
	f->listen_fd = listen_fd;
	list_init(&f->daemons);
	list_init(&f->dirty);
	list_init(&f->touched);
	list_init(&f->lingers);
	for (int kind = 0; kind < WAIT_KINDS; kind++)
		list_init(&f->waits[kind]);
	f->watch_fd = epoll_create1(EPOLL_CLOEXEC);
	if (f->watch_fd < 0) {
		fail(why, ERR_IO, "no epoll: %s", strerror(errno));
		free(f);
		return NULL;
	}
	if (open_handles(f, why) != OK) {
		front_close(&f, NULL, NULL);
		return NULL;
	}
	return f;
}

void
front_configure(struct front *f, const struct front_settings *s)
{
	f->settings = *s;
}

void
front_drain(struct front *f)
{
	f->draining = true;
	f->drained = clock_now();
}

void
front_stop_accepting(struct front *f)
{
	if (uv_is_closing((uv_handle_t *)&f->accept_poll))
		return;
	if (f->accepting)
		accept_some(f, ACCEPT_LAST);
	f->accepting = false;
	f->n_own--;
	f->n_handles++;
	uv_close((uv_handle_t *)&f->accept_poll, front_handle_closed);
}

unsigned
front_exchanges(const struct front *f)
{
	return f->n_exchanges;
}

unsigned
front_connections(const struct front *f)
{
	return f->n_connections;
}

void
front_uncount(struct front *f)
{
	f->n_connections--;
	atomic_fetch_sub(&f->budget->connections, 1);
}

void
front_handle_closed(uv_handle_t *h)
{
	struct front *f = h->data;
	void (*on_closed)(void *) = f->on_closed;
	void *arg = f->closed_arg;

	f->n_handles--;
	if (f->n_handles > 0 || !f->closing)
		return;
	close(f->watch_fd);
	free(f);
	if (on_closed != NULL)
		on_closed(arg);
}

void
front_close(struct front **fp, void (*on_closed)(void *), void *arg)
{
	struct front *f = *fp;
	uv_handle_t *const own[] = { (uv_handle_t *)&f->tick,
		(uv_handle_t *)&f->spin, (uv_handle_t *)&f->rest,
		(uv_handle_t *)&f->watch_poll, (uv_handle_t *)&f->accept_poll };

	*fp = NULL;
	f->draining = f->closing = true;
	f->on_closed = on_closed;
	f->closed_arg = arg;
	while (!list_empty(&f->daemons))
		daemon_stop(CONTAINER_OF(f->daemons.next, struct daemon, node));
	settle_exchanges(f);
	lingers_end(f);
	f->n_handles += f->n_own;
	for (unsigned i = 0; i < f->n_own; i++)
		uv_close(own[i], front_handle_closed);
}
