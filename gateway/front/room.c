/* gateway/front/room.c - whether what comes next fits into max_memory.
 *
 * The resident set is read a few times a second, by another thread. Between
 * two readings it is what was read, and what was let in since, of bodies and of
 * answers that are held, and what bodies have announced that has not come. */
#include "gateway/front/private.h"

/* What a request takes besides its body: both connections, the buffers of
 * libcurl, the events and headers on their way. */
#define A_REQUEST ((uint64_t)64 << 10)
/* Of the limit, for what was let in before to go on growing: a sixteenth. */
#define KEPT_FREE(limit) ((limit) / 16)

void
front_memory_read(struct front_budget *b, uint64_t resident)
{
	uint64_t before = b->counted;

	/* what was let in since the reading before the last one stays
	 * counted: it may not have been touched yet */
	b->counted = atomic_load(&b->since) - before;
	atomic_store(&b->resident, resident);
	atomic_fetch_sub(&b->since, before);
}

static uint64_t
taken(const struct front_budget *b)
{
	return atomic_load(&b->resident) + atomic_load(&b->since) +
	    atomic_load(&b->coming);
}

static bool
fits(const struct front *f, uint64_t n)
{
	uint64_t limit = f->settings.limits.memory;

	return limit == 0 || taken(f->budget) + n <= limit - KEPT_FREE(limit);
}

bool
front_hold(struct front *f, uint64_t n)
{
	uint64_t limit = f->settings.limits.memory;

	if (limit == 0)
		return true;
	if (taken(f->budget) + n > limit) {
		atomic_fetch_add(&f->budget->shed, 1);
		return false;
	}
	atomic_fetch_add(&f->budget->since, n);
	return true;
}

bool
room_admit(struct exchange *x, uint64_t announced)
{
	struct front_budget *b = x->front->budget;

	if (!fits(x->front, announced + A_REQUEST)) {
		atomic_fetch_add(&b->shed, 1);
		return false;
	}
	if (x->front->settings.limits.memory == 0)
		return true; /* no readings: nobody would take it off again */
	atomic_fetch_add(&b->since, A_REQUEST);
	atomic_fetch_add(&b->coming, announced);
	x->coming = announced;
	return true;
}

bool
room_take(struct exchange *x, uint64_t n)
{
	struct front_budget *b = x->front->budget;
	uint64_t known = n < x->coming ? n : x->coming;

	x->coming -= known;
	atomic_fetch_sub(&b->coming, known);
	/* what was announced has been let in */
	if (!fits(x->front, n) && known < n) {
		atomic_fetch_add(&b->shed, 1);
		return false;
	}
	if (x->front->settings.limits.memory > 0)
		atomic_fetch_add(&b->since, n);
	return true;
}

void
room_forget(struct exchange *x)
{
	atomic_fetch_sub(&x->front->budget->coming, x->coming);
	x->coming = 0;
}
