/* gateway/shared/redis.c - a connection to a Redis server, by hiredis. */
#include "gateway/shared/redis.h"

#include <hiredis/async.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/text.h"

#define PAUSE USEC_SEC /* between tries */
#define PATIENCE (2 * USEC_SEC) /* for an answer */
#define WHY_MAX 128
#define ARGS_MAX 24
#define ADDRESSES_TRIED 12 /* of a name; all of 2, 3, 4, 6 as often */

/* What hiredis has of the loop: one for each connection. */
struct watcher {
	uv_poll_t poll;
	redisAsyncContext *context;
	int events;
};

/* conf_shared_limits, with strings of its own. */
struct place {
	char *address, *user, *password;
	unsigned port, database;
};

struct redis {
	uv_loop_t *loop;
	const char *script;
	const struct redis_ops *ops;
	void *arg;
	struct place to;
	uv_getaddrinfo_t lookup;
	bool resolving, stale; /* stale: for an address that has changed */
	unsigned failures; /* each tries the next of a name's addresses */
	redisAsyncContext *context; /* NULL: down */
	char digest[41]; /* of the script, as the server has it; "": not up */
	unsigned waiting; /* answers that are due */
	usec heard; /* the last one, or when the first was asked for */
	bool late; /* at the last tick: then what has come since was read */
	usec due; /* the next try */
};

/* --- hiredis on uv: its own adapter overlooks that a connection fails --- */

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct watcher *w = poll->data;

	if (status < 0)
		events = UV_READABLE | UV_WRITABLE; /* it looks for itself */
	if (w->context != NULL && (events & UV_READABLE))
		redisAsyncHandleRead(w->context);
	if (w->context != NULL && (events & UV_WRITABLE))
		redisAsyncHandleWrite(w->context);
}

static void
watch(struct watcher *w, int events)
{
	w->events = events;
	if (events != 0)
		uv_poll_start(&w->poll, events, on_poll);
	else
		uv_poll_stop(&w->poll);
}

static void
add_read(void *watcher)
{
	watch(watcher, ((struct watcher *)watcher)->events | UV_READABLE);
}

static void
drop_read(void *watcher)
{
	watch(watcher, ((struct watcher *)watcher)->events & ~UV_READABLE);
}

static void
add_write(void *watcher)
{
	watch(watcher, ((struct watcher *)watcher)->events | UV_WRITABLE);
}

static void
drop_write(void *watcher)
{
	watch(watcher, ((struct watcher *)watcher)->events & ~UV_WRITABLE);
}

static void
on_watcher_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
drop_watcher(void *watcher)
{
	struct watcher *w = watcher;

	w->context = NULL;
	uv_close((uv_handle_t *)&w->poll, on_watcher_closed);
}

static bool
attach(struct redis *r, redisAsyncContext *c)
{
	struct watcher *w = calloc(1, sizeof(*w));

	if (w == NULL || uv_poll_init(r->loop, &w->poll, c->c.fd) != 0) {
		free(w);
		return false;
	}
	w->poll.data = w;
	w->context = c;
	c->data = r;
	c->ev.data = w;
	c->ev.addRead = add_read;
	c->ev.delRead = drop_read;
	c->ev.addWrite = add_write;
	c->ev.delWrite = drop_write;
	c->ev.cleanup = drop_watcher;
	return true;
}

/* --- down --- */

/* Its context is gone, or goes by itself. */
static void
note_down(struct redis *r, const char *why)
{
	char text[WHY_MAX];

	snprintf(text, sizeof(text), "%s",
	    why != NULL && *why != '\0' ? why : "the connection ended");
	r->context = NULL;
	r->digest[0] = '\0';
	r->waiting = 0;
	r->failures++;
	r->due = clock_now() + PAUSE;
	r->ops->on_down(r->arg, text);
}

static void
leave(struct redis *r)
{
	redisAsyncContext *c = r->context;

	r->context = NULL; /* it tells us no more */
	r->digest[0] = '\0';
	if (c != NULL)
		redisAsyncFree(c);
}

