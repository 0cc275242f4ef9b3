/* gateway/shared/redis.c - a connection to a Redis server, on a uv loop. */
#include "gateway/shared/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/mask.h"
#include "gateway/lib/text.h"
#include "gateway/shared/lookup.h"

#define PAUSE USEC_SEC /* between tries */
#define PATIENCE (2 * USEC_SEC) /* for an answer */
#define WHY_MAX 128
#define ANSWERS_MAX 16384 /* bytes, of those that come at a time */
#define WORDS_MAX 24
#define ADDRESSES_TRIED 12 /* of a name; all of 2, 3, 4, 6 as often */

/* A connection. It outlives its use until the loop has let go of it. */
struct link {
	struct redis *of; /* NULL: it is of no use any more */
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	uv_connect_t connect;
	unsigned greetings; /* answers to these are due, before those to */
	void *calls[REDIS_CALLS_MAX]; /* a ring of them */
	unsigned first, n_calls;
	char in[ANSWERS_MAX];
	size_t n_in;
};

/* Bytes on their way out. */
struct letter {
	uv_write_t write;
	char *bytes;
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
	struct lookup *lookup; /* of the address; NULL: none is under way */
	unsigned failures; /* each tries the next of a name's addresses */
	struct link *link; /* NULL: down */
	char digest[41]; /* of the script, as the server has it; "": not up */
	usec heard; /* the last one, or when the first was asked for */
	bool late; /* at the last tick: then what has come since was read */
	usec due; /* the next try */
};

/* --- down --- */

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Calls that are open are answered: nobody knows. */
static void
leave(struct redis *r)
{
	struct link *l = r->link;

	r->link = NULL;
	r->digest[0] = '\0';
	if (l == NULL)
		return;
	l->of = NULL;
	uv_close(&l->uv.handle, on_closed);
	for (; l->n_calls > 0; l->n_calls--)
		r->ops->on_reply(
		    r->arg, l->calls[l->first++ % REDIS_CALLS_MAX], NULL);
}

static void
note_down(struct redis *r, const char *why)
{
	r->failures++;
	r->due = clock_now() + PAUSE;
	r->ops->on_down(r->arg, why);
}

void
redis_fail(struct redis *r, const char *why)
{
	if (r->link == NULL)
		return;
	leave(r);
	note_down(r, why);
}

void
redis_fail_as_told(struct redis *r, struct slice error)
{
	char text[WHY_MAX];

	/* of a command that it does not know Redis quotes the arguments */
	mask_copy(text, sizeof(text), error, r->to.password);
	redis_fail(r, text);
}

/* --- out --- */

static void
on_written(uv_write_t *write, int status)
{
	struct letter *letter = write->data;
	struct link *l = write->handle->data;

	free(letter->bytes);
	free(letter);
	if (status < 0 && l->of != NULL)
		redis_fail(l->of, uv_strerror(status));
}

/* False: there is no memory for it. */
static bool
send_words(struct link *l, const struct slice *words, size_t n)
{
	struct letter *letter = calloc(1, sizeof(*letter));
	struct buf bytes;
	uv_buf_t out;
	size_t size;

	buf_init(&bytes, WORDS_MAX * ANSWERS_MAX);
	resp_add(&bytes, words, n);
	if (letter != NULL)
		letter->bytes = buf_take(&bytes, &size);
	buf_fini(&bytes);
	if (letter == NULL || letter->bytes == NULL) {
		free(letter);
		return false;
	}
	out = uv_buf_init(letter->bytes, (unsigned)size);
	letter->write.data = letter;
	if (uv_write(&letter->write, &l->uv.stream, &out, 1, on_written) == 0)
		return true;
	free(letter->bytes);
	free(letter);
	return false;
}

static unsigned
waiting(const struct link *l)
{
	return l->greetings + l->n_calls;
}

bool
redis_run(struct redis *r, const struct slice *keys, size_t n_keys,
    const struct slice *args, size_t n_args, void *call)
{
	struct slice words[WORDS_MAX] = { SLICE("EVALSHA"),
		slice_of(r->digest) };
	struct link *l = r->link;
	char count[16];
	size_t n = 3;

	if (!redis_is_up(r) || n + n_keys + n_args > WORDS_MAX ||
	    l->n_calls == REDIS_CALLS_MAX)
		return false;
	snprintf(count, sizeof(count), "%zu", n_keys);
	words[2] = slice_of(count);
	for (size_t i = 0; i < n_keys; i++)
		words[n++] = keys[i];
	for (size_t i = 0; i < n_args; i++)
		words[n++] = args[i];
	if (!send_words(l, words, n))
		return false;
	if (waiting(l) == 0)
		r->heard = clock_now();
	l->calls[(l->first + l->n_calls++) % REDIS_CALLS_MAX] = call;
	return true;
}

/* --- in --- */

/* The answer to the last one, the script's digest, is what up means. */
static void
hear_greeting(struct redis *r, const struct resp_answer *a)
{
	struct slice digest = a->values[0];

	if (a->error.p != NULL) {
		redis_fail_as_told(r, a->error);
	} else if (--r->link->greetings == 0) {
		if (a->n != 1 || digest.n == 0 || digest.n >= sizeof(r->digest))
			redis_fail(r, "no digest of the script");
		else {
			slice_copy(r->digest, sizeof(r->digest), digest);
			r->ops->on_up(r->arg);
		}
	}
}

