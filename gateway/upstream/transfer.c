/* gateway/upstream/transfer.c - one request and its answer.
 *
 * Its answer is read in transfer_answer.c, within libcurl; everything that
 * changes a multi is done by transfer_work(), outside of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/lib/log.h"
#include "gateway/upstream/inner.h"
#include "gateway/upstream/result.h"

#define RESTING_MAX 512 /* handles, about 10 KB each */
#define RESTING_LOOK 8 /* of them that are compared with a request */

static void
add_task(struct transfer *t, struct list *queue)
{
	list_remove(&t->task);
	list_append(queue, &t->task);
}

/* --- called by libcurl --- */

/* CURLOPT_OPENSOCKETFUNCTION */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *addr)
{
	struct transfer *t = arg;
	curl_socket_t fd = sock_open(&t->up->multis.socks, t->peer, addr);

	(void)purpose;
	if (fd == CURL_SOCKET_BAD)
		t->open_error = errno;
	return fd;
}

/* CURLOPT_CLOSESOCKETFUNCTION: perhaps long after the transfer. */
static int
on_close(void *arg, curl_socket_t fd)
{
	struct upstream *up = arg;

	sock_close(&up->multis.socks, fd);
	return 0;
}

/* --- life --- */

static struct transfer *
transfer_new(struct upstream *up, struct errmsg *why)
{
	struct transfer *t = calloc(1, sizeof(*t));
	struct easy_callbacks cb = {
		.share = up->share,
		.trust = &up->trust,
		.on_header = transfer_on_header,
		.on_bytes = transfer_on_bytes,
		.on_open = on_open,
		.on_close = on_close,
		.arg = t,
		.close_arg = up,
	};

	if (t == NULL) {
		fail(why, ERR_MEMORY, "out of memory");
		return NULL;
	}
	if (easy_init(&t->easy, &cb, why) != OK) {
		free(t);
		return NULL;
	}
	t->up = up;
	list_init(&t->place);
	list_init(&t->task);
	return t;
}

void
transfer_free(struct transfer *t)
{
	list_remove(&t->place);
	list_remove(&t->task);
	if (t->wire != NULL)
		wire_free(t);
	if (t->multi != NULL)
		multi_remove(t->multi, t->easy.curl);
	easy_fini(&t->easy);
	free(t);
}

/* The last one used that knows the place, among a few; or just the last. */
static struct transfer *
find_resting(struct upstream *up, const struct transfer_request *req)
{
	struct list *node = up->resting.prev;
	struct transfer *t;

	if (node == &up->resting)
		return NULL;
	for (int i = 0; i < RESTING_LOOK && node != &up->resting; i++) {
		t = CONTAINER_OF(node, struct transfer, place);
		if (req != NULL && easy_is_for(&t->easy, req))
			return t;
		node = node->prev;
	}
	return CONTAINER_OF(up->resting.prev, struct transfer, place);
}

struct transfer *
transfer_take(
    struct upstream *up, const struct transfer_request *req, struct errmsg *why)
{
	struct transfer *t = find_resting(up, req);

	if (t != NULL)
		up->n_resting--;
	else
		t = transfer_new(up, why);
	if (t == NULL)
		return NULL;
	list_remove(&t->place);
	list_append(&up->live, &t->place);
	up->n_live++;
	return t;
}

void
transfer_rest(struct transfer *t)
{
	struct upstream *up = t->up;

	list_remove(&t->place);
	list_remove(&t->task);
	up->n_live--;
	t->state = TRANSFER_REST;
	if (up->n_resting >= RESTING_MAX || t->wired) {
		transfer_free(t);
		return;
	}
	easy_rest(&t->easy);
	list_append(&up->resting, &t->place);
	up->n_resting++;
}

/* --- the end of it --- */

static struct held_address *
held(const struct transfer *t)
{
	return peer_held(&t->up->multis.socks.peers, t->peer);
}

static void
take_off(struct transfer *t)
{
	long made = 0;

	curl_easy_getinfo(t->easy.curl, CURLINFO_NUM_CONNECTS, &made);
	t->up->connections_made += (unsigned)made;
	if (made > 0 && t->answered)
		easy_note_address(&t->easy, held(t), clock_now());
	if (t->wire != NULL && wire_is_open(t->wire))
		wire_free(t);
	multi_remove(t->multi, t->easy.curl);
	t->multi = NULL;
}

/* libcurl starts anew where a kept-alive connection is found dead, but not
 * where it notices in the middle of a long body, nor with HTTP/2: a healthy
 * backend must not be blamed for that. */
static bool
deserves_retry(const struct transfer *t)
{
	bool broken =
	    t->result.fault == FAULT_RESET || t->result.fault == FAULT_CUT;

	return t->misdirected ||
	    (broken && !t->answered && t->result.reused && !t->again);
}

static void
complete(struct transfer *t, CURLcode code)
{
	if (t->wire != NULL && !t->cancelled && wire_goes_on(t, code))
		return;
	result_fill(&t->result, t, code);
	take_off(t);
	if (t->cancelled)
		return; /* transfer_cancel() has queued it */
	if (deserves_retry(t) ||
	    (!t->again &&
		easy_use_address(&t->easy, held(t), code, clock_now()))) {
		log_debug("upstream_retry reason=\"%s\"", t->result.message);
		t->again = true;
		easy_retry(&t->easy);
		t->state = TRANSFER_QUEUED;
		add_task(t, &t->up->work);
		return;
	}
	t->state = TRANSFER_DONE;
	add_task(t, &t->up->done);
}

