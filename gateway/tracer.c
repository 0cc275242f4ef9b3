/* gateway/tracer.c - a queue of finished requests, and the post to a
 * collector.
 *
 *	idle --a second, or a batch full--> posting --2xx--> idle
 *	                                      | ^
 *	       429, 502, 503, 504, no answer  v | after a pause, doubling
 *	                                    resting --too often--> idle, dropped
 */
#include "gateway/tracer.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/app.h"
#include "gateway/lib/hex.h"
#include "gateway/lib/log.h"
#include "gateway/tracer_record.h"
#include "gateway/upstream/target.h"

#define PERIOD USEC_SEC
#define TIMEOUT (10 * USEC_SEC)
#define PAUSE USEC_SEC /* before the second try; then twice as long, ... */
#define TRIES 5
#define LAST_WORDS (2 * USEC_SEC) /* for the rest, at the end */
#define DOCUMENT_MAX ((size_t)8 << 20)
#define HEADERS_MAX ((size_t)1 << 20)
#define INSTANCE 8 /* random bytes */

struct tracer {
	struct app *app;
	char instance[2 * INSTANCE + 1];

	pthread_mutex_t lock; /* guards what follows */
	struct tracer_record *first, **last;
	size_t n;
	struct tracer_stats stats;

	/* main thread's */
	struct transfer *transfer;
	struct buf document; /* being posted, or to be posted again */
	struct buf headers;
	struct slice body;
	unsigned requests, tries; /* of the document */
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
	t->last = &t->first;
	buf_init(&t->document, DOCUMENT_MAX);
	buf_init(&t->headers, HEADERS_MAX);
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

static struct tracer_record *
take_first(struct tracer *t)
{
	struct tracer_record *r;

	pthread_mutex_lock(&t->lock);
	r = t->first;
	if (r != NULL) {
		t->first = r->next;
		t->n--;
		if (t->first == NULL)
			t->last = &t->first;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

void
tracer_free(struct tracer **tp)
{
	struct tracer *t = *tp;
	struct tracer_record *r;

	if (t == NULL)
		return;
	while ((r = take_first(t)) != NULL)
		tracer_record_free(r);
	buf_fini(&t->document);
	buf_fini(&t->headers);
	pthread_mutex_destroy(&t->lock);
	free(t);
	*tp = NULL;
}

/* --- from a worker --- */

bool
tracer_add(struct tracer *t, struct tracer_record *r)
{
	bool room;

	pthread_mutex_lock(&t->lock);
	room = r != NULL && t->n < TRACER_QUEUE;
	if (room) {
		*t->last = r;
		t->last = &r->next;
		t->n++;
	} else {
		t->stats.dropped++;
	}
	pthread_mutex_unlock(&t->lock);
	return room;
}

void
tracer_stats(struct tracer *t, struct tracer_stats *out)
{
	pthread_mutex_lock(&t->lock);
	*out = t->stats;
	pthread_mutex_unlock(&t->lock);
}

static size_t
queued(struct tracer *t)
{
	size_t n;

	pthread_mutex_lock(&t->lock);
	n = t->n;
	pthread_mutex_unlock(&t->lock);
	return n;
}

/* --- posting --- */

static void
forget(struct tracer *t, bool sent)
{
	pthread_mutex_lock(&t->lock);
	if (sent)
		t->stats.sent += t->requests;
	else
		t->stats.dropped += t->requests;
	pthread_mutex_unlock(&t->lock);
	t->requests = t->tries = 0;
	buf_reset(&t->document);
}

static bool
may_try_again(const struct transfer_result *r)
{
	return r->status == 0 || r->status == 429 || r->status == 502 ||
	    r->status == 503 || r->status == 504;
}

static void
warn(const struct tracer *t, const struct transfer_result *r, bool again)
{
	static struct log_limit often = { .event = "otlp", .most = 3 };

	if (log_limit_pass(&often, clock_now()))
		log_warn("otlp_failed status=%d requests=%u again=%d "
			 "reason=\"%s\"",
		    r->status, t->requests, again,
		    r->message[0] != '\0' ? r->message
					  : fault_rule(r->fault)->name);
}

static void
on_failed(struct tracer *t, const struct transfer_result *r, usec now)
{
	bool again = may_try_again(r) && t->tries < TRIES && t->give_up == 0;

	warn(t, r, again);
	if (again)
		t->due = now + (PAUSE << (t->tries - 1));
	else
		forget(t, false);
}

static bool
on_bytes(void *arg, struct slice bytes)
{
	(void)arg;
	(void)bytes;
	return true;
}

static void
on_done(void *arg, const struct transfer_result *r)
{
	struct tracer *t = arg;

	t->transfer = NULL;
	if (r->status >= 200 && r->status < 300)
		forget(t, true);
	else
		on_failed(t, r, clock_now());
}

/* Those of its own, and those of the configuration as it is now. */
static struct slice
headers_of(struct tracer *t)
{
	const char *more = t->app->conf->otlp.headers;

	buf_reset(&t->headers);
	buf_add_str(&t->headers, "content-type: application/json\n");
	buf_add_str(&t->headers, more != NULL ? more : "");
	return buf_slice(&t->headers);
}

static void
post(struct tracer *t, usec now)
{
	static const struct transfer_ops ops = { .on_bytes = on_bytes,
		.on_done = on_done };
	const struct conf_backend where = { .url = t->app->conf->otlp.url,
		.timeouts.connect = TIMEOUT };
	struct transfer_request q = { .method = "POST",
		.url = where.url,
		.headers = headers_of(t),
		.body = &t->body,
		.n_body = 1 };

	t->body = buf_slice(&t->document);
	transfer_target(&q, &where);
	t->tries++;
	t->until = now + TIMEOUT;
	t->transfer = transfer_start(t->app->upstream, &q, &ops, t);
	if (t->transfer == NULL)
		forget(t, false);
}

static void
make_document(struct tracer *t)
{
	struct tracer_record *r;

	otlp_begin(&t->document, t->instance);
	while (t->requests < TRACER_BATCH && (r = take_first(t)) != NULL) {
		otlp_add(&t->document, &r->trace, t->requests == 0);
		tracer_record_free(r);
		t->requests++;
	}
	otlp_end(&t->document);
	if (buf_err(&t->document) != OK)
		forget(t, false);
}

/* The collector has gone with a new configuration, or never was. */
static void
drop_all(struct tracer *t)
{
	struct tracer_record *r;

	while ((r = take_first(t)) != NULL) {
		tracer_record_free(r);
		t->requests++;
	}
	if (t->requests > 0)
		forget(t, false);
}

void
tracer_tick(struct tracer *t, usec now)
{
	const struct transfer_result late = { .message = "timeout" };
	size_t n = queued(t);

	if (t->transfer != NULL && now >= t->until) {
		transfer_cancel(&t->transfer);
		on_failed(t, &late, now);
	}
	if (t->transfer != NULL || (n == 0 && t->requests == 0))
		return;
	if (t->app->conf->otlp.url == NULL) {
		drop_all(t);
		return;
	}
	if (now < t->due && (t->requests > 0 || n < TRACER_BATCH))
		return;
	t->due = now + PERIOD;
	if (t->requests == 0)
		make_document(t);
	if (t->requests > 0)
		post(t, now);
}

bool
tracer_drained(struct tracer *t, usec now)
{
	if (t->give_up == 0) {
		t->give_up = now + LAST_WORDS;
		t->due = now;
	}
	if (t->transfer == NULL && t->requests == 0 && queued(t) == 0)
		return true;
	t->due = now;
	return now >= t->give_up;
}

void
tracer_stop(struct tracer *t)
{
	if (t->transfer != NULL)
		transfer_cancel(&t->transfer);
}
