/* gateway/admin/live_blame.c - why requests missed of late, and whose doing it
 * was. */
#include "gateway/admin/labels.h"
#include "gateway/admin/live_store.h"

static json_t *
state_json(const struct admin_picture *p, uint32_t serving)
{
	const struct conf_serving *s = conf_find_serving(p->conf, serving);
	const struct serving_view *v = admin_view_of(p, serving);

	return s != NULL && v != NULL
	    ? json_string(admin_serving_state(s->backend, v))
	    : json_null();
}

static json_t *
cause_json(
    const struct admin_picture *p, const struct miss_sum *m, uint64_t all)
{
	uint32_t serving = m->what.serving;
	struct label label = label_of(p->labels, serving);
	json_t *o = json_object();

	set(o, "backend",
	    serving != MISS_NOBODY ? json_string(label.backend) : json_null());
	set(o, "upstream_model",
	    serving != MISS_NOBODY ? json_string(label.model) : json_null());
	set(o, "cause", json_string(miss_cause_name(m->what.cause)));
	set(o, "detail", text_or_null(m->what.detail));
	set(o, "state", state_json(p, serving));
	set(o, "misses", count(m->n));
	set(o, "share", number_if(all > 0, (double)m->n / (double)all));
	return o;
}

json_t *
live_blame(const struct admin_picture *p, const struct census_group *g)
{
	json_t *list = json_array();
	struct miss_sums sums;
	uint64_t all = 0;

	census_misses(p->telemetry, g->index, p->now, &sums);
	for (size_t i = 0; i < sums.n; i++)
		all += sums.row[i].n;
	for (size_t i = 0; i < sums.n && i < LIVE_BLAMED; i++)
		json_array_append_new(list, cause_json(p, &sums.row[i], all));
	return list;
}
