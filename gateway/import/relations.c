/* gateway/import/relations.c - what models are to each other: fallbacks,
 * aliases, and who goes first. */
#include <stdio.h>
#include <string.h>

#include "gateway/import/inner.h"

/* --- fallbacks --- */

/* Only what serves `other` itself: fallbacks of a fallback are another's.
 * False where there is no room for all. */
static bool
fall_back(struct import *im, struct im_model *m, const struct im_model *other)
{
	struct im_serving copy;

	if (m == other)
		return true;
	for (struct list *l = other->servings.next; l != &other->servings;
	     l = l->next) {
		copy = *CONTAINER_OF(l, struct im_serving, node);
		if (copy.fallback || has_serving(m, &copy))
			continue;
		copy.fallback = true;
		if (!add_serving(im, m, &copy))
			return false;
	}
	return true;
}

/* Whether the first was made for one thing, and nothing says that the other
 * can do it. */
static bool
is_beyond(const struct im_model *m, const struct im_model *other)
{
	struct list *mine = m->servings.next, *its = other->servings.next;
	unsigned wants = CONTAINER_OF(mine, struct im_serving, node)->caps;

	return wants != 0 && (wants & CAP_CHAT) == 0 &&
	    (CONTAINER_OF(its, struct im_serving, node)->caps & wants) == 0;
}

static bool
has_fallback(const struct im_model *m)
{
	for (struct list *l = m->servings.next; l != &m->servings; l = l->next)
		if (CONTAINER_OF(l, struct im_serving, node)->fallback)
			return true;
	return false;
}

/* Of those that are everybody's (`all`) a model gets what can do its work. */
static void
add_fallbacks(struct import *im, struct im_model *m, const yaml_node_t *list,
    const char *path, bool all)
{
	const yaml_node_t *at;
	const bool ranked = has_fallback(m);
	const struct im_model *other;
	size_t i = 0;

	for (; (at = yaml_element(im->doc, list, i)) != NULL; i++) {
		other = find_model(im, yaml_text(at));
		if (other == NULL)
			note(im, at, path,
			    "\"%.*s\" is no model that was carried over",
			    SLICE_ARG(yaml_text(at)));
		else if (all && is_beyond(m, other))
			note(im, at, path,
			    "%s: not to \"%s\", which does not say by its "
			    "model_info.mode that it can do that",
			    m->name, other->name);
		else if (!fall_back(im, m, other)) {
			note(im, at, path,
			    "%s: a model has at most %d servings: from here on "
			    "they are left out",
			    m->name, CONF_SERVINGS_MAX);
			break;
		}
	}
	if (i > 1 || (i == 1 && ranked))
		note(im, list, path,
		    "their order is not kept: price and state decide among "
		    "fallbacks");
	m->has_fallbacks |= i > 0;
}

/* [ { model: [ other, other ] } ]. What "*" has goes to *all, if that is not
 * NULL. */
static void
read_list(struct import *im, const yaml_node_t *list, const char *path,
    const yaml_node_t **all)
{
	const yaml_node_t *row, *key, *others;
	struct im_model *m;

	for (size_t i = 0; (row = yaml_element(im->doc, list, i)) != NULL; i++)
		for (size_t j = 0;
		     (others = yaml_pair(im->doc, row, j, &key)) != NULL; j++) {
			m = find_model(im, yaml_text(key));
			if (all != NULL && slice_is(yaml_text(key), "*"))
				*all = others;
			else if (m != NULL)
				add_fallbacks(im, m, others, path, false);
			else
				note(im, key, path,
				    "\"%.*s\" is no model that was carried "
				    "over",
				    SLICE_ARG(yaml_text(key)));
		}
}

/* Of those that have none of their own. */
static void
add_to_all(struct import *im, const yaml_node_t *list, const char *path)
{
	struct im_model *m;

	if (list == NULL)
		return;
	for (struct list *l = im->models.next; l != &im->models; l = l->next) {
		m = CONTAINER_OF(l, struct im_model, node);
		if (!m->has_fallbacks)
			add_fallbacks(im, m, list, path, true);
	}
}

