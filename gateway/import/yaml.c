/* gateway/import/yaml.c - libyaml's tree, by name. */
#include "gateway/import/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/lib/count.h"

#define MAPS_MAX 256 /* of one look-up, merged ones too: they may be a ring */

static enum err
parse(yaml_parser_t *parser, const char *path, yaml_document_t *out,
    struct errmsg *why)
{
	if (yaml_parser_load(parser, out))
		return OK;
	if (parser->error == YAML_MEMORY_ERROR)
		return fail(why, ERR_MEMORY, "out of memory");
	return fail(why, ERR_SYNTAX, "%s:%zu: want YAML, got: %s", path,
	    parser->problem_mark.line + 1,
	    parser->problem != NULL ? parser->problem : "what is none");
}

enum err
yaml_read(const char *path, yaml_document_t *out, struct errmsg *why)
{
	yaml_parser_t parser;
	FILE *f = fopen(path, "rb");
	enum err rc;

	if (f == NULL)
		return fail(
		    why, ERR_IO, "cannot read %s: %s", path, strerror(errno));
	if (!yaml_parser_initialize(&parser)) {
		fclose(f);
		return fail(why, ERR_MEMORY, "out of memory");
	}
	yaml_parser_set_input_file(&parser, f);
	rc = parse(&parser, path, out, why);
	yaml_parser_delete(&parser);
	fclose(f);
	return rc;
}

static const yaml_node_t *
member(yaml_document_t *doc, const yaml_node_t *map, const char *name,
    unsigned *maps)
{
	const yaml_node_t *merged = NULL, *found, *one;
	const yaml_node_pair_t *p;

	if (map == NULL || map->type != YAML_MAPPING_NODE || *maps == 0)
		return NULL;
	--*maps;
	for (p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++) {
		struct slice key =
		    yaml_text(yaml_document_get_node(doc, p->key));

		if (slice_is(key, name))
			return yaml_document_get_node(doc, p->value);
		if (slice_is(key, "<<"))
			merged = yaml_document_get_node(doc, p->value);
	}
	found = member(doc, merged, name, maps);
	for (size_t i = 0; found == NULL; i++) {
		one = yaml_element(doc, merged, i);
		if (one == NULL)
			break;
		found = member(doc, one, name, maps);
	}
	return found;
}

const yaml_node_t *
yaml_member(yaml_document_t *doc, const yaml_node_t *map, const char *name)
{
	unsigned maps = MAPS_MAX;

	return member(doc, map, name, &maps);
}

const yaml_node_t *
yaml_pair(yaml_document_t *doc, const yaml_node_t *map, size_t i,
    const yaml_node_t **key)
{
	const yaml_node_pair_t *p;

	if (map == NULL || map->type != YAML_MAPPING_NODE)
		return NULL;
	p = map->data.mapping.pairs.start;
	if (i >= (size_t)(map->data.mapping.pairs.top - p))
		return NULL;
	*key = yaml_document_get_node(doc, p[i].key);
	return yaml_document_get_node(doc, p[i].value);
}

const yaml_node_t *
yaml_element(yaml_document_t *doc, const yaml_node_t *sequence, size_t i)
{
	const yaml_node_item_t *item;

	if (sequence == NULL || sequence->type != YAML_SEQUENCE_NODE)
		return NULL;
	item = sequence->data.sequence.items.start;
	if (i >= (size_t)(sequence->data.sequence.items.top - item))
		return NULL;
	return yaml_document_get_node(doc, item[i]);
}

struct slice
yaml_text(const yaml_node_t *n)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	struct slice s;

	if (n == NULL || n->type != YAML_SCALAR_NODE)
		return slice_make(NULL, 0);
	s = slice_make(
	    (const char *)n->data.scalar.value, n->data.scalar.length);
	if (n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return s;
	for (size_t i = 0; i < COUNT(nulls); i++)
		if (slice_is(s, nulls[i]))
			return slice_make(NULL, 0);
	return s;
}

/* 1_000 is a number in YAML, and 2.5e-06. */
bool
yaml_number(const yaml_node_t *n, double *out)
{
	struct slice s = yaml_text(n);
	char digits[40];
	size_t at = 0;

	if (s.n == 0 || s.n >= sizeof(digits))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '_')
			digits[at++] = s.p[i];
	return slice_double(slice_make(digits, at), out);
}

bool
yaml_is_true(const yaml_node_t *n)
{
	struct slice s = yaml_text(n);

	return slice_iis(s, "true") || slice_iis(s, "yes") ||
	    slice_iis(s, "on");
}

bool
yaml_is_false(const yaml_node_t *n)
{
	struct slice s = yaml_text(n);

	return slice_iis(s, "false") || slice_iis(s, "no") ||
	    slice_iis(s, "off");
}

unsigned
yaml_line(const yaml_node_t *n)
{
	return n != NULL ? (unsigned)n->start_mark.line + 1 : 0;
}
