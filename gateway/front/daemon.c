/* gateway/front/daemon.c - a pool of libmicrohttpd daemons.
 *
 * libmicrohttpd walks all suspended connections of a daemon whenever one of
 * them is resumed, so connections are spread over many small daemons. Each is
 * driven from outside: its epoll descriptor is polled by the loop, and
 * MHD_run() happens in front_settle() only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/front/private.h"
#include "gateway/lib/log.h"

#define DAEMON_CONNECTIONS 64
#define FRUITLESS_RUNS 16 /* in a row; then a daemon rests */
#define REST_MS 5

/* Strict from 0.9.77 on. Before, strictness adds two checks, answers them with
 * its headers twice, and framing_check() has the same. */
#if MHD_VERSION >= 0x00097701
#define STRICTNESS MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1
#else
#define STRICTNESS MHD_OPTION_STRICT_FOR_CLIENT, 0
#endif

/* --- what libmicrohttpd calls --- */

/* On Unix sockets it complains about TCP options: nothing is wrong then. */
static void __attribute__((format(printf, 2, 0)))
on_log(void *cls, const char *fmt, va_list ap)
{
	char text[256];

	(void)cls;
	if (!log_wants(LOG_DEBUG))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\r\n")] = '\0';
	if (strstr(text, "TCP_NODELAY") != NULL ||
	    strstr(text, "TCP_CORK") != NULL)
		return;
	log_debug("libmicrohttpd says=\"%s\"", text);
}

/* Model ids have slashes and escapes of their own: the path stays as sent. */
static size_t
leave_escaped(void *cls, struct MHD_Connection *mhd, char *s)
{
	(void)cls;
	(void)mhd;
	return strlen(s);
}

/* The request line is in; the headers are still coming. */
static void *
on_request_line(void *cls, const char *target, struct MHD_Connection *mhd)
{
	struct connection *c = connection_of(mhd);

	(void)cls;
	if (c == NULL)
		return NULL;
	connection_spoke(c);
	connection_wait(c, WAIT_HEADERS);
	return exchange_new(c, mhd, target != NULL ? target : "");
}

static void
on_completed(void *cls, struct MHD_Connection *mhd, void **state,
    enum MHD_RequestTerminationCode why)
{
	struct exchange *x = *state;

	(void)cls;
	(void)mhd;
	*state = NULL;
	if (x != NULL)
		exchange_detach(x, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

/* --- one daemon --- */

static struct MHD_Daemon *
start(struct daemon *d)
{
	const struct conf_tls *tls = d->front->settings.tls;
	struct MHD_OptionItem more[TLS_OPTIONS] = { { MHD_OPTION_END, 0,
	    NULL } };
	unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
	    MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

	if (tls != NULL) {
		flags |= MHD_USE_TLS;
		memcpy(d->tls, tls->id, sizeof(d->tls));
		tls_options(tls, more);
	} else {
		flags |= MHD_ALLOW_UPGRADE; /* see tunnel.c */
	}
	return MHD_start_daemon(flags, 0, NULL, NULL, exchange_handle, d,
	    MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)d->header_limit,
	    MHD_OPTION_CONNECTION_LIMIT, 2u * DAEMON_CONNECTIONS,
	    MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_NOTIFY_CONNECTION,
	    connection_notify, d, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
	    NULL, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, NULL,
	    MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, STRICTNESS,
	    MHD_OPTION_ARRAY, more, MHD_OPTION_END);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct daemon *d = CONTAINER_OF(h, struct daemon, poll);

	(void)status;
	(void)events;
	daemon_touch(d);
}

static struct daemon *
daemon_new(struct front *f, struct errmsg *why)
{
	struct daemon *d = calloc(1, sizeof(*d));
	const union MHD_DaemonInfo *info;

	if (d == NULL) {
		fail(why, ERR_MEMORY, "out of memory");
		return NULL;
	}
	d->front = f;
	d->header_limit = f->settings.limits.header;
	list_init(&d->dirty);
	list_init(&d->connections);
	d->mhd = start(d);
	if (d->mhd == NULL) {
		fail(why, ERR_IO, "cannot start an HTTP daemon");
		goto failed;
	}
	info = MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL || uv_poll_init(f->loop, &d->poll, info->epoll_fd)) {
		fail(why, ERR_IO, "cannot poll an HTTP daemon");
		goto failed;
	}
	d->poll.data = f;
	f->n_handles++;
	uv_poll_start(&d->poll, UV_READABLE, on_poll);
	list_append(&f->daemons, &d->node);
	return d;
failed:
	MHD_stop_daemon(d->mhd);
	free(d);
	return NULL;
}

