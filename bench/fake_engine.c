/* bench/fake_engine.c - fakellm as a batching engine: steps that all answers
 * share.
 *
 * A step takes
 *	step + per_sequence * answers that decode + per_token * prompt tokens
 * where up to `chunk` prompt tokens are prefilled in one step, first come
 * first served, and every answer past its prompt gets one token at the end of
 * each step. A request reaches the engine `rtt` after it was sent. That is
 * the engine that the simulator plays (bench/sim/machine.h), here in real time
 * and with real bytes; none of its code is shared. */
#include <math.h>
#include <stdlib.h>

#include "bench/fake.h"

#define LATE_MOST (20 * USEC_MS) /* a wake-up that is made up for */
#define NOISE_SLICE (50 * USEC_MS) /* steps in one are as lucky */

struct fake_engine {
	struct fake *f;
	uv_poll_t timer;
	int timer_fd;
	struct list waiting, prefill, decode;
	unsigned n_decode, filling; /* prompt tokens in this step */
	bool stepping;
	usec end; /* of the step */
	usec noise_until;
	double noise;
};

static struct fake_call *
call_of(struct list *l)
{
	return CONTAINER_OF(l, struct fake_call, on_line);
}

/* --- steps --- */

static void
admit(struct fake_engine *e)
{
	struct fake *f = e->f;

	while (f->busy < f->o.slots && !list_empty(&e->waiting)) {
		struct fake_call *c = call_of(list_pop(&e->waiting));

		list_append(&e->prefill, &c->on_line);
		c->in_slot = true;
		f->queued--;
		f->busy++;
	}
}

static unsigned
fill_of(struct fake_engine *e)
{
	const unsigned chunk = e->f->o.engine.chunk;
	uint64_t sum = 0;

	for (struct list *l = e->prefill.next; l != &e->prefill && sum < chunk;
	     l = l->next)
		sum += call_of(l)->unread;
	return sum < chunk ? (unsigned)sum : chunk;
}

static double
luck(struct fake_engine *e, usec now)
{
	if (now >= e->noise_until) {
		e->noise = exp(e->f->o.engine.noise * rng_normal(&e->f->rng));
		e->noise_until = now + NOISE_SLICE;
	}
	return e->noise;
}

static void
start(struct fake_engine *e, usec at)
{
	const struct fake_engine_options *o = &e->f->o.engine;
	usec due = 0; /* it is silent from now on */
	double us;

	admit(e);
	e->stepping = e->f->busy > 0;
	if (e->stepping) {
		e->filling = fill_of(e);
		us = 1e3 *
		    (o->step_ms + o->per_sequence_ms * e->n_decode +
			o->per_token_ms * e->filling);
		e->end = at + (usec)fmax(1, us * luck(e, at) * e->f->slow);
		due = e->end;
	}
	clock_alarm_at(e->timer_fd, due);
}

/* One token more; c may be gone afterwards. */
static void
say(struct fake *f, struct fake_call *c)
{
	c->made++;
	if (c->stream && c->began)
		fake_continue(f, c);
	else if (c->stream || c->made >= c->tokens)
		fake_begin(f, c);
}

static void
speak(struct fake_engine *e)
{
	struct list all;

	list_init(&all);
	while (!list_empty(&e->decode))
		list_append(&all, list_pop(&e->decode));
	while (!list_empty(&all)) {
		struct fake_call *c = call_of(list_pop(&all));

		list_append(&e->decode, &c->on_line);
		say(e->f, c);
	}
}

/* Those whose prompt this step has ended, in a list. */
static void
read_prompts(struct fake_engine *e, struct list *done)
{
	unsigned left = e->filling;

	while (left > 0 && !list_empty(&e->prefill)) {
		struct fake_call *c = call_of(e->prefill.next);
		unsigned part = c->unread < left ? c->unread : left;

		c->unread -= part;
		left -= part;
		if (c->unread > 0)
			return;
		list_remove(&c->on_line);
		list_append(done, &c->on_line);
	}
}

static void
step_ends(struct fake_engine *e)
{
	struct list done;

	list_init(&done);
	read_prompts(e, &done);
	speak(e);
	while (!list_empty(&done)) {
		struct fake_call *c = call_of(list_pop(&done));

		list_append(&e->decode, &c->on_line);
		c->decodes = true;
		e->n_decode++;
		say(e->f, c);
	}
}

static void
on_timer(uv_poll_t *p, int status, int events)
{
	struct fake_engine *e = p->data;
	usec now = clock_now(), ended = e->end;

	(void)status;
	(void)events;
	if (!e->stepping || now < e->end)
		return;
	step_ends(e);
	/* what it plays is not slowed by a busy machine */
	start(e, now - ended < LATE_MOST ? ended : now);
}

/* --- from outside --- */

int
fake_engine_init(struct fake *f)
{
	struct fake_engine *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return UV_ENOMEM;
	e->f = f;
	list_init(&e->waiting);
	list_init(&e->prefill);
	list_init(&e->decode);
	e->timer_fd = clock_alarm();
	if (e->timer_fd < 0) {
		free(e);
		return UV_EMFILE;
	}
	f->engine = e;
	uv_poll_init(&f->loop, &e->timer, e->timer_fd);
	e->timer.data = e;
	return uv_poll_start(&e->timer, UV_READABLE, on_timer);
}

void
fake_engine_arrive(struct fake_engine *e, struct fake_call *c)
{
	c->unread = c->prompt > 0 ? c->prompt : 1;
	list_append(&e->waiting, &c->on_line);
	e->f->queued++;
	if (!e->stepping)
		start(e, clock_now());
}

void
fake_engine_leave(struct fake_engine *e, struct fake_call *c)
{
	if (list_empty(&c->on_line))
		return; /* still on its way here */
	list_remove(&c->on_line);
	if (c->in_slot)
		e->f->busy--;
	else
		e->f->queued--;
	if (c->decodes)
		e->n_decode--;
	c->in_slot = c->decodes = false;
}
