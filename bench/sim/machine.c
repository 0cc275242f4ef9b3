/* bench/sim/machine.c - an inference engine, step by step. */
#include "bench/sim/machine.h"

#include <math.h>

#include "gateway/lib/rng.h"

static void start(struct machine *, usec now);
static void on_end(void *arg, usec now);

void
machine_init(struct machine *m, const struct machine_facts *facts,
    struct agenda *agenda, uint64_t seed)
{
	*m = (struct machine){ .facts = *facts,
		.slow = 1,
		.gray = 1,
		.seed = seed,
		.agenda = agenda,
		.next_finish = UINT64_MAX,
		.end = { .run = on_end, .arg = m } };
	list_init(&m->waiting);
	list_init(&m->prefill);
	list_init(&m->decode);
}

static uint64_t
need(const struct sequence *s)
{
	return (uint64_t)s->prompt + s->output;
}

/* Noise belongs to the hour and not to the calls before it, so that it is the
 * same for whichever router is looked at. */
double
machine_noise(uint64_t seed, double deviation, usec now)
{
	struct rng r;

	if (deviation <= 0)
		return 1;
	rng_init(&r, seed, (uint64_t)(now / MACHINE_NOISE_SLICE));
	return exp(deviation * rng_normal(&r));
}

/* --- who is in --- */

static bool
fits(const struct machine *m, const struct sequence *s)
{
	return m->n_running < m->facts.slots &&
	    (m->n_running == 0 || m->kv_used + need(s) <= m->facts.kv);
}

static void
admit(struct machine *m)
{
	struct sequence *s;

	while (!list_empty(&m->waiting)) {
		s = CONTAINER_OF(m->waiting.next, struct sequence, link);
		if (!fits(m, s))
			return;
		list_remove(&s->link);
		list_append(&m->prefill, &s->link);
		s->state = SEQUENCE_PREFILL;
		m->n_waiting--;
		m->n_running++;
		m->kv_used += need(s);
	}
}

static void
leave(struct machine *m, struct sequence *s)
{
	list_remove(&s->link);
	if (s->state == SEQUENCE_WAITING) {
		m->n_waiting--;
	} else {
		m->n_running--;
		m->kv_used -= need(s);
	}
	if (s->state == SEQUENCE_DECODE)
		m->n_decode--;
	s->state = SEQUENCE_OUT;
}

/* --- steps --- */

static unsigned
fill_of(struct machine *m)
{
	uint64_t sum = 0;

	for (struct list *l = m->prefill.next;
	     l != &m->prefill && sum < m->facts.chunk; l = l->next)
		sum += CONTAINER_OF(l, struct sequence, link)->left;
	return sum < m->facts.chunk ? (unsigned)sum : m->facts.chunk;
}

static uint64_t
finish_of(const struct sequence *s)
{
	unsigned more = s->output - 1;

	if (s->stretch > 0)
		return s->born + (uint64_t)llround(more * s->stretch);
	return s->born + more;
}

/* Tokens, after so many steps since the first. */
static unsigned
made_in(const struct sequence *s, uint64_t steps)
{
	double more = (double)steps;

	if (s->stretch > 0)
		more = fmin(more / s->stretch, s->output - 1);
	return (unsigned)more + 1;
}

static void
find_next_finish(struct machine *m)
{
	m->next_finish = UINT64_MAX;
	for (struct list *l = m->decode.next; l != &m->decode; l = l->next) {
		uint64_t at = finish_of(CONTAINER_OF(l, struct sequence, link));

		if (at < m->next_finish)
			m->next_finish = at;
	}
}

/* Where the step after `run` whole ones begins. */
static usec
after(const struct machine *m, uint64_t run)
{
	return m->began + (usec)llround((double)run * m->span);
}

static void
arm(struct machine *m)
{
	if (!m->frozen)
		agenda_set(m->agenda, &m->end, RANK_MACHINE, after(m, m->run));
}

/* How many equal steps begin before the noise is another. */
static uint64_t
steps_alike(const struct machine *m, usec now)
{
	usec left = MACHINE_NOISE_SLICE - now % MACHINE_NOISE_SLICE;

	if (m->facts.noise <= 0)
		return UINT64_MAX;
	return (uint64_t)ceil((double)left / m->span);
}

static uint64_t
lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void
start(struct machine *m, usec now)
{
	double t;

	admit(m);
	m->stepping = m->n_running > 0;
	if (!m->stepping)
		return;
	m->filling = fill_of(m);
	t = m->facts.step + m->facts.per_sequence * m->n_decode +
	    m->facts.per_token * m->filling;
	if (m->filling == 0)
		t *= m->gray;
	m->span =
	    fmax(1, t * m->slow * machine_noise(m->seed, m->facts.noise, now));
	m->began = m->last_end = now;
	m->run = m->filling > 0
	    ? 1
	    : lesser(m->next_finish - m->steps, steps_alike(m, now));
	arm(m);
}