static void
on_poll_closed(uv_handle_t *h)
{
	struct daemon *d = CONTAINER_OF((uv_poll_t *)h, struct daemon, poll);

	front_handle_closed(h);
	free(d);
}

/* libmicrohttpd must not be stopped with a connection suspended, or upgraded.
 */
static void
resume_all(struct daemon *d)
{
	struct exchange *x;
	struct list *n;

	for (n = d->connections.next; n != &d->connections; n = n->next) {
		x = CONTAINER_OF(n, struct connection, node)->exchange;
		if (x != NULL && x->stage == STAGE_TUNNEL && x->tunnel != NULL)
			tunnel_close(x);
		else if (x != NULL && x->suspended)
			exchange_resume(x);
	}
}

void
daemon_stop(struct daemon *d)
{
	list_remove(&d->node);
	resume_all(d);
	uv_close((uv_handle_t *)&d->poll, on_poll_closed);
	MHD_stop_daemon(d->mhd);
	d->mhd = NULL;
	list_remove(&d->dirty);
}

static void
run_again(struct daemon *d)
{
	if (list_empty(&d->dirty))
		list_append(&d->front->dirty, &d->dirty);
}

void
daemon_touch(struct daemon *d)
{
	d->fruitless = 0;
	run_again(d);
}

bool
daemon_is_tls(const struct daemon *d)
{
	return !tls_same(NULL, d->tls);
}

/* libmicrohttpd takes a handshake that waits for its client for one that could
 * go on: it would be run for that without end, and a client's single byte
 * would cost a core. */
static bool
is_idling(const struct daemon *d)
{
	return d->fruitless > FRUITLESS_RUNS && d->n_silent > 0 &&
	    daemon_is_tls(d);
}

/* Those that idled are looked at again. */
static void
on_rested(uv_timer_t *h)
{
	struct front *f = CONTAINER_OF(h, struct front, rest);
	struct daemon *d;

	for (struct list *n = f->daemons.next; n != &f->daemons; n = n->next) {
		d = CONTAINER_OF(n, struct daemon, node);
		if (d->resting)
			run_again(d);
		d->resting = false;
	}
}

void
daemon_run(struct daemon *d)
{
	MHD_UNSIGNED_LONG_LONG timeout;

	d->fruitless++;
	MHD_run(d->mhd);
	if (MHD_get_timeout(d->mhd, &timeout) != MHD_YES || timeout > 0)
		return;
	if (!is_idling(d)) {
		run_again(d);
		return;
	}
	d->resting = true;
	if (!uv_is_active((uv_handle_t *)&d->front->rest))
		uv_timer_start(&d->front->rest, on_rested, REST_MS, 0);
}

/* --- the pool --- */

struct daemon *
daemon_pick(struct front *f, struct errmsg *why)
{
	struct daemon *best = NULL, *d;
	struct list *n, *next;

	for (n = f->daemons.next; n != &f->daemons; n = next) {
		next = n->next;
		d = CONTAINER_OF(n, struct daemon, node);
		if (d->header_limit != f->settings.limits.header ||
		    !tls_same(f->settings.tls, d->tls)) {
			/* of an earlier configuration */
			if (d->n_connections == 0)
				daemon_stop(d);
			continue;
		}
		if (best == NULL || d->n_connections < best->n_connections)
			best = d;
	}
	if (best != NULL && best->n_connections < DAEMON_CONNECTIONS)
		return best;
	d = daemon_new(f, why);
	return d != NULL ? d : best;
}
