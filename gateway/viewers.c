/* gateway/viewers.c - those who read the live feed. */
#include "gateway/viewers.h"

#include "gateway/lib/log.h"

static struct viewer *
find(struct viewers *v, const struct sink *sink)
{
	for (unsigned i = 0; i < VIEWERS_MAX; i++)
		if (v->list[i].sink == sink)
			return &v->list[i];
	return NULL;
}

static void
on_drain(void *arg)
{
	struct viewer *one = arg;

	one->choked = 0;
}

/* Whoever closes it says so with viewers_forget(). */
static void
on_gone(void *arg)
{
	(void)arg;
}

bool
viewers_add(struct viewers *v, struct sink *sink)
{
	struct viewer *one = find(v, NULL);

	if (one == NULL)
		return false;
	*one = (struct viewer){ .sink = sink };
	sink->on_drain = on_drain;
	sink->on_gone = on_gone;
	sink->arg = one;
	v->n++;
	return true;
}

static void
drop(struct viewers *v, struct viewer *one)
{
	one->sink = NULL;
	v->n--;
}

void
viewers_forget(struct viewers *v, const struct sink *sink)
{
	struct viewer *one = find(v, sink);

	if (one != NULL)
		drop(v, one);
}

static void
end(struct viewers *v, struct viewer *one, enum sink_end how)
{
	struct sink *sink = one->sink;

	drop(v, one);
	sink->on_drain = on_gone; /* the place may soon be another's */
	sink->ops->end(sink, how);
}

static void
offer(struct viewers *v, struct viewer *one, struct slice bytes, usec now)
{
	if (one->choked == 0) {
		if (!one->behind && !one->sink->ops->write(one->sink, bytes))
			one->choked = now;
		return;
	}
	one->behind = true;
	if (now - one->choked < VIEWER_PATIENCE)
		return;
	log_info("viewer_closed reason=not_reading");
	end(v, one, SINK_ABORT);
}

void
viewers_send(struct viewers *v, struct slice bytes, usec now)
{
	for (unsigned i = 0; i < VIEWERS_MAX; i++)
		if (v->list[i].sink != NULL)
			offer(v, &v->list[i], bytes, now);
}

void
viewers_begin(
    struct viewers *v, struct sink *sink, struct slice bytes, usec now)
{
	struct viewer *one = find(v, sink);

	if (one == NULL)
		return;
	one->behind = false;
	offer(v, one, bytes, now);
}

void
viewers_cut(struct viewers *v, struct sink *sink)
{
	struct viewer *one = find(v, sink);

	if (one != NULL)
		end(v, one, SINK_ABORT);
}

struct sink *
viewers_behind(const struct viewers *v)
{
	for (unsigned i = 0; i < VIEWERS_MAX; i++)
		if (v->list[i].sink != NULL && v->list[i].behind &&
		    v->list[i].choked == 0)
			return v->list[i].sink;
	return NULL;
}

void
viewers_end(struct viewers *v)
{
	for (unsigned i = 0; i < VIEWERS_MAX; i++)
		if (v->list[i].sink != NULL)
			end(v, &v->list[i], SINK_CLEAN);
}