/* `run` whole steps are behind us. */
static void
count(struct machine *m, uint64_t run)
{
	m->steps += run;
	m->last_end = after(m, run);
	m->began = m->last_end;
	m->run -= run;
}

/* Something is to change: what is whole counts, and the step under way is the
 * last of its run. */
static void
interrupt(struct machine *m, usec now)
{
	uint64_t whole;

	if (!m->stepping || m->frozen || m->run <= 1)
		return;
	whole = (uint64_t)((double)(now - m->began) / m->span);
	if (whole >= m->run)
		whole = m->run - 1;
	count(m, whole);
	m->run = 1;
	arm(m);
}

static void
finish(struct machine *m, usec now)
{
	struct list done, *next;

	if (m->steps < m->next_finish)
		return;
	list_init(&done);
	for (struct list *l = m->decode.next; l != &m->decode; l = next) {
		struct sequence *s = CONTAINER_OF(l, struct sequence, link);

		next = l->next;
		if (finish_of(s) > m->steps)
			continue;
		leave(m, s);
		list_append(&done, &s->link);
	}
	find_next_finish(m);
	while (!list_empty(&done)) {
		struct list *l = list_pop(&done);

		m->finished(CONTAINER_OF(l, struct sequence, link), now);
	}
}

/* Those whose prompt this step has ended get their first token. */
static void
fill(struct machine *m, usec now)
{
	unsigned left = m->filling;

	while (left > 0 && !list_empty(&m->prefill)) {
		struct sequence *s =
		    CONTAINER_OF(m->prefill.next, struct sequence, link);
		unsigned part = s->left < left ? s->left : left;

		s->left -= part;
		left -= part;
		if (s->left > 0)
			return;
		list_remove(&s->link);
		list_append(&m->decode, &s->link);
		s->state = SEQUENCE_DECODE;
		s->born = m->steps;
		m->n_decode++;
		if (finish_of(s) < m->next_finish)
			m->next_finish = finish_of(s);
		m->first_token(s, now);
	}
}

static void
on_end(void *arg, usec now)
{
	struct machine *m = arg;

	count(m, m->run);
	m->stepping = false;
	fill(m, now);
	finish(m, now);
	if (!m->stepping)
		start(m, now);
}

/* --- from outside --- */

void
machine_add(struct machine *m, struct sequence *s, usec now)
{
	s->left = s->prompt;
	if (s->fill > 0)
		s->left = (unsigned)fmax(1, round(s->prompt * s->fill));
	s->state = SEQUENCE_WAITING;
	list_append(&m->waiting, &s->link);
	m->n_waiting++;
	if (m->frozen)
		return;
	if (!m->stepping)
		start(m, now);
	else if (m->n_waiting == 1 && fits(m, s))
		interrupt(m, now);
}

/* Tokens of its prompt in the step that is under way. */
static unsigned
part_of(const struct machine *m, const struct sequence *s)
{
	unsigned left = m->stepping ? m->filling : 0;

	for (struct list *l = m->prefill.next; l != &m->prefill; l = l->next) {
		const struct sequence *q =
		    CONTAINER_OF(l, struct sequence, link);
		unsigned part = q->left < left ? q->left : left;

		if (q == s)
			return part;
		left -= part;
	}
	return 0;
}

void
machine_remove(struct machine *m, struct sequence *s, usec now)
{
	bool decodes = s->state == SEQUENCE_DECODE;

	if (s->state == SEQUENCE_OUT)
		return;
	/* the step under way is not made shorter by who leaves, nor does it
	 * read another's prompt instead */
	interrupt(m, now);
	m->filling -= part_of(m, s);
	leave(m, s);
	if (decodes)
		find_next_finish(m);
}

unsigned
machine_produced(
    const struct machine *m, const struct sequence *s, usec now, usec *last)
{
	uint64_t whole = 0;

	*last = 0;
	if (s->state != SEQUENCE_DECODE)
		return 0;
	if (m->stepping && !m->frozen && now > m->began) {
		whole = (uint64_t)((double)(now - m->began) / m->span);
		if (whole >= m->run) /* the last one's event is yet to come */
			whole = m->run - 1;
	}
	*last = whole > 0 ? after(m, whole) : m->last_end;
	return made_in(s, m->steps + whole - s->born);
}

void
machine_pace(struct machine *m, double slow, double gray, usec now)
{
	m->slow = slow;
	m->gray = gray;
	interrupt(m, now);
}

void
machine_freeze(struct machine *m, bool frozen, usec now)
{
	if (m->frozen == frozen)
		return;
	if (frozen) {
		interrupt(m, now);
		m->frozen = true;
		agenda_drop(m->agenda, &m->end);
		return;
	}
	m->frozen = false;
	m->began = now; /* the step begins anew */
	if (m->stepping)
		arm(m);
	else
		start(m, now);
}
