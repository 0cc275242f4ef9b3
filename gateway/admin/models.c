/* gateway/admin/models.c - /admin/v1/models: what clients may ask for, and who
 * would answer. */
#include "gateway/admin/admin.h"
#include "gateway/conf/dump.h"

static json_t *
serving_json(const struct admin_picture *p, const struct conf_serving *s)
{
	const struct serving_view *v = admin_view_of(p, s->id);
	json_t *o = json_object();

	json_object_set_new(o, "backend", json_string(s->backend->name));
	json_object_set_new(o, "upstream_model", json_string(s->upstream));
	json_object_set_new(o, "quality", json_real(s->quality));
	json_object_set_new(o, "fallback", json_boolean(s->fallback));
	json_object_set_new(o, "context",
	    s->context > 0 ? json_integer(s->context) : json_null());
	json_object_set_new(o, "caps",
	    s->caps != CAP_ALL ? conf_caps_json(s->caps) : json_null());
	json_object_set_new(o, "version", json_string(s->version));
	json_object_set_new(o, "state",
	    v != NULL ? json_string(admin_serving_state(s->backend, v))
		      : json_null());
	return o;
}

static json_t *
model_json(const struct admin_picture *p, const struct conf_model *m)
{
	json_t *o = json_object(), *servings = json_array();

	json_object_set_new(o, "name", json_string(m->name));
	json_object_set_new(o, "aliases", conf_strings_json(m->aliases));
	json_object_set_new(
	    o, "default", json_boolean(m == p->conf->default_model));
	for (size_t i = 0; i < m->n_servings; i++)
		json_array_append_new(
		    servings, serving_json(p, &m->servings[i]));
	json_object_set_new(o, "servings", servings);
	return o;
}

void
admin_get_models(const struct admin_picture *p, struct admin_reply *r)
{
	json_t *doc = json_object(), *list = json_array();

	for (size_t i = 0; i < p->conf->n_models; i++)
		json_array_append_new(list, model_json(p, &p->conf->models[i]));
	json_object_set_new(doc, "models", list);
	admin_send_json(doc, r);
}