void
transfer_on_complete(CURL *curl, CURLcode code)
{
	char *p = NULL;

	curl_easy_getinfo(curl, CURLINFO_PRIVATE, &p);
	complete((struct transfer *)(void *)p, code);
}

void
transfer_report(struct transfer *t)
{
	t->state = TRANSFER_REST; /* a cancel from inside comes too late */
	t->ops->on_done(t->arg, &t->result);
	transfer_rest(t);
}

/* --- what settle does --- */

static void
begin(struct transfer *t)
{
	t->result = (struct transfer_result){ .connect = -1, .tls = -1 };
	t->answered = t->interim = t->headed = t->misdirected = false;
	t->paused = t->held = false;
	t->open_error = 0;
	easy_begin(&t->easy, held(t), clock_now());
	t->multi = multi_add(&t->up->multis, t->easy.curl,
	    &(struct multi_word){ .peer = t->peer,
		.fresh = t->easy.fresh,
		.answered = &t->answered,
		.held = &t->held });
	if (t->multi != NULL) {
		t->state = TRANSFER_RUNNING;
		return;
	}
	t->result.fault = FAULT_INTERNAL;
	snprintf(t->result.message, sizeof(t->result.message), "%s",
	    err_name(ERR_MEMORY));
	t->state = TRANSFER_DONE;
	add_task(t, &t->up->done);
}

static void
unhold(struct transfer *t)
{
	CURLcode rc;

	t->held = false;
	rc = multi_unpause(t->multi, t->easy.curl);
	if (rc != CURLE_OK && !t->cancelled)
		complete(t, rc);
}

void
transfer_work(struct transfer *t)
{
	if (t->cancelled) {
		if (t->multi != NULL) {
			easy_abandon(&t->easy);
			take_off(t);
		}
		transfer_rest(t);
	} else if (t->state == TRANSFER_QUEUED) {
		begin(t);
	} else if (t->state == TRANSFER_RUNNING && t->wire != NULL) {
		t->held = t->paused;
		wire_run(t);
	} else if (t->state == TRANSFER_RUNNING && t->held && !t->paused) {
		unhold(t);
	}
}

void
transfer_look(struct transfer *t)
{
	add_task(t, &t->up->work);
}

/* --- public --- */

struct transfer *
transfer_start(struct upstream *up, const struct transfer_request *req,
    const struct transfer_ops *ops, void *arg)
{
	struct errmsg why;
	struct transfer *t = transfer_take(up, req, &why);

	if (t == NULL) {
		log_error("upstream_start reason=\"%s\"", why.text);
		return NULL;
	}
	t->wired = req->upgrade;
	if (easy_prepare(&t->easy, req, &why) != OK ||
	    (t->wired && !wire_new(t, req, &why))) {
		log_error("upstream_start reason=\"%s\"", why.text);
		transfer_rest(t);
		return NULL;
	}
	if (req->fresh)
		easy_retry(&t->easy);
	t->peer = req->peer;
	t->ops = ops;
	t->arg = arg;
	t->cancelled = t->again = t->headed = t->bomb = false;
	t->taken = 0;
	t->state = TRANSFER_QUEUED;
	add_task(t, &up->work);
	return t;
}

void
transfer_resume(struct transfer *t)
{
	t->paused = false;
	if (t->held && !t->cancelled)
		add_task(t, &t->up->work);
}

bool
transfer_write(struct transfer *t, struct slice bytes)
{
	return t->wire == NULL || wire_write(t, bytes);
}

void
transfer_cancel(struct transfer **tp)
{
	struct transfer *t = *tp;

	*tp = NULL;
	if (t == NULL || t->state == TRANSFER_REST)
		return;
	t->cancelled = true;
	t->easy.body_gone = true;
	add_task(t, &t->up->work);
}

/* --- what may end alone --- */

static bool
swallow(void *arg, struct slice bytes)
{
	(void)arg;
	(void)bytes;
	return true;
}

static void
ignore(void *arg, const struct transfer_result *result)
{
	(void)arg;
	(void)result;
}

static const struct transfer_ops unheard = {
	.on_bytes = swallow,
	.on_done = ignore,
};

/* Cancels those that have lingered for too long. */
static void
on_linger(uv_timer_t *timer)
{
	struct upstream *up = timer->data;
	usec now = clock_now();
	struct transfer *t;

	while (!list_empty(&up->ending)) {
		t = CONTAINER_OF(up->ending.next, struct transfer, place);
		if (t->until > now) {
			uv_timer_start(timer, on_linger,
			    (uint64_t)((t->until - now) / USEC_MS + 1), 0);
			return;
		}
		list_remove(&t->place);
		list_append(&up->live, &t->place);
		transfer_cancel(&t);
	}
}

void
transfer_let_end(struct transfer **tp)
{
	struct transfer *t = *tp;
	struct upstream *up = t->up;

	if (t->cancelled || !transfer_body_done(t)) {
		transfer_cancel(tp);
		return;
	}
	*tp = NULL;
	if (list_empty(&up->ending))
		uv_timer_start(
		    &up->linger, on_linger, TRANSFER_LINGER / USEC_MS, 0);
	t->ops = &unheard;
	t->until = clock_now() + TRANSFER_LINGER;
	list_remove(&t->place);
	list_append(&up->ending, &t->place);
	transfer_resume(t);
}

bool
transfer_body_done(const struct transfer *t)
{
	return t->easy.n_pieces == 0 ||
	    (t->headed && easy_body_taken(&t->easy));
}

void
transfer_free_body(struct transfer *t)
{
	if (t->headed)
		easy_free_body(&t->easy);
}
