/* gateway/import/inner.c - what all files of an import use: memory, notes, and
 * values of the file. */
#include "gateway/import/inner.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/lib/utf8.h"

#define NAME_LONGEST 255 /* bytes, of a model */

void *
im_alloc(struct import *im, size_t n)
{
	void *p = arena_alloc(&im->arena, n);

	im->out_of_memory |= p == NULL;
	return p;
}

const char *
im_dup(struct import *im, struct slice s)
{
	const char *p = arena_dup(&im->arena, s);

	im->out_of_memory |= p == NULL;
	return p;
}

/* A name in the file can be anything: a note stays one line. */
static void
add_line(struct buf *b, struct slice text)
{
	size_t before = b->n;

	buf_add(b, text);
	if (b->n > before)
		utf8_calm(b->p + before, b->n - before, "");
}

void
note(struct import *im, const yaml_node_t *at, const char *path,
    const char *fmt, ...)
{
	struct imported *out = im->out;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_addf(&out->notes, "%s:%u: %s%s", im->file, yaml_line(at), path,
	    path[0] != '\0' ? ": " : "");
	add_line(&out->notes, slice_of(text));
	buf_add_char(&out->notes, '\n');
	out->n_notes++;
}

void
note_keys(struct import *im, const yaml_node_t *map, const char *path,
    const struct key_fate *fates, size_t n)
{
	const yaml_node_t *key;

	for (size_t i = 0; yaml_pair(im->doc, map, i, &key) != NULL; i++) {
		struct slice name = yaml_text(key);
		size_t at = 0;

		while (at < n && !slice_is(name, fates[at].key))
			at++;
		if (slice_is(name, "<<") || slice_starts(name, SLICE("x-")))
			continue; /* merged, or there to be merged */
		if (at == n)
			note(im, key, path, "%.*s: has no counterpart",
			    SLICE_ARG(name));
		else if (fates[at].why != NULL)
			note(im, key, path, "%.*s: %s", SLICE_ARG(name),
			    fates[at].why);
	}
}

const yaml_node_t *
credential_of(struct import *im, const yaml_node_t *params)
{
	const yaml_node_t *list = yaml_member(
	    im->doc, yaml_document_get_root_node(im->doc), "credential_list");
	struct slice name =
	    yaml_text(yaml_member(im->doc, params, "litellm_credential_name"));
	const yaml_node_t *one;

	if (name.n == 0)
		return NULL;
	for (size_t i = 0; (one = yaml_element(im->doc, list, i)) != NULL; i++)
		if (slice_eq(name,
			yaml_text(
			    yaml_member(im->doc, one, "credential_name"))))
			return yaml_member(im->doc, one, "credential_values");
	return NULL;
}

const yaml_node_t *
param_member(struct import *im, const yaml_node_t *params, const char *key)
{
	const yaml_node_t *at = yaml_member(im->doc, params, key);

	return at != NULL
	    ? at
	    : yaml_member(im->doc, credential_of(im, params), key);
}

bool
is_plain(struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c <= ' ' || c >= 0x7f || c == '"')
			return false;
	}
	return name.n <= NAME_LONGEST;
}

struct im_model *
find_model(const struct import *im, struct slice name)
{
	return map_get(&im->names, name);
}

void
name_model(struct import *im, struct im_model *m, const char *name)
{
	im->out_of_memory |=
	    name == NULL || map_put(&im->names, slice_of(name), m) != OK;
}

bool
has_serving(const struct im_model *m, const struct im_serving *wanted)
{
	const struct im_serving *s;

	for (struct list *l = m->servings.next; l != &m->servings;
	     l = l->next) {
		s = CONTAINER_OF(l, struct im_serving, node);
		if (s->backend == wanted->backend &&
		    strcmp(s->upstream, wanted->upstream) == 0)
			return true;
	}
	return false;
}

bool
add_serving(
    struct import *im, struct im_model *m, const struct im_serving *like)
{
	struct im_serving *s;

	if (m->n_servings >= CONF_SERVINGS_MAX)
		return false;
	s = im_alloc(im, sizeof(*s));
	if (s == NULL)
		return true;
	*s = *like;
	list_append(&m->servings, &s->node);
	m->n_servings++;
	im->out->servings++;
	return true;
}

bool
find_number(struct import *im, const yaml_node_t *map, const char *path,
    const char *key, double *out)
{
	const yaml_node_t *at = yaml_member(im->doc, map, key);

	if (yaml_text(at).n == 0)
		return false;
	if (yaml_number(at, out) && *out >= 0 && *out <= 1e9)
		return true;
	note(im, at, path, "%s: want a number, got \"%.*s\"", key,
	    SLICE_ARG(yaml_text(at)));
	return false;
}

double
get_number(struct import *im, const yaml_node_t *map, const char *path,
    const char *key)
{
	double v;

	return find_number(im, map, path, key, &v) ? v : 0;
}
