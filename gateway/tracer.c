/* gateway/tracer.c - spans of finished requests, and the post to a collector.
 *
 * Spans gather in chunks of what one post may have: a ring, in which workers
 * fill one and the main thread posts those that they have left, the oldest
 * first.
 *
 *	idle --a second, or a chunk left--> posting --2xx--> idle
 *	                                      | ^ after a pause, doubling, or as
 *	       429, 502, 503, 504, no answer  v | long as its retry-after says
 *	                                    resting --too often--> idle, dropped
 */
#include "gateway/tracer.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "gateway/app.h"
#include "gateway/lib/hex.h"
#include "gateway/lib/log.h"
#include "gateway/lib/mask.h"
#include "gateway/telemetry/otlp.h"
#include "gateway/telemetry/otlp_answer.h"
#include "gateway/upstream/target.h"

#define PERIOD USEC_SEC
#define TIMEOUT (10 * USEC_SEC)
#define PAUSE USEC_SEC /* before the second try; then twice as long, ... */
#define PAUSE_MAX (60 * USEC_SEC) /* of what retry-after says */
#define TRIES 5
#define LAST_WORDS (2 * USEC_SEC) /* for the rest, at the end */
#define HEADERS_MAX ((size_t)1 << 20)
#define INSTANCE 8 /* random bytes */
#define ANSWER_MAX 1024 /* bytes that are read */
#define REASON_MAX 160 /* bytes of what it says, for the log */

struct chunk {
	struct buf spans;
	unsigned requests;
};

struct tracer {
	struct app *app;
	char instance[2 * INSTANCE + 1];

	pthread_mutex_t lock; /* guards what follows */
	struct chunk chunks[TRACER_CHUNKS];
	unsigned filled; /* the one that is added to */
	unsigned oldest; /* only the main thread changes it */
	struct tracer_stats stats;

	/* main thread's */
	struct transfer *transfer;
	struct buf headers;
	char head[OTLP_HEAD_MAX];
	struct slice body[2];
	const struct backend_ops *reader; /* knows retry-after */
	struct answer_head head_said; /* of the answer */
	char said[ANSWER_MAX]; /* the answer's body, as far as there is room */
	size_t n_said;
	unsigned tries; /* of the oldest chunk */
	usec due, until; /* the next post; the end of this one */
	usec give_up; /* 0: the process goes on */
};

