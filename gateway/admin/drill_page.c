/* gateway/admin/drill_page.c - /admin/v1/drill: what a drill does, and what is
 * asked for. */
#include "gateway/admin/drill_page.h"

#include <jansson.h>
#include <stdio.h>

#include "gateway/admin/drill.h"
#include "gateway/admin/query.h"
#include "gateway/conf/value.h"

static json_t *
milliseconds(usec v, uint64_t n)
{
	return n > 0 ? json_real((double)v / 1e3) : json_null();
}

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

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_object_set_new(
		    o, counts[i].name, json_integer((json_int_t)counts[i].n));
}

static json_t *
drill_json(const struct drill_view *v)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_integer(v->id));
	json_object_set_new(o, "active", json_boolean(v->end == DRILL_RUNNING));
	json_object_set_new(o, "backend", json_string(v->backend));
	json_object_set_new(o, "tenant",
	    v->tenant[0] != '\0' ? json_string(v->tenant) : json_null());
	json_object_set_new(o, "seconds", json_real((double)v->span / 1e6));
	json_object_set_new(
	    o, "left_seconds", json_real((double)v->left / 1e6));
	json_object_set_new(o, "ended",
	    v->end == DRILL_RUNNING ? json_null()
				    : json_string(drill_end_name(v->end)));
	add_counts(o, v);
	json_object_set_new(
	    o, "expected_ms", milliseconds(v->expected, v->timed));
	json_object_set_new(
	    o, "measured_ms", milliseconds(v->measured, v->timed));
	return o;
}

void
admin_render_drill(const struct drill_view *v, struct admin_reply *r)
{
	json_t *doc = json_object();

	json_object_set_new(
	    doc, "drill", v->id > 0 ? drill_json(v) : json_null());
	admin_send_json(doc, r);
}

/* --- what is asked for --- */

static void
bad(struct admin_reply *r, const char *want, struct slice got)
{
	char text[512];

	snprintf(text, sizeof(text), "want %s, got \"%.*s\"", want,
	    got.n < 200 ? (int)got.n : 200, got.n > 0 ? got.p : "");
	admin_error(r, 400, "invalid_drill", text);
}

struct asked {
	const struct admin_picture *p;
	struct admin_reply *r;
};

/* One parameter into r->drill; false: r says what is wrong. */
static bool
read_parameter(void *arg, struct slice name, struct slice value)
{
	const struct asked *a = arg;
	const struct admin_picture *p = a->p;
	struct admin_reply *r = a->r;
	struct admin_drill *d = &r->drill;

	if (slice_is(name, "fail")) {
		d->backend = conf_find_backend(p->conf, value);
		if (d->backend == NULL)
			bad(r, "the name of a backend in fail", value);
		return d->backend != NULL;
	}
	if (slice_is(name, "tenant")) {
		d->tenant = conf_find_tenant(p->conf, value);
		if (d->tenant == NULL)
			bad(r, "the name of a tenant in tenant", value);
		return d->tenant != NULL;
	}
	if (!slice_is(name, "for")) {
		bad(r, "the parameters fail, for and tenant", name);
		return false;
	}
	if (duration_parse(value, &d->span) && d->span >= DRILL_MIN &&
	    d->span <= DRILL_MAX)
		return true;
	bad(r, "a duration of 1s..1h in for", value);
	return false;
}

void
admin_post_drill(const struct admin_picture *p, struct admin_reply *r)
{
	struct asked a = { p, r };
	enum err rc;

	r->drill = (struct admin_drill){ .span = DRILL_USUAL };
	rc = query_each(p->query, read_parameter, &a);
	if (rc == ERR_LIMIT)
		bad(r, "parameters of at most 4096 bytes", p->query);
	else if (rc != OK && r->status == 200)
		admin_error(r, 503, "out_of_memory", "out of memory");
	else if (rc == OK && r->drill.backend == NULL)
		bad(r, "the name of a backend in fail", SLICE(""));
	else if (rc == OK)
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