void
redis_fail(struct redis *r, const char *why)
{
	char text[WHY_MAX];

	if (r->context == NULL)
		return;
	snprintf(text, sizeof(text), "%s", why); /* it may be the context's */
	leave(r);
	note_down(r, text);
}

static void
on_disconnect(const redisAsyncContext *c, int status)
{
	struct redis *r = c->data;

	(void)status;
	if (r->context == c)
		note_down(r, c->errstr);
}

/* --- up --- */

static void
on_greeting(redisAsyncContext *c, void *answer, void *unused)
{
	const redisReply *reply = answer;
	struct redis *r = c->data;

	(void)unused;
	if (r->context != c || reply == NULL)
		return;
	r->heard = clock_now();
	r->waiting--;
	if (reply->type == REDIS_REPLY_ERROR)
		redis_fail(r, reply->str);
	else if (r->waiting == 0 && reply->type == REDIS_REPLY_STRING &&
	    strlen(reply->str) < sizeof(r->digest)) {
		memcpy(r->digest, reply->str, strlen(reply->str) + 1);
		r->ops->on_up(r->arg);
	}
}

static void
greet(struct redis *r, int n, const char **words)
{
	r->waiting++;
	(void)redisAsyncCommandArgv(
	    r->context, on_greeting, NULL, n, words, NULL);
}

/* The answer to the last of these, the script's digest, is what up means. */
static void
on_connect(const redisAsyncContext *c, int status)
{
	struct redis *r = c->data;
	char database[16];

	if (r->context != c)
		return;
	if (status != REDIS_OK) {
		note_down(r, c->errstr);
		return;
	}
	r->heard = clock_now();
	if (r->to.password != NULL && r->to.user != NULL)
		greet(r, 3,
		    (const char *[]){ "AUTH", r->to.user, r->to.password });
	else if (r->to.password != NULL)
		greet(r, 2, (const char *[]){ "AUTH", r->to.password });
	snprintf(database, sizeof(database), "%u", r->to.database);
	greet(r, 2, (const char *[]){ "SELECT", database });
	greet(r, 3, (const char *[]){ "SCRIPT", "LOAD", r->script });
}

/* --- connecting --- */

static void
begin(struct redis *r, redisAsyncContext *c)
{
	if (c == NULL || c->err != 0 || !attach(r, c)) {
		note_down(r, c != NULL ? c->errstr : "out of memory");
		if (c != NULL)
			redisAsyncFree(c);
		return;
	}
	r->context = c;
	r->heard = clock_now();
	redisAsyncSetDisconnectCallback(c, on_disconnect);
	redisAsyncSetConnectCallback(c, on_connect);
}

/* The nth of them, from the first again behind the last. */
static const struct addrinfo *
pick(const struct addrinfo *all, unsigned nth)
{
	const struct addrinfo *a = all;

	for (; nth > 0; nth--)
		a = a->ai_next != NULL ? a->ai_next : all;
	return a;
}

static void
on_resolved(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
	struct redis *r = lookup->data;
	char text[INET6_ADDRSTRLEN] = "";

	r->resolving = false;
	if (status == 0)
		(void)uv_ip_name(
		    pick(found, r->failures % ADDRESSES_TRIED)->ai_addr, text,
		    sizeof(text));
	uv_freeaddrinfo(found);
	if (r->stale || status == UV_ECANCELED)
		return; /* the next tick asks anew */
	if (status != 0)
		note_down(r, uv_strerror(status));
	else
		begin(r, redisAsyncConnect(text, (int)r->to.port));
}

static void
connect_to(struct redis *r)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const char *unix_path = r->to.address + sizeof("unix:") - 1;

	if (slice_starts(slice_of(r->to.address), SLICE("unix:"))) {
		begin(r, redisAsyncConnectUnix(unix_path));
		return;
	}
	r->lookup.data = r;
	r->stale = false;
	if (uv_getaddrinfo(r->loop, &r->lookup, on_resolved, r->to.address,
		NULL, &hints) != 0)
		note_down(r, "no lookup of its name");
	else
		r->resolving = true;
}

