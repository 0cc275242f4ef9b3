/* bench/fake_pace.c - when fakellm says something: slots, queue, timers.
 *
 * A binary heap of due times over one alarm, so that 1,500 tokens a second
 * on hundreds of streams keep their pace. What is due is said once per turn of
 * the loop, behind all reading: most turns then set no timer at all. */
#include <stdlib.h>

#include "bench/fake.h"

double
fake_draw(struct fake *f, struct fake_range r)
{
	return r.low + (r.high - r.low) * rng_unit(&f->rng);
}

static void
place(struct fake *f, size_t i, struct fake_call *c)
{
	f->heap[i] = c;
	c->heap_at = i + 1;
}

static void
sift_up(struct fake *f, size_t i, struct fake_call *c)
{
	while (i > 0 && f->heap[(i - 1) / 2]->due > c->due) {
		place(f, i, f->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(f, i, c);
}

static void
sift_down(struct fake *f, size_t i, struct fake_call *c)
{
	size_t child;

	while ((child = 2 * i + 1) < f->n_heap) {
		if (child + 1 < f->n_heap &&
		    f->heap[child + 1]->due < f->heap[child]->due)
			child++;
		if (f->heap[child]->due >= c->due)
			break;
		place(f, i, f->heap[child]);
		i = child;
	}
	place(f, i, c);
}

static void
heap_remove(struct fake *f, struct fake_call *c)
{
	size_t i = c->heap_at;
	struct fake_call *last;

	if (i == 0)
		return;
	c->heap_at = 0;
	last = f->heap[--f->n_heap];
	if (last == c)
		return;
	if (i - 1 > 0 && f->heap[(i - 2) / 2]->due > last->due)
		sift_up(f, i - 1, last);
	else
		sift_down(f, i - 1, last);
}

static void
arm(struct fake *f)
{
	usec due = f->n_heap > 0 ? f->heap[0]->due : 0;

	if (due == f->armed)
		return;
	f->armed = due;
	clock_alarm_at(f->timer_fd, due);
}

void
fake_at(struct fake *f, struct fake_call *c, usec due)
{
	heap_remove(f, c);
	if (f->n_heap == f->heap_cap) {
		f->heap_cap = f->heap_cap > 0 ? f->heap_cap * 2 : 64;
		f->heap = realloc(f->heap, f->heap_cap * sizeof(*f->heap));
		if (f->heap == NULL)
			abort();
	}
	c->due = due;
	sift_up(f, f->n_heap++, c);
}

/* Only ends the loop's sleep: setting the timer anew clears it. */
static void
on_timer(uv_poll_t *p, int status, int events)
{
	(void)p;
	(void)status;
	(void)events;
}

static void
on_turn(uv_check_t *turn)
{
	struct fake *f = turn->data;
	struct fake_call *c;

	while (f->n_heap > 0 && f->heap[0]->due <= clock_now()) {
		c = f->heap[0];
		heap_remove(f, c);
		if (c->began)
			fake_continue(f, c);
		else if (f->engine != NULL)
			fake_engine_arrive(f->engine, c);
		else
			fake_begin(f, c);
	}
	arm(f);
}

int
fake_pace_init(struct fake *f)
{
	f->timer_fd = clock_alarm();
	if (f->timer_fd < 0)
		return UV_EMFILE;
	uv_poll_init(&f->loop, &f->timer, f->timer_fd);
	uv_check_init(&f->loop, &f->turn);
	f->turn.data = f;
	uv_check_start(&f->turn, on_turn);
	return uv_poll_start(&f->timer, UV_READABLE, on_timer);
}

static void
take_slot(struct fake *f, struct fake_call *c)
{
	double ms = c->ttft_ms >= 0 ? c->ttft_ms : fake_draw(f, f->o.ttft_ms);

	/* A whole answer takes as long as its tokens would have. */
	if (!c->stream)
		ms += c->tokens *
		    (c->itl_ms >= 0 ? c->itl_ms : fake_draw(f, f->o.itl_ms));
	c->in_slot = true;
	f->busy++;
	fake_at(f, c, clock_now() + (usec)(ms * 1e3 * f->slow));
}

void
fake_submit(struct fake *f, struct fake_call *c)
{
	if (f->engine != NULL) {
		fake_at(f, c, clock_now() + (usec)(f->o.engine.rtt_ms * 1e3));
		return;
	}
	if (f->busy < f->o.slots) {
		take_slot(f, c);
		return;
	}
	f->queued++;
	list_append(&f->queue, &c->on_line);
}

void
fake_forget(struct fake *f, struct fake_call *c)
{
	struct list *next;

	heap_remove(f, c);
	if (f->engine != NULL) {
		fake_engine_leave(f->engine, c);
		return;
	}
	if (!c->in_slot) {
		if (!list_empty(&c->on_line)) {
			list_remove(&c->on_line);
			f->queued--;
		}
		return;
	}
	c->in_slot = false;
	f->busy--;
	next = list_pop(&f->queue);
	if (next == NULL)
		return;
	f->queued--;
	take_slot(f, CONTAINER_OF(next, struct fake_call, on_line));
}