void
read_fallbacks(struct import *im, const yaml_node_t *section, const char *path)
{
	const yaml_node_t *list, *all = NULL;
	char where[96], other[96];

	snprintf(where, sizeof(where), "%s.fallbacks", path);
	read_list(im, yaml_member(im->doc, section, "fallbacks"), where, &all);
	list = yaml_member(im->doc, section, "context_window_fallbacks");
	snprintf(other, sizeof(other), "%s.context_window_fallbacks", path);
	if (yaml_element(im->doc, list, 0) != NULL)
		note(im, list, other,
		    "used whenever nothing else is left, not for long prompts "
		    "alone");
	read_list(im, list, other, NULL);
	add_to_all(im, all, where);
	list = yaml_member(im->doc, section, "default_fallbacks");
	snprintf(where, sizeof(where), "%s.default_fallbacks", path);
	add_to_all(im, list, where);
}

/* --- aliases --- */

static void
add_alias(struct import *im, const yaml_node_t *key, const yaml_node_t *value,
    const char *path)
{
	struct slice target = yaml_text(value);
	struct im_name *alias;
	struct im_model *m;

	if (target.n == 0)
		target = yaml_text(yaml_member(im->doc, value, "model"));
	m = find_model(im, target);
	if (m == NULL) {
		note(im, key, path,
		    "%.*s: \"%.*s\" is no model that was carried over",
		    SLICE_ARG(yaml_text(key)), SLICE_ARG(target));
		return;
	}
	if (find_model(im, yaml_text(key)) != NULL) {
		note(im, key, path, "%.*s is the name of a model already",
		    SLICE_ARG(yaml_text(key)));
		return;
	}
	if (!is_plain(yaml_text(key)) || slice_find(yaml_text(key), '*') >= 0) {
		note(im, key, path,
		    "%.*s: want a name of visible characters of ASCII "
		    "without stars",
		    SLICE_ARG(yaml_text(key)));
		return;
	}
	if (yaml_is_true(yaml_member(im->doc, value, "hidden")))
		note(im, key, path, "%.*s: aliases are listed in /v1/models",
		    SLICE_ARG(yaml_text(key)));
	alias = im_alloc(im, sizeof(*alias));
	if (alias == NULL)
		return;
	alias->text = im_dup(im, yaml_text(key));
	alias->at = key;
	name_model(im, m, alias->text);
	list_append(&m->aliases, &alias->node);
}

void
read_aliases(struct import *im, const yaml_node_t *aliases, const char *path)
{
	const yaml_node_t *key, *value;

	for (size_t i = 0;
	     (value = yaml_pair(im->doc, aliases, i, &key)) != NULL; i++)
		if (yaml_text(key).n > 0)
			add_alias(im, key, value, path);
}

/* --- who goes first --- */

/* Of its deployments' orders the least above `beyond`. */
static double
next_order(const struct im_model *m, double beyond)
{
	double least = ORDER_NONE;

	for (struct list *l = m->servings.next; l != &m->servings;
	     l = l->next) {
		double order = CONTAINER_OF(l, struct im_serving, node)->order;

		if (order > beyond && order < least)
			least = order;
	}
	return least;
}

/* What has no order comes after all that have one. */
static void
settle_order(struct import *im, struct im_model *m)
{
	const double first = next_order(m, -1), second = next_order(m, first);
	struct im_serving *s;
	bool third = false, without = false;

	for (struct list *l = m->servings.next; l != &m->servings;
	     l = l->next) {
		s = CONTAINER_OF(l, struct im_serving, node);
		s->fallback = s->order > first;
		third |= s->order > second;
		without |= s->fallback && s->order == ORDER_NONE;
	}
	if (third)
		note(im, m->at, "",
		    "order: %s: those after the first are fallbacks, among "
		    "which price and state decide",
		    m->name);
	else if (without)
		note(im, m->at, "",
		    "order: %s: as there, those without one are for when "
		    "none with one is left: they are fallbacks",
		    m->name);
}

void
settle_orders(struct import *im)
{
	for (struct list *l = im->models.next; l != &im->models; l = l->next)
		settle_order(im, CONTAINER_OF(l, struct im_model, node));
}
