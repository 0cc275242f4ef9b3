/* gateway/admin/models.c - /admin/v1/models: what clients may ask for, and who
 * would answer. */
#include "gateway/admin/admin.h"
#include "gateway/admin/values.h"
#include "gateway/conf/dump.h"

static json_t *
serving_json(const struct admin_picture *p, const struct conf_serving *s)
{
	const struct serving_view *v = admin_view_of(p, s->id);
	json_t *o = json_object();

	set(o, "backend", json_string(s->backend->name));
	set(o, "upstream_model", json_string(s->upstream));
	set(o, "quality", json_real(s->quality));
	set(o, "fallback", json_boolean(s->fallback));
	set(o, "context", count_unless_zero(s->context));
	set(o, "caps",
	    s->caps != CAP_ALL ? conf_caps_json(s->caps) : json_null());
	set(o, "version", json_string(s->version));
	set(o, "state",
	    v != NULL ? json_string(admin_serving_state(s->backend, v))
		      : json_null());
	return o;
}

static json_t *
model_json(const struct admin_picture *p, const struct conf_model *m)
{
	json_t *o = json_object(), *servings = json_array();

	set(o, "name", json_string(m->name));
	set(o, "aliases", conf_strings_json(m->aliases));
	set(o, "default", json_boolean(m == p->conf->default_model));
	for (size_t i = 0; i < m->n_servings; i++)
		json_array_append_new(
		    servings, serving_json(p, &m->servings[i]));
	set(o, "servings", servings);
	return o;
}

void
admin_get_models(const struct admin_picture *p, struct admin_reply *r)
{
	json_t *doc = json_object(), *list = json_array();

	for (size_t i = 0; i < p->conf->n_models; i++)
		json_array_append_new(list, model_json(p, &p->conf->models[i]));
	set(doc, "models", list);
	admin_send_json(doc, r);
}
