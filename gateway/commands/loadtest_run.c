/* gateway/commands/loadtest_run.c - open-loop load, from the client's side.
 *
 * pump() sends what is due and has room; it runs when the timer says that a
 * request is due and when one is over. Once there is nothing more to send,
 * what was asked is still waited for: to drop it would hide the slowest. */
#include "gateway/commands/loadtest_run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/commands/loadtest_call.h"
#include "gateway/commands/loop.h"
#include "gateway/lib/utf8.h"

#define SWEEP_MS 100
#define TICKER_TTY USEC_SEC
#define TICKER_LOG (5 * USEC_SEC)

struct loadtest {
	const struct loadtest_options *o;
	struct loop loop;
	uv_poll_t timer; /* of timer_fd, an alarm */
	int timer_fd;
	uv_timer_t sweep;
	uv_signal_t stop_on[2];
	struct offer offer;
	struct rng words;
	struct list busy; /* calls, in order of their start */
	unsigned in_flight;
	usec began, told; /* told: the last progress line */
	bool tty, winding_down, stopped;
	uint64_t met, over; /* requests that have ended */
	struct loadtest_result *out;
	struct buf line; /* of CSV */
	FILE *csv;
};

/* --- progress --- */

static void
tell(struct loadtest *t, usec now)
{
	const struct loadtest_result *r = t->out;
	const double seconds = (double)(now - t->began) / 1e6;

	t->told = now;
	fprintf(stderr,
	    "%s%.0f s: sent %" PRIu64 " (%.1f/s), %u in flight, met %" PRIu64
	    " of %" PRIu64 ", failed %" PRIu64 ", late p99 %.1f ms%s",
	    t->tty ? "\r\033[K" : "", seconds, r->sent,
	    seconds > 0 ? (double)r->sent / seconds : 0, t->in_flight, t->met,
	    t->over, r->failed,
	    r->late.n > 0 ? (double)hist_quantile(&r->late, 0.99) / 1e3 : 0,
	    t->tty ? "" : "\n");
	fflush(stderr);
}

/* --- a request is over --- */

/* Of an answer that came to its end. */
static const char *
what_it_lacks(const struct call *c)
{
	const struct answer *a = &c->answer;

	if (c->seen.status / 100 != 2)
		return "";
	if (!c->events)
		return ", no events";
	if (a->error)
		return ", an error in the stream";
	if (a->tokens == 0)
		return ", no token";
	return a->finished ? ", half an event at its end"
			   : ", no finish_reason";
}

