/* gateway/upstream/multi.c - a set of CURLMs on one uv loop.
 *
 * Invariant: libcurl's callbacks only leave word (watch this socket, wake me
 * then); libcurl is run by uv's callbacks and by multi_set_run(). */
#include "gateway/upstream/multi.h"

#include <assert.h>
#include <stdlib.h>

#include "gateway/lib/log.h"

#define IDLE_CONNECTIONS 64L /* kept by one CURLM */
#define IDLE_MAX (120 * USEC_SEC) /* a CURLM without transfers lives on */

struct seat {
	CURL *easy; /* NULL: nobody's */
	struct multi_word word;
	bool gave_up; /* an attempt to connect: there may be a next address */
};

struct multi {
	struct multi_set *set;
	CURLM *curl;
	uv_timer_t timer;
	struct list due; /* in set->due or set->again */
	size_t index; /* in set->all */
	struct seat seats[MULTI_TRANSFERS];
	unsigned transfers;
	bool running; /* within curl_multi_socket_action() */
	bool gave_up; /* some seat has */
	usec idle_since;
};

static void
collect(struct multi *m)
{
	struct CURLMsg *msg;
	CURL *easy;
	CURLcode code;
	int left;

	while ((msg = curl_multi_info_read(m->curl, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		easy = msg->easy_handle;
		code = msg->data.result;
		m->set->on_complete(easy, code); /* msg dies here */
	}
}

/* libcurl 7.88 begins with the next address only when it is run again, and asks
 * for that no sooner than all its time is up. That it goes on after a pause is
 * the one word by which it can be told. */
static void
go_on_connecting(struct multi *m)
{
	curl_off_t connected;

	m->gave_up = false;
	for (size_t i = 0; i < MULTI_TRANSFERS; i++) {
		struct seat *s = &m->seats[i];

		if (!s->gave_up)
			continue;
		s->gave_up = false;
		connected = 0;
		curl_easy_getinfo(s->easy, CURLINFO_CONNECT_TIME_T, &connected);
		if (connected != 0)
			continue;
		m->set->inside++;
		(void)curl_easy_pause(s->easy, CURLPAUSE_RECV);
		(void)curl_easy_pause(s->easy, CURLPAUSE_CONT);
		m->set->inside--;
	}
}

static void
multi_run(struct multi *m, curl_socket_t fd, int bits)
{
	CURLMcode rc;
	int running;

	m->set->inside++;
	m->running = true;
	rc = curl_multi_socket_action(m->curl, fd, bits, &running);
	m->running = false;
	m->set->inside--;
	if (rc != CURLM_OK)
		log_error(
		    "upstream_multi reason=\"%s\"", curl_multi_strerror(rc));
	if (m->gave_up)
		go_on_connecting(m);
	collect(m);
}

static void
on_ready(void *owner, curl_socket_t fd, int bits)
{
	multi_run(owner, fd, bits);
}

static void
on_timer(uv_timer_t *timer)
{
	multi_run(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static struct seat *
find_seat(struct multi *m, const CURL *easy)
{
	for (size_t i = 0; i < MULTI_TRANSFERS; i++)
		if (m->seats[i].easy == easy)
			return &m->seats[i];
	return NULL;
}

static enum sock_use
use_of(CURL *easy, const struct multi_word *w)
{
	long version = 0;

	if (!*w->answered)
		return SOCK_CONNECTS;
	if (*w->held)
		return SOCK_PAUSES;
	curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
	return version >= CURL_HTTP_VERSION_2_0 ? SOCK_IDLES_HTTP2 : SOCK_IDLES;
}

/* CURLMOPT_SOCKETFUNCTION */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	struct multi *m = arg;
	struct seat *seat = find_seat(m, easy);
	enum sock_use use = SOCK_CONNECTS;

	(void)unused;
	if (seat != NULL && what == CURL_POLL_REMOVE) {
		use = use_of(easy, &seat->word);
		seat->gave_up = use == SOCK_CONNECTS;
		m->gave_up |= seat->gave_up;
	}
	sock_want(&m->set->socks, m, seat != NULL ? seat->word.peer : 0, fd,
	    what, use);
	return 0;
}

static void
on_idle(uv_idle_t *idle)
{
	struct multi_set *set = idle->data;
	struct list batch, *node;

	list_init(&batch);
	while ((node = list_pop(&set->again)) != NULL)
		list_append(&batch, node);
	while ((node = list_pop(&batch)) != NULL)
		multi_run(CONTAINER_OF(node, struct multi, due),
		    CURL_SOCKET_TIMEOUT, 0);
	if (list_empty(&set->again))
		uv_idle_stop(idle);
}

/* CURLMOPT_TIMERFUNCTION. "At once" is not left to a uv timer: what a new
 * transfer needs is done by multi_set_run() in the same loop turn. A multi
 * that asks for more while it runs gives way to the rest of the loop first,
 * else one fast stream would keep everyone waiting. */
static int
on_timeout(CURLM *curl, long ms, void *arg)
{
	struct multi *m = arg;

	(void)curl;
	list_remove(&m->due);
	if (ms == 0 && m->running) {
		list_append(&m->set->again, &m->due);
		uv_idle_start(&m->set->idle, on_idle);
	} else if (ms == 0) {
		list_append(&m->set->due, &m->due);
	}
	if (ms > 0)
		uv_timer_start(&m->timer, on_timer, (uint64_t)ms, 0);
	else
		uv_timer_stop(&m->timer);
	return 0;
}

static struct multi *
multi_new(struct multi_set *set, size_t index)
{
	struct multi *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->curl = curl_multi_init();
	if (m->curl == NULL) {
		free(m);
		return NULL;
	}
	m->set = set;
	m->index = index;
	list_init(&m->due);
	uv_timer_init(set->loop, &m->timer);
	m->timer.data = m;
	set->open++;
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
	curl_multi_setopt(m->curl, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	return m;
}

static void
let_go(struct multi_set *set)
{
	if (set->on_closed == NULL || set->open > 0)
		return;
	free(set->all);
	set->all = NULL;
	sock_table_fini(&set->socks, set->on_closed, set->arg);
}

static void
on_timer_closed(uv_handle_t *handle)
{
	struct multi *m = handle->data;
	struct multi_set *set = m->set;

	free(m);
	set->open--;
	let_go(set);
}

static void
multi_free(struct multi *m)
{
	assert(m->transfers == 0);
	curl_multi_cleanup(m->curl); /* closes what it kept alive */
	list_remove(&m->due);
	m->set->all[m->index] = NULL;
	m->set->used--;
	uv_close((uv_handle_t *)&m->timer, on_timer_closed);
}

/* Frees what has idled for long; comes again while anything idles. */
static void
on_trim(uv_timer_t *timer)
{
	struct multi_set *set = timer->data;
	usec now = clock_now();
	bool again = false;

	for (size_t i = 0; i < set->n; i++) {
		struct multi *m = set->all[i];

		if (m == NULL || m->transfers > 0)
			continue;
		if (now - m->idle_since >= IDLE_MAX)
			multi_free(m);
		else
			again = true;
	}
	if (!again)
		uv_timer_stop(timer);
}

static struct multi *
take_place(struct multi_set *set)
{
	struct multi **all;
	size_t i = set->first_free;

	while (i < set->n && set->all[i] != NULL &&
	    set->all[i]->transfers >= MULTI_TRANSFERS)
		i++;
	set->first_free = i;
	if (i == set->n) {
		all = realloc(set->all, (i + 1) * sizeof(struct multi *));
		if (all == NULL)
			return NULL;
		set->all = all;
		set->all[set->n++] = NULL;
	}
	if (set->all[i] == NULL) {
		set->all[i] = multi_new(set, i);
		if (set->all[i] != NULL)
			set->used++;
	}
	return set->all[i];
}

void
multi_set_init(struct multi_set *set, uv_loop_t *loop,
    void (*on_complete)(CURL *, CURLcode))
{
	*set = (struct multi_set){
		.loop = loop,
		.on_complete = on_complete,
	};
	sock_table_init(&set->socks, loop, on_ready);
	list_init(&set->due);
	list_init(&set->again);
	uv_timer_init(loop, &set->trim);
	uv_idle_init(loop, &set->idle);
	set->trim.data = set->idle.data = set;
	uv_unref((uv_handle_t *)&set->trim);
	set->open = 2;
}

static void
on_handle_closed(uv_handle_t *handle)
{
	struct multi_set *set = handle->data;

	set->open--;
	let_go(set);
}

void
multi_set_fini(struct multi_set *set, void (*on_closed)(void *arg), void *arg)
{
	assert(set->inside == 0);
	for (size_t i = 0; i < set->n; i++)
		if (set->all[i] != NULL)
			multi_free(set->all[i]);
	set->on_closed = on_closed;
	set->arg = arg;
	uv_close((uv_handle_t *)&set->trim, on_handle_closed);
	uv_close((uv_handle_t *)&set->idle, on_handle_closed);
}

static bool
has_place(const void *owner)
{
	const struct multi *m = owner;

	return m->transfers < MULTI_TRANSFERS;
}

struct multi *
multi_add(struct multi_set *set, CURL *easy, const struct multi_word *w)
{
	struct multi *m = NULL;
	struct seat *seat;

	assert(set->inside == 0);
	if (!w->fresh)
		m = sock_claim(&set->socks, w->peer, has_place);
	if (m == NULL)
		m = take_place(set);
	if (m == NULL)
		return NULL;
	seat = find_seat(m, NULL);
	*seat = (struct seat){ .easy = easy, .word = *w };
	if (curl_multi_add_handle(m->curl, easy) != CURLM_OK) {
		*seat = (struct seat){ 0 };
		return NULL;
	}
	m->transfers++;
	set->starts = true;
	return m;
}

void
multi_remove(struct multi *m, CURL *easy)
{
	struct multi_set *set = m->set;
	struct seat *seat = find_seat(m, easy);

	assert(set->inside == 0);
	curl_multi_remove_handle(m->curl, easy);
	*seat = (struct seat){ 0 };
	m->transfers--;
	if (m->index < set->first_free)
		set->first_free = m->index;
	if (m->transfers > 0)
		return;
	m->idle_since = clock_now();
	if (!uv_is_active((uv_handle_t *)&set->trim))
		uv_timer_start(&set->trim, on_trim, IDLE_MAX / USEC_MS,
		    IDLE_MAX / USEC_MS / 4);
}

CURLcode
multi_unpause(struct multi *m, CURL *easy)
{
	CURLcode rc;

	assert(m->set->inside == 0);
	m->set->inside++;
	rc = curl_easy_pause(easy, CURLPAUSE_CONT);
	m->set->inside--;
	return rc;
}

bool
multi_set_run(struct multi_set *set)
{
	struct list *node;
	bool any = false;

	while ((node = list_pop(&set->due)) != NULL) {
		if (!any)
			sock_next_turn(&set->socks);
		if (set->starts)
			sock_look(&set->socks);
		set->starts = false;
		multi_run(CONTAINER_OF(node, struct multi, due),
		    CURL_SOCKET_TIMEOUT, 0);
		any = true;
	}
	return any;
}