void
redis_tick(struct redis *r, usec now)
{
	bool late = r->context != NULL && (r->waiting > 0 || !redis_is_up(r)) &&
	    now - r->heard > PATIENCE;

	if (late && r->late)
		redis_fail(r, "no answer");
	r->late = late;
	if (r->context == NULL && !r->resolving && r->to.address != NULL &&
	    now >= r->due)
		connect_to(r);
}

bool
redis_is_up(const struct redis *r)
{
	return r->digest[0] != '\0';
}

/* --- calls --- */

static void
on_answer(redisAsyncContext *c, void *answer, void *call)
{
	struct redis_reply reply = { .error = NULL };
	const redisReply *a = answer;
	struct redis *r = c->data;

	if (a == NULL) {
		r->ops->on_reply(r->arg, call, NULL);
		return;
	}
	r->heard = clock_now();
	r->waiting--;
	if (a->type == REDIS_REPLY_ERROR)
		reply.error = a->str;
	else if (a->type != REDIS_REPLY_ARRAY || a->elements > REDIS_VALUES_MAX)
		reply.error = "another answer than the script's";
	for (size_t i = 0; reply.error == NULL && i < a->elements; i++)
		if (a->element[i]->type == REDIS_REPLY_STRING)
			reply.values[reply.n++] = slice_make(
			    a->element[i]->str, (size_t)a->element[i]->len);
	r->ops->on_reply(r->arg, call, &reply);
}

bool
redis_run(struct redis *r, const struct slice *keys, size_t n_keys,
    const struct slice *args, size_t n_args, void *call)
{
	const char *words[ARGS_MAX] = { "EVALSHA", r->digest };
	size_t sizes[ARGS_MAX] = { sizeof("EVALSHA") - 1, strlen(r->digest) };
	char count[16];
	size_t n = 3;

	if (!redis_is_up(r) || n + n_keys + n_args > ARGS_MAX)
		return false;
	sizes[2] = (size_t)snprintf(count, sizeof(count), "%zu", n_keys);
	words[2] = count;
	for (size_t i = 0; i < n_keys + n_args; i++, n++) {
		struct slice s = i < n_keys ? keys[i] : args[i - n_keys];

		words[n] = s.p;
		sizes[n] = s.n;
	}
	if (redisAsyncCommandArgv(
		r->context, on_answer, call, (int)n, words, sizes) != REDIS_OK)
		return false;
	if (r->waiting++ == 0)
		r->heard = clock_now();
	return true;
}

/* --- as a whole --- */

struct redis *
redis_new(
    uv_loop_t *loop, const char *script, const struct redis_ops *ops, void *arg)
{
	struct redis *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->loop = loop;
	r->script = script;
	r->ops = ops;
	r->arg = arg;
	return r;
}

static char *
copy_of(const char *s)
{
	return s != NULL ? strdup(s) : NULL;
}

static void
forget(struct place *to)
{
	free(to->address);
	free(to->user);
	free(to->password);
	*to = (struct place){ NULL };
}

void
redis_configure(struct redis *r, const struct conf_shared_limits *to)
{
	if (same_text(r->to.address, to->address) && r->to.port == to->port &&
	    same_text(r->to.user, to->user) &&
	    same_text(r->to.password, to->password) &&
	    r->to.database == to->database)
		return;
	leave(r);
	r->waiting = 0;
	r->stale = true;
	r->due = 0;
	forget(&r->to);
	r->to = (struct place){ .address = copy_of(to->address),
		.user = copy_of(to->user),
		.password = copy_of(to->password),
		.port = to->port,
		.database = to->database };
}

void
redis_stop(struct redis *r)
{
	leave(r);
	forget(&r->to);
	r->stale = true; /* a lookup that cannot be cancelled any more */
	if (r->resolving)
		uv_cancel((uv_req_t *)&r->lookup);
}

void
redis_free(struct redis **rp)
{
	struct redis *r = *rp;

	if (r == NULL)
		return;
	forget(&r->to);
	free(r);
	*rp = NULL;
}