static void
note_flaw(struct loadtest_result *r, const struct call *c)
{
	const struct seen *s = &c->seen;
	const bool ended = !s->gave_up && s->fault == FAULT_NONE;
	const char *end = s->gave_up ? "gave up" : fault_rule(s->fault)->name;
	int n = (int)utf8_cut(c->flaw.p, c->flaw.n, 160);

	if (seen_ending(s) == ENDING_WHOLE || r->first_flaw[0] != '\0')
		return;
	snprintf(r->first_flaw, sizeof(r->first_flaw), "%s%sstatus %d%s%s%.*s",
	    ended ? "" : end, ended ? "" : ", ", s->status,
	    ended ? what_it_lacks(c) : "", n > 0 ? ": " : "", n,
	    n > 0 ? c->flaw.p : "");
	/* of a stranger: one line, and no commands to a terminal */
	for (char *p = r->first_flaw; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	utf8_calm(r->first_flaw, strlen(r->first_flaw), "");
}

/* Without a price of its backend a request leaves the cost of all unknown. */
static void
note_price(struct loadtest_result *r, const struct loadtest_options *o,
    const struct seen *s, double cost)
{
	const struct load_price *price = seen_price(s, o->prices, o->n_prices);

	if (o->n_prices > 0 && cost < 0)
		r->unpriced++;
	else if (price != NULL && seen_ending(s) == ENDING_WHOLE)
		r->priced[price - o->prices]++;
}

static void
account(struct loadtest *t, const struct call *c)
{
	const struct loadtest_options *o = t->o;
	struct loadtest_result *r = t->out;
	const struct seen *s = &c->seen;
	struct scored scored;

	seen_score(s, o->prices, o->n_prices, &scored);
	score_add(&r->score, &scored);
	score_class_add(&r->of[s->class - o->classes], &scored);
	t->over++;
	t->met += score_met(&scored);
	r->failed += scored.ending == ENDING_FAILED;
	r->faults[s->gave_up ? FAULT_TOTAL_TIMEOUT : s->fault]++;
	r->statuses[s->status >= 0 && s->status < 600 ? s->status : 599]++;
	note_flaw(r, c);
	note_price(r, o, s, scored.cost);
	if (t->csv == NULL)
		return;
	buf_reset(&t->line);
	seen_csv(s, t->began, &t->line);
	fwrite(t->line.p, 1, t->line.n, t->csv);
}

static void pump(struct loadtest *);

static void
end_call(struct call *c)
{
	struct loadtest *t = c->owner;

	account(t, c);
	t->in_flight--;
	call_free(c);
}

static void
on_over(struct call *c)
{
	struct loadtest *t = c->owner;

	end_call(c);
	pump(t);
}

/* --- sending --- */

static bool
exhausted(const struct loadtest *t)
{
	const struct loadtest_options *o = t->o;

	return t->winding_down || t->offer.over ||
	    (o->requests > 0 && t->out->sent + t->out->unsent >= o->requests) ||
	    (o->duration > 0 && t->offer.due >= o->duration);
}

static void
stop(struct loadtest *t)
{
	t->stopped = true;
	t->out->seconds = (double)(clock_now() - t->began) / 1e6;
	uv_stop(&t->loop.uv);
}

static bool
send_next(struct loadtest *t)
{
	const usec due = t->began + t->offer.due;
	struct call *c =
	    call_start(t->loop.upstream, t->o, &t->offer, due, &t->words);

	if (c == NULL)
		return false;
	c->owner = t;
	c->on_over = on_over;
	list_append(&t->busy, &c->on);
	t->in_flight++;
	t->out->sent++;
	hist_record(&t->out->late, c->seen.sent - due);
	offer_step(&t->offer);
	return true;
}

static void
pump(struct loadtest *t)
{
	usec due;

	if (t->stopped)
		return;
	while (!exhausted(t) && t->in_flight < t->o->limit) {
		due = t->began + t->offer.due;
		if (due > clock_now()) {
			clock_alarm_at(t->timer_fd, due);
			return;
		}
		if (!send_next(t))
			return; /* no memory: the sweep tries again */
	}
	if (exhausted(t) && t->in_flight == 0)
		stop(t);
}

/* --- the loop's callbacks --- */

static void
on_due(uv_poll_t *p, int status, int events)
{
	struct loadtest *t = p->data;
	uint64_t expirations;

	(void)status;
	(void)events;
	if (read(t->timer_fd, &expirations, sizeof(expirations)) > 0)
		pump(t);
}

static void
give_up_late(struct loadtest *t, usec then)
{
	struct call *c;

	while (!list_empty(&t->busy)) {
		c = CONTAINER_OF(t->busy.next, struct call, on);
		if (c->seen.sent > then)
			return;
		call_give_up(c);
		end_call(c);
	}
}

static void
on_sweep(uv_timer_t *timer)
{
	struct loadtest *t = timer->data;
	const usec now = clock_now();

	give_up_late(t, now - t->o->timeout);
	if (now - t->told >= (t->tty ? TICKER_TTY : TICKER_LOG))
		tell(t, now);
	pump(t);
}

/* To leave out unsaid who waited for a place would hide the slowest. */
static void
count_unsent(struct loadtest *t)
{
	const usec now = clock_now() - t->began;

	while (!exhausted(t) && t->offer.due <= now) {
		t->out->unsent++;
		offer_step(&t->offer);
	}
}

static void
on_stop(uv_signal_t *s, int number)
{
	struct loadtest *t = s->data;

	(void)number;
	if (t->stopped)
		return;
	if (t->winding_down) {
		t->out->abandoned = t->in_flight;
		stop(t);
		return;
	}
	count_unsent(t);
	t->winding_down = true;
	pump(t);
}

/* --- building and tearing down --- */

static void
watch(struct loadtest *t)
{
	static const int enders[] = { SIGINT, SIGTERM };

	uv_poll_init(&t->loop.uv, &t->timer, t->timer_fd);
	uv_timer_init(&t->loop.uv, &t->sweep);
	t->timer.data = t->sweep.data = t;
	uv_poll_start(&t->timer, UV_READABLE, on_due);
	uv_timer_start(&t->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	for (int i = 0; i < 2; i++) {
		uv_signal_init(&t->loop.uv, &t->stop_on[i]);
		t->stop_on[i].data = t;
		uv_signal_start(&t->stop_on[i], on_stop, enders[i]);
	}
}

static void
tear_down(struct loadtest *t)
{
	while (!list_empty(&t->busy))
		call_free(CONTAINER_OF(t->busy.next, struct call, on));
	uv_close((uv_handle_t *)&t->timer, NULL);
	uv_close((uv_handle_t *)&t->sweep, NULL);
	for (int i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&t->stop_on[i], NULL);
}

static void
run(struct loadtest *t)
{
	watch(t);
	t->began = t->told = clock_now();
	pump(t);
	uv_run(&t->loop.uv, UV_RUN_DEFAULT);
	tell(t, clock_now());
	if (t->tty)
		fputc('\n', stderr);
	tear_down(t);
}

static void
close_loop(struct loadtest *t)
{
	loop_close(&t->loop);
	close(t->timer_fd);
}

static enum err
open_loop(struct loadtest *t, struct errmsg *why)
{
	enum err rc;

	t->timer_fd = clock_alarm();
	if (t->timer_fd < 0)
		return fail(why, ERR_IO, "no timer: %s", strerror(errno));
	rc = loop_open(&t->loop, why);
	if (rc != OK)
		close(t->timer_fd);
	return rc;
}

static enum err
write_csv_head(struct loadtest *t)
{
	buf_reset(&t->line);
	seen_csv_head(&t->line);
	if (t->csv != NULL)
		fwrite(t->line.p, 1, t->line.n, t->csv);
	return buf_err(&t->line);
}

enum err
loadtest_run(const struct loadtest_options *o, FILE *csv,
    struct loadtest_result *out, struct errmsg *why)
{
	struct loadtest t = { .o = o, .csv = csv, .out = out };
	enum err rc;

	*out = (struct loadtest_result){ 0 };
	list_init(&t.busy);
	buf_init(&t.line, 65536);
	t.tty = isatty(STDERR_FILENO) != 0;
	/* Not from the seed: two runs must not share their prompts. */
	rng_init(&t.words, (uint64_t)clock_wall(), (uint64_t)getpid());
	rc = offer_init(&t.offer, &o->offer, why);
	if (rc != OK)
		return rc;
	rc = open_loop(&t, why);
	if (rc == OK) {
		rc = write_csv_head(&t);
		run(&t);
		close_loop(&t);
	}
	offer_fini(&t.offer);
	buf_fini(&t.line);
	return rc;
}