struct tracer *
tracer_new(struct app *app)
{
	struct tracer *t = calloc(1, sizeof(*t));
	unsigned char random[INSTANCE];

	if (t == NULL)
		return NULL;
	if (RAND_bytes(random, sizeof(random)) != 1)
		abort();
	hex_write(random, sizeof(random), t->instance);
	t->app = app;
	t->reader = backend_find(SLICE("openai"));
	for (unsigned i = 0; i < TRACER_CHUNKS; i++)
		buf_init(&t->chunks[i].spans, TRACER_CHUNK);
	buf_init(&t->headers, HEADERS_MAX);
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void
tracer_free(struct tracer **tp)
{
	struct tracer *t = *tp;

	if (t == NULL)
		return;
	for (unsigned i = 0; i < TRACER_CHUNKS; i++)
		buf_fini(&t->chunks[i].spans);
	buf_fini(&t->headers);
	pthread_mutex_destroy(&t->lock);
	free(t);
	*tp = NULL;
}

/* --- with the lock --- */

/* From now on the next one is filled; false where all are to be posted. */
static bool
leave_chunk(struct tracer *t)
{
	unsigned next = (t->filled + 1) % TRACER_CHUNKS;

	if (next == t->oldest)
		return false;
	t->filled = next;
	return true;
}

/* --- from a worker --- */

static bool
is_full(const struct chunk *c)
{
	return OTLP_REQUEST_MAX > TRACER_CHUNK - c->spans.n;
}

/* The whole of a chunk's memory at once: it is taken as it is filled. */
static bool
has_room(struct chunk *c)
{
	if (!is_full(c) &&
	    buf_reserve_exactly(&c->spans, TRACER_CHUNK - c->spans.n))
		return true;
	if (c->requests == 0) /* there may be memory next time */
		buf_reset(&c->spans);
	return false;
}

/* Spans are written where they stay. */
void
tracer_add(struct tracer *t, const struct trace_record *r)
{
	struct chunk *c;

	pthread_mutex_lock(&t->lock);
	c = &t->chunks[t->filled];
	if (is_full(c) && leave_chunk(t))
		c = &t->chunks[t->filled];
	if (has_room(c)) {
		c->spans.n += otlp_spans(c->spans.p + c->spans.n, r);
		c->requests++;
	} else {
		t->stats.dropped++;
	}
	pthread_mutex_unlock(&t->lock);
}

void
tracer_stats(struct tracer *t, struct tracer_stats *out)
{
	pthread_mutex_lock(&t->lock);
	*out = t->stats;
	pthread_mutex_unlock(&t->lock);
}

/* --- posting --- */

/* Is done with the oldest chunk, of which so many are lost. */
static void
forget(struct tracer *t, uint64_t lost)
{
	struct chunk *c = &t->chunks[t->oldest];

	if (lost > c->requests)
		lost = c->requests;
	pthread_mutex_lock(&t->lock);
	t->stats.sent += c->requests - lost;
	t->stats.dropped += lost;
	c->requests = 0;
	buf_reset(&c->spans);
	t->oldest = (t->oldest + 1) % TRACER_CHUNKS;
	pthread_mutex_unlock(&t->lock);
	t->tries = 0;
}

static void
forget_all(struct tracer *t)
{
	forget(t, UINT64_MAX);
}

static bool
may_try_again(const struct transfer_result *r)
{
	return r->status == 0 || r->status == 429 || r->status == 502 ||
	    r->status == 503 || r->status == 504;
}

/* Why it would not take them, in its own words where it has any, but for what
 * our headers say: a message of Protobuf, else whatever text it sent; else
 * libcurl's. */
static void
word(const struct tracer *t, const struct transfer_result *r,
    const struct otlp_answer *a, char out[REASON_MAX])
{
	struct slice said = a->message;
	char whole[ANSWER_MAX + 1];

	if (said.n == 0 && r->status >= 300 &&
	    slice_find(slice_make(t->said, t->n_said), '\0') < 0)
		said = slice_make(t->said, t->n_said);
	if (said.n == 0)
		said = slice_of(r->message[0] != '\0' ? r->message
			: r->fault != FAULT_NONE ? fault_rule(r->fault)->name
						 : "no reason given");
	slice_copy(whole, sizeof(whole), said);
	mask_headers(whole, slice_of(t->app->conf->otlp.headers));
	slice_copy(out, REASON_MAX, slice_of(whole));
	for (char *p = out; *p != '\0'; p++)
		if (*p == '"')
			*p = '\'';
}

static void
warn(struct tracer *t, const struct transfer_result *r,
    const struct otlp_answer *a, bool again)
{
	static struct log_limit often = { .event = "otlp", .most = 3 };
	char reason[REASON_MAX];

	if (!log_limit_pass(&often, clock_now()))
		return;
	word(t, r, a, reason);
	if (r->status >= 200 && r->status < 300)
		log_warn("otlp_partial requests=%u rejected_spans=%llu "
			 "reason=\"%s\"",
		    t->chunks[t->oldest].requests,
		    (unsigned long long)a->rejected, reason);
	else
		log_warn("otlp_failed status=%d requests=%u again=%d "
			 "reason=\"%s\"",
		    r->status, t->chunks[t->oldest].requests, again, reason);
}

static usec
pause_of(const struct tracer *t)
{
	usec pause = PAUSE << (t->tries - 1), told = t->head_said.retry_after;

	if (told <= pause)
		return pause;
	return told < PAUSE_MAX ? told : PAUSE_MAX;
}

static void
on_failed(struct tracer *t, const struct transfer_result *r,
    const struct otlp_answer *a, usec now)
{
	bool again = may_try_again(r) && t->tries < TRIES && t->give_up == 0;

	warn(t, r, a, again);
	if (again)
		t->due = now + pause_of(t);
	else
		forget_all(t);
}

/* Each span that was not taken may be of another request. */
static void
on_taken(struct tracer *t, const struct transfer_result *r,
    const struct otlp_answer *a)
{
	if (a->rejected > 0 || a->message.n > 0)
		warn(t, r, a, false);
	forget(t, a->rejected);
}

static void
on_header(void *arg, struct slice name, struct slice value)
{
	struct tracer *t = arg;

	t->reader->read_header(name, value, &t->head_said);
}

static bool
on_bytes(void *arg, struct slice bytes)
{
	struct tracer *t = arg;
	size_t room = sizeof(t->said) - t->n_said;

	if (bytes.n > room)
		bytes.n = room;
	if (bytes.n > 0)
		memcpy(t->said + t->n_said, bytes.p, bytes.n);
	t->n_said += bytes.n;
	return true;
}

static void
on_done(void *arg, const struct transfer_result *r)
{
	struct tracer *t = arg;
	struct otlp_answer a;
	bool taken = r->status >= 200 && r->status < 300;

	usec now = clock_now();

	t->transfer = NULL;
	(void)otlp_read_answer(slice_make(t->said, t->n_said), taken, &a);
	if (taken)
		on_taken(t, r, &a);
	else
		on_failed(t, r, &a, now);
	tracer_tick(t, now);
}

/* Those of its own, and those of the configuration as it is now. */
static struct slice
headers_of(struct tracer *t)
{
	const char *more = t->app->conf->otlp.headers;

	buf_reset(&t->headers);
	buf_add_str(&t->headers, "content-type: " OTLP_TYPE "\n");
	buf_add_str(&t->headers, more != NULL ? more : "");
	return buf_slice(&t->headers);
}

/* The oldest chunk, which nobody adds to. */
static void
post(struct tracer *t, usec now)
{
	static const struct transfer_ops ops = {
		.on_header = on_header, .on_bytes = on_bytes, .on_done = on_done
	};
	const char *url = t->app->conf->otlp.url;
	const struct conf_backend where = { .url = url,
		.local = conf_url_is_local(url),
		.timeouts.connect = TIMEOUT };
	struct transfer_request q = { .method = "POST",
		.url = where.url,
		.headers = headers_of(t),
		.body = t->body,
		.n_body = 2 };

	t->body[1] = buf_slice(&t->chunks[t->oldest].spans);
	t->body[0] =
	    slice_make(t->head, otlp_head(t->head, t->instance, t->body[1].n));
	transfer_target(&q, &where);
	t->head_said = (struct answer_head){ .status = 0 };
	t->n_said = 0;
	t->tries++;
	t->until = now + TIMEOUT;
	t->transfer = transfer_start(t->app->upstream, &q, &ops, t);
	if (t->transfer == NULL)
		forget_all(t);
}

/* Is there a chunk to be posted, be it the one that is being filled? */
static bool
is_due(struct tracer *t, bool filled)
{
	bool due;

	pthread_mutex_lock(&t->lock);
	if (filled && t->chunks[t->filled].requests > 0)
		(void)leave_chunk(t);
	due = t->oldest != t->filled;
	pthread_mutex_unlock(&t->lock);
	return due;
}

void
tracer_tick(struct tracer *t, usec now)
{
	const struct transfer_result late = { .message = "timeout" };
	const struct otlp_answer nothing = { .message = SLICE("") };

	if (t->transfer != NULL && now >= t->until) {
		transfer_cancel(&t->transfer);
		t->n_said = 0;
		on_failed(t, &late, &nothing, now);
	}
	if (t->transfer != NULL || (t->tries > 0 && now < t->due))
		return;
	if (!is_due(t, t->tries == 0 && now >= t->due))
		return;
	t->due = now + PERIOD;
	if (t->app->conf->otlp.url != NULL)
		post(t, now);
	else /* gone with a new configuration */
		forget_all(t);
}

bool
tracer_drained(struct tracer *t, usec now)
{
	if (t->give_up == 0)
		t->give_up = now + LAST_WORDS;
	t->due = now;
	if (t->transfer == NULL && !is_due(t, true))
		return true;
	return now >= t->give_up;
}

void
tracer_stop(struct tracer *t)
{
	if (t->transfer != NULL)
		transfer_cancel(&t->transfer);
}
