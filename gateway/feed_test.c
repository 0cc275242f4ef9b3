/* gateway/feed_test.c - a viewer that cannot be told its beginning is let go.
 *
 * What the feed renders, and of what, is put in here at link time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/admin/live.h"
#include "gateway/admin_picture.h"
#include "gateway/app.h"
#include "gateway/feed.h"
#include "gateway/lib/list.h"

#include <cmocka.h>

#define START (100 * USEC_SEC)

/* --- what it shows --- */

static struct {
	bool spoilt; /* no history can be rendered */
	unsigned histories;
} shown;

struct live *
live_new(usec now, usec wall)
{
	return (struct live *)&shown;
}

void
live_free(struct live **l)
{
	*l = NULL;
}

bool
live_due(const struct live *l, usec now)
{
	return false;
}

void
live_watch(struct live *l, struct telemetry *t, usec now)
{
}

void
live_sample(struct live *l, const struct admin_picture *p)
{
}

void
live_render_step(const struct live *l, struct buf *out)
{
}

void
live_render_now(struct live *l, const struct admin_picture *p, uint64_t *filed,
    struct buf *out)
{
}

/* Nothing changes in between: whoever asks so often will ask for ever. */
void
live_render_history(
    const struct live *l, const struct admin_picture *p, struct buf *out)
{
	assert_true(++shown.histories < 100);
	if (shown.spoilt)
		out->err = ERR_MEMORY;
}

static usec now;

bool
admin_snapshot_take(struct app *app, struct admin_snapshot *s)
{
	s->picture = (struct admin_picture){ .now = now };
	return true;
}

void
admin_snapshot_drop(struct admin_snapshot *s)
{
}

void
admin_error(
    struct admin_reply *r, int status, const char *code, const char *message)
{
	fail();
}

void
admin_no_memory(struct admin_reply *r)
{
	fail();
}

/* --- who looks --- */

struct reader {
	struct sink sink;
	bool full;
	unsigned writes, ended;
	enum sink_end how;
};

static struct reader *
of(struct sink *s)
{
	return CONTAINER_OF(s, struct reader, sink);
}

static void
headers(struct sink *s, int status, const struct header *h, size_t n,
    int64_t length)
{
	assert_int_equal(status, 200);
}

static bool
take(struct sink *s, struct slice bytes)
{
	of(s)->writes++;
	return !of(s)->full;
}

static void
end(struct sink *s, enum sink_end how)
{
	of(s)->ended++;
	of(s)->how = how;
}

static const struct sink_ops ops = {
	.headers = headers, .write = take, .end = end
};

static struct reader
reader(void)
{
	return (struct reader){ .sink = { .ops = &ops } };
}

/* --- a feed, and its rounds --- */

static struct conf conf;
static struct app app = { .conf = &conf };

static struct feed *
begin(void)
{
	shown.spoilt = false;
	shown.histories = 0;
	now = START;
	return feed_new(&app, now);
}

static void
enter(struct feed *f, struct reader *r)
{
	assert_true(feed_begin(f, &r->sink, NULL));
}

static void
round_of(struct feed *f)
{
	now += USEC_SEC;
	feed_tick(f, now);
}

/* One that did not read is behind, and reads again. */
static void
fall_behind(struct feed *f, struct reader *r)
{
	r->full = true;
	round_of(f);
	round_of(f);
	r->full = false;
	r->sink.on_drain(r->sink.arg);
}

static void
who_was_left_out_begins_anew(void **state)
{
	struct feed *f = begin();
	struct reader r = reader();

	enter(f, &r);
	fall_behind(f, &r);
	assert_int_equal(shown.histories, 1);
	round_of(f);
	assert_int_equal(shown.histories, 2);
	round_of(f);
	assert_int_equal(shown.histories, 2);
	assert_int_equal(r.ended, 0);
	feed_free(&f);
}

static void
who_cannot_begin_anew_is_cut_off(void **state)
{
	struct feed *f = begin();
	struct reader slow = reader(), quick = reader();

	enter(f, &slow);
	enter(f, &quick);
	fall_behind(f, &slow);
	shown.spoilt = true;
	round_of(f);
	assert_int_equal(slow.ended, 1);
	assert_int_equal(slow.how, SINK_ABORT);
	assert_int_equal(quick.ended, 0);
	feed_forget(f, &slow.sink); /* as its front does, later */
	round_of(f);
	assert_int_equal(quick.writes, 5);
	feed_free(&f);
}

static void
who_cannot_begin_at_all_is_cut_off(void **state)
{
	struct feed *f = begin();
	struct reader r = reader();

	shown.spoilt = true;
	enter(f, &r);
	assert_int_equal(r.ended, 1);
	assert_int_equal(r.how, SINK_ABORT);
	round_of(f);
	assert_int_equal(r.writes, 0);
	feed_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_left_out_begins_anew),
		cmocka_unit_test(who_cannot_begin_anew_is_cut_off),
		cmocka_unit_test(who_cannot_begin_at_all_is_cut_off),
	};

	return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
