/* gateway/admin/drill.c - a rehearsed failure of one backend.
 *
 * Workers look at `until` alone while there is none; what it is about stands
 * under the lock. */
#include "gateway/admin/drill.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/log.h"

struct drill {
	_Atomic usec until; /* 0: none is running */
	pthread_mutex_t lock; /* guards what follows */
	uint32_t backend, tenant;
	bool one_tenant;
	bool ended; /* main thread: nobody has asked since */
	usec expected, measured; /* sums */
	struct drill_view v;
};

const char *
drill_end_name(enum drill_end end)
{
	static const char *const names[] = { "running", "time", "stopped",
		"reload" };

	return names[end];
}

struct drill *
drill_new(void)
{
	struct drill *d = calloc(1, sizeof(*d));

	if (d != NULL && pthread_mutex_init(&d->lock, NULL) != 0) {
		free(d);
		return NULL;
	}
	return d;
}

void
drill_free(struct drill **dp)
{
	struct drill *d = *dp;

	if (d == NULL)
		return;
	pthread_mutex_destroy(&d->lock);
	free(d);
	*dp = NULL;
}

static usec
until(const struct drill *d)
{
	return atomic_load_explicit(&d->until, memory_order_relaxed);
}

static const char *
tenant_of(const struct drill_view *v)
{
	return v->tenant[0] != '\0' ? v->tenant : "-";
}

/* --- main thread --- */

enum err
drill_begin(struct drill *d, const struct conf_backend *b,
    const struct conf_tenant *t, usec span, usec now)
{
	const char *tenant = t != NULL ? t->name : "";

	if (strlen(b->name) >= DRILL_NAME_MAX ||
	    strlen(tenant) >= DRILL_NAME_MAX)
		return ERR_LIMIT;
	drill_tick(d, now);
	if (until(d) != 0)
		return ERR_AGAIN;
	pthread_mutex_lock(&d->lock);
	d->v = (struct drill_view){ .id = d->v.id + 1, .span = span };
	snprintf(d->v.backend, sizeof(d->v.backend), "%s", b->name);
	snprintf(d->v.tenant, sizeof(d->v.tenant), "%s", tenant);
	d->backend = b->id;
	d->one_tenant = t != NULL;
	d->tenant = t != NULL ? t->id : 0;
	d->expected = d->measured = 0;
	atomic_store_explicit(&d->until, now + span, memory_order_relaxed);
	pthread_mutex_unlock(&d->lock);
	log_warn("drill event=begin backend=%s tenant=%s seconds=%.3f",
	    d->v.backend, tenant_of(&d->v), (double)span / 1e6);
	return OK;
}

bool
drill_stop(struct drill *d, enum drill_end end, usec now)
{
	struct drill_view v;

	if (until(d) == 0)
		return false;
	pthread_mutex_lock(&d->lock);
	/* late by a tick at most: then it was its own end */
	d->v.end = until(d) <= now ? DRILL_TIME : end;
	atomic_store_explicit(&d->until, 0, memory_order_relaxed);
	v = d->v;
	pthread_mutex_unlock(&d->lock);
	d->ended = true;
	log_warn("drill event=end backend=%s tenant=%s reason=%s attempts=%llu "
		 "requests=%llu",
	    v.backend, tenant_of(&v), drill_end_name(v.end),
	    (unsigned long long)v.attempts, (unsigned long long)v.requests);
	return true;
}

void
drill_tick(struct drill *d, usec now)
{
	if (until(d) <= now)
		drill_stop(d, DRILL_TIME, now);
}

bool
drill_was_over(struct drill *d)
{
	bool ended = d->ended;

	d->ended = false;
	return ended;
}

/* --- from any thread --- */

unsigned
drill_meets(struct drill *d, uint32_t backend, const struct conf_tenant *t,
    unsigned met, usec now)
{
	unsigned id = 0;

	if (until(d) == 0)
		return 0;
	pthread_mutex_lock(&d->lock);
	if (now < until(d) && backend == d->backend &&
	    (!d->one_tenant || (t != NULL && t->id == d->tenant))) {
		id = d->v.id;
		d->v.attempts++;
		d->v.requests += met == 0;
	}
	pthread_mutex_unlock(&d->lock);
	return id;
}

static void
note_time(struct drill *d, usec expected, usec measured)
{
	if (expected < 0 || measured < 0)
		return;
	d->v.timed++;
	d->expected += expected;
	d->measured += measured;
}

void
drill_note(struct drill *d, unsigned id, enum result result, usec expected,
    usec measured)
{
	pthread_mutex_lock(&d->lock);
	if (id == d->v.id) { /* else of an earlier one */
		d->v.moved += result == RESULT_OK;
		d->v.gone += result == RESULT_CLIENT_GONE;
		d->v.failed +=
		    result != RESULT_OK && result != RESULT_CLIENT_GONE;
		if (result == RESULT_OK)
			note_time(d, expected, measured);
	}
	pthread_mutex_unlock(&d->lock);
}

void
drill_read(struct drill *d, usec now, struct drill_view *v)
{
	usec end;

	pthread_mutex_lock(&d->lock);
	end = until(d);
	*v = d->v;
	v->left = end > now ? end - now : 0;
	if (end != 0 && end <= now) /* nobody has said so yet */
		v->end = DRILL_TIME;
	v->expected = v->timed > 0 ? d->expected / (usec)v->timed : 0;
	v->measured = v->timed > 0 ? d->measured / (usec)v->timed : 0;
	pthread_mutex_unlock(&d->lock);
}
