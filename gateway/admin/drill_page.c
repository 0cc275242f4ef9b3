/* gateway/admin/drill_page.c - /admin/v1/drill: what a drill does, and what is
 * asked for. */
#include "gateway/admin/drill_page.h"

#include "gateway/admin/drill.h"
#include "gateway/admin/query.h"
#include "gateway/admin/values.h"
#include "gateway/conf/value.h"
#include "gateway/lib/count.h"

static void
add_counts(json_t *o, const struct drill_view *v)
{
	const struct {
		const char *name;
		uint64_t n;
	} counts[] = { { "attempts", v->attempts }, { "requests", v->requests },
		{ "moved", v->moved }, { "failed", v->failed },
		{ "client_gone", v->gone },
		{ "running", v->requests - v->moved - v->failed - v->gone },
		{ "timed", v->timed } };

	for (size_t i = 0; i < COUNT(counts); i++)
		set(o, counts[i].name, count(counts[i].n));
}

static json_t *
drill_json(const struct drill_view *v)
{
	json_t *o = json_object();

	set(o, "id", count(v->id));
	set(o, "active", json_boolean(v->end == DRILL_RUNNING));
	set(o, "backend", json_string(v->backend));
	set(o, "tenant",
	    v->tenant[0] != '\0' ? json_string(v->tenant) : json_null());
	set(o, "seconds", json_real((double)v->span / 1e6));
	set(o, "left_seconds", json_real((double)v->left / 1e6));
	set(o, "ended",
	    v->end == DRILL_RUNNING ? json_null()
				    : json_string(drill_end_name(v->end)));
	add_counts(o, v);
	set(o, "expected_ms", ms(v->timed > 0 ? v->expected : -1));
	set(o, "measured_ms", ms(v->timed > 0 ? v->measured : -1));
	return o;
}

void
admin_render_drill(const struct drill_view *v, struct admin_reply *r)
{
	json_t *doc = json_object();

	set(doc, "drill", v->id > 0 ? drill_json(v) : json_null());
	admin_send_json(doc, r);
}

/* --- what is asked for --- */

#define INVALID "invalid_drill"

struct asked {
	const struct admin_picture *p;
	struct admin_reply *r;
};

static bool
bad(const struct asked *a, const char *want, const char *name, struct slice got)
{
	return query_refuse(a->r, INVALID, want, name, got);
}

/* One parameter into r->drill; false: r says what is wrong. */
static bool
read_parameter(void *arg, struct slice name, struct slice value)
{
	const struct asked *a = arg;
	struct admin_drill *d = &a->r->drill;

	if (slice_is(name, "fail")) {
		d->backend = conf_find_backend(a->p->conf, value);
		return d->backend != NULL ||
		    query_unknown(a->r, INVALID, "backend", query_backends,
			a->p->conf, value);
	}
	if (slice_is(name, "tenant")) {
		d->tenant = conf_find_tenant(a->p->conf, value);
		return d->tenant != NULL ||
		    query_unknown(a->r, INVALID, "tenant", query_tenants,
			a->p->conf, value);
	}
	if (!slice_is(name, "for"))
		return bad(a, "fail, for or tenant", "the query", name);
	return (duration_parse(value, &d->span) && d->span >= DRILL_MIN &&
		   d->span <= DRILL_MAX) ||
	    bad(a, "a duration of 1s..1h", "for", value);
}

void
admin_post_drill(const struct admin_picture *p, struct admin_reply *r)
{
	struct asked a = { p, r };

	r->drill = (struct admin_drill){ .span = DRILL_USUAL };
	if (!query_read(p->query, read_parameter, &a, INVALID, r))
		return;
	if (r->drill.backend == NULL)
		bad(&a, "the name of a backend", "fail", SLICE(""));
	else
		r->action = ADMIN_DRILL;
}

void
admin_delete_drill(const struct admin_picture *p, struct admin_reply *r)
{
	(void)p;
	r->action = ADMIN_DRILL_STOP;
}

void
admin_get_drill(const struct admin_picture *p, struct admin_reply *r)
{
	struct drill_view v;

	drill_read(p->drill, p->now, &v);
	admin_render_drill(&v, r);
}