static void
hear(struct redis *r, const struct resp_answer *a)
{
	struct link *l = r->link;

	r->heard = clock_now();
	if (l->greetings > 0) {
		hear_greeting(r, a);
	} else if (l->n_calls > 0) {
		l->n_calls--;
		r->ops->on_reply(
		    r->arg, l->calls[l->first++ % REDIS_CALLS_MAX], a);
	} else if (a->error.p != NULL) {
		redis_fail_as_told(r, a->error);
	} else {
		redis_fail(r, "an answer that nobody asked for");
	}
}

/* All that has come, as far as it is whole. */
static void
take_answers(struct link *l)
{
	enum resp_state s = RESP_ANSWER;
	struct resp_answer a;
	size_t at = 0, n;

	while (l->of != NULL && s == RESP_ANSWER) {
		s = resp_read(slice_make(l->in + at, l->n_in - at), &a, &n);
		if (s == RESP_ANSWER) {
			hear(l->of, &a);
			at += n;
		}
	}
	if (l->of != NULL && (s == RESP_BAD || l->n_in - at == ANSWERS_MAX))
		redis_fail(l->of, "another answer than the script's");
	memmove(l->in, l->in + at, l->n_in - at);
	l->n_in -= at;
}

static void
on_room(uv_handle_t *handle, size_t hint, uv_buf_t *room)
{
	struct link *l = handle->data;

	(void)hint;
	*room = uv_buf_init(l->in + l->n_in, (unsigned)(ANSWERS_MAX - l->n_in));
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *room)
{
	struct link *l = stream->data;

	(void)room;
	if (l->of == NULL)
		return;
	if (n < 0) {
		redis_fail(l->of,
		    n == UV_EOF ? "the connection ended" : uv_strerror((int)n));
		return;
	}
	l->n_in += (size_t)n;
	take_answers(l);
}

/* --- connecting --- */

/* False: it has failed. */
static bool
greet(struct redis *r, const struct slice *words, size_t n)
{
	r->link->greetings++;
	if (send_words(r->link, words, n))
		return true;
	redis_fail(r, "out of memory");
	return false;
}

static void
greet_all(struct redis *r)
{
	struct slice auth[3] = { SLICE("AUTH") }, database[2], load[3];
	char number[16];
	size_t n = 1;

	if (r->to.user != NULL)
		auth[n++] = slice_of(r->to.user);
	if (r->to.password != NULL) {
		auth[n++] = slice_of(r->to.password);
		if (!greet(r, auth, n))
			return;
	}
	snprintf(number, sizeof(number), "%u", r->to.database);
	database[0] = SLICE("SELECT");
	database[1] = slice_of(number);
	load[0] = SLICE("SCRIPT");
	load[1] = SLICE("LOAD");
	load[2] = slice_of(r->script);
	if (greet(r, database, 2))
		(void)greet(r, load, 3);
}

static void
on_connect(uv_connect_t *connect, int status)
{
	struct link *l = connect->handle->data;

	if (l->of == NULL)
		return;
	if (status == 0)
		status = uv_read_start(&l->uv.stream, on_room, on_read);
	if (status != 0) {
		redis_fail(l->of, uv_strerror(status));
		return;
	}
	l->of->heard = clock_now();
	greet_all(l->of);
}

/* To the address, or, where that is NULL, to the socket of its path. */
static void
begin(struct redis *r, const struct sockaddr *to, const char *path)
{
	struct link *l = calloc(1, sizeof(*l));
	int rc = UV_ENOMEM;

	if (l != NULL)
		rc = to != NULL ? uv_tcp_init(r->loop, &l->uv.tcp)
				: uv_pipe_init(r->loop, &l->uv.pipe, 0);
	if (rc != 0) {
		free(l);
		note_down(r, uv_strerror(rc));
		return;
	}
	l->uv.handle.data = l;
	l->of = r;
	r->link = l;
	r->heard = clock_now();
	if (to == NULL) {
		uv_pipe_connect(&l->connect, &l->uv.pipe, path, on_connect);
		return;
	}
	(void)uv_tcp_nodelay(&l->uv.tcp, 1);
	rc = uv_tcp_connect(&l->connect, &l->uv.tcp, to, on_connect);
	if (rc != 0)
		redis_fail(r, uv_strerror(rc));
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
connect_found(struct redis *r)
{
	const struct addrinfo *found;
	const char *why;

	found = lookup_found(r->lookup, &why);
	if (found == NULL)
		note_down(r, why);
	else
		begin(r, pick(found, r->failures % ADDRESSES_TRIED)->ai_addr,
		    NULL);
	lookup_leave(&r->lookup);
}

static void
connect_to(struct redis *r)
{
	if (slice_starts(slice_of(r->to.address), SLICE("unix:"))) {
		begin(r, NULL, r->to.address + sizeof("unix:") - 1);
		return;
	}
	r->lookup = lookup_start(r->to.address, r->to.port);
	if (r->lookup == NULL)
		note_down(r, "no lookup of its name");
}

void
redis_tick(struct redis *r, usec now)
{
	bool late = r->link != NULL &&
	    (waiting(r->link) > 0 || !redis_is_up(r)) &&
	    now - r->heard > PATIENCE;

	if (late && r->late)
		redis_fail(r, "no answer");
	r->late = late;
	if (r->lookup != NULL) {
		if (lookup_is_over(r->lookup))
			connect_found(r);
	} else if (r->link == NULL && r->to.address != NULL && now >= r->due) {
		connect_to(r);
	}
}

bool
redis_is_up(const struct redis *r)
{
	return r->digest[0] != '\0';
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
	lookup_leave(&r->lookup);
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
	lookup_leave(&r->lookup);
	forget(&r->to);
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
