/* gateway/feed.c - the live feed of the operators' page. */
#include "gateway/feed.h"

#include <stdlib.h>

#include "gateway/admin/live.h"
#include "gateway/admin_picture.h"
#include "gateway/app.h"
#include "gateway/lib/count.h"
#include "gateway/lib/log.h"
#include "gateway/viewers.h"

#define ROUND USEC_SEC
#define EVENTS_MAX ((size_t)64 << 20)

struct feed {
	struct app *app;
	struct live *live;
	struct viewers viewers;
	uint64_t version; /* of the configuration that let them in */
	uint64_t filed; /* receipts that were told of */
	usec next; /* when the next round is due */
};

struct feed *
feed_new(struct app *app, usec now)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->app = app;
	f->live = live_new(now, clock_wall());
	if (f->live == NULL)
		feed_free(&f);
	return f;
}

void
feed_free(struct feed **fp)
{
	struct feed *f = *fp;

	if (f == NULL)
		return;
	live_free(&f->live);
	free(f);
	*fp = NULL;
}

/* --- events --- */

static void
begin_event(struct buf *out, const char *name)
{
	buf_addf(out, "event: %s\ndata: ", name);
}

static void
end_event(struct buf *out)
{
	buf_add_str(out, "\n\n");
}

/* What whoever comes, or comes back, is told first. */
static void
add_beginning(
    const struct feed *f, const struct admin_picture *p, struct buf *out)
{
	begin_event(out, "history");
	live_render_history(f->live, p, out);
	end_event(out);
}

static void
add_now(const struct feed *f, const struct admin_picture *p, uint64_t *filed,
    struct buf *out)
{
	begin_event(out, "now");
	live_render_now(f->live, p, filed, out);
	end_event(out);
}

/* --- a new viewer --- */

/* Whoever was let in by keys that may not be good any more asks again. */
static void
check_version(struct feed *f)
{
	if (f->version != f->app->conf->version)
		viewers_end(&f->viewers);
	f->version = f->app->conf->version;
}

static void
send_headers(struct sink *sink)
{
	const struct header h[] = {
		{ SLICE("content-type"), SLICE("text/event-stream") },
		{ SLICE("cache-control"), SLICE("no-store") },
		{ SLICE("x-content-type-options"), SLICE("nosniff") },
		{ SLICE("x-accel-buffering"), SLICE("no") },
	};

	sink->ops->headers(sink, 200, h, COUNT(h), SINK_STREAMED);
}

/* Either way it is not behind any more: it begins anew, or comes again. */
static void
greet(struct feed *f, struct sink *sink, const struct admin_picture *p)
{
	uint64_t filed = UINT64_MAX; /* receipts are in the beginning */
	struct buf out;

	buf_init(&out, EVENTS_MAX);
	add_beginning(f, p, &out);
	add_now(f, p, &filed, &out);
	if (buf_err(&out) == OK) {
		viewers_begin(&f->viewers, sink, buf_slice(&out), p->now);
	} else {
		log_info("viewer_closed reason=%s",
		    buf_err(&out) == ERR_MEMORY ? "out_of_memory"
						: "too_large");
		viewers_cut(&f->viewers, sink);
	}
	buf_fini(&out);
}

bool
feed_begin(struct feed *f, struct sink *sink, struct admin_reply *reply)
{
	struct admin_snapshot s;
	bool good = false;

	check_version(f);
	if (!admin_snapshot_take(f->app, &s)) {
		admin_no_memory(reply);
	} else if (!viewers_add(&f->viewers, sink)) {
		admin_error(reply, 503, "too_many_viewers",
		    "as many as may read the live feed do: close another page "
		    "that shows it, and try again");
	} else {
		send_headers(sink);
		greet(f, sink, &s.picture);
		good = true;
	}
	admin_snapshot_drop(&s);
	return good;
}

void
feed_forget(struct feed *f, const struct sink *sink)
{
	viewers_forget(&f->viewers, sink);
}

/* --- rounds --- */

/* Who had to be left out begins anew. */
static void
send_round(struct feed *f, const struct admin_picture *p, struct buf *out)
{
	struct sink *behind;

	add_now(f, p, &f->filed, out);
	if (buf_err(out) != OK)
		return;
	viewers_send(&f->viewers, buf_slice(out), p->now);
	while ((behind = viewers_behind(&f->viewers)) != NULL)
		greet(f, behind, p);
}

static void
add_step(const struct feed *f, struct buf *out)
{
	begin_event(out, "step");
	live_render_step(f->live, out);
	end_event(out);
}

/* What is told to those who read, and what is kept of the step. */
static void
tell(struct feed *f, bool step)
{
	struct admin_snapshot s;
	struct buf out;

	buf_init(&out, EVENTS_MAX);
	if (admin_snapshot_take(f->app, &s)) {
		if (step)
			live_sample(f->live, &s.picture);
		if (step && f->viewers.n > 0)
			add_step(f, &out);
		if (f->viewers.n > 0)
			send_round(f, &s.picture, &out);
	}
	admin_snapshot_drop(&s);
	buf_fini(&out);
}

void
feed_tick(struct feed *f, usec now)
{
	bool step = live_due(f->live, now);

	check_version(f);
	if (!step && now < f->next)
		return;
	live_watch(f->live, f->app->telemetry, now);
	if (step || f->viewers.n > 0)
		tell(f, step);
	f->next = f->next + ROUND > now ? f->next + ROUND : now + ROUND;
}
