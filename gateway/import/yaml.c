/* gateway/import/yaml.c - libyaml's tree, by name. */
#include "gateway/import/yaml.h"

#include <string.h>

#include "gateway/conf/source.h"
#include "gateway/lib/count.h"
#include "gateway/lib/map.h"

#define MAPS_MAX 256 /* of one look-up, merged ones too: they may be a ring */
#define DEPTH_MAX 64 /* libyaml's time grows with the square of it */

/* --- a file --- */

static enum err
refuse(const yaml_parser_t *parser, const char *path, struct errmsg *why)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return fail(why, ERR_MEMORY, "out of memory");
	return fail(why, ERR_SYNTAX, "%s:%zu: want YAML, got: %s", path,
	    parser->problem_mark.line + 1,
	    parser->problem != NULL ? parser->problem : "what is none");
}

struct survey {
	const char *path;
	unsigned documents, depth;
};

static enum err
survey_event(struct survey *s, const yaml_event_t *e, struct errmsg *why)
{
	size_t line = e->start_mark.line + 1;

	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++s->documents > 1)
			return fail(why, ERR_SYNTAX,
			    "%s:%zu: want one document, got another", s->path,
			    line);
		break;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (++s->depth > DEPTH_MAX)
			return fail(why, ERR_SYNTAX,
			    "%s:%zu: want at most %d levels, got more", s->path,
			    line, DEPTH_MAX);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		s->depth--;
		break;
	default:
		break;
	}
	return OK;
}

/* What stands behind the first document would go unread, and what is nested
 * without end take hours: a look at the whole before a tree is made. */
static enum err
survey(yaml_parser_t *parser, const char *path, struct errmsg *why)
{
	struct survey s = { .path = path };
	bool end = false;
	enum err rc = OK;
	yaml_event_t e;

	while (rc == OK && !end) {
		if (!yaml_parser_parse(parser, &e))
			return refuse(parser, path, why);
		rc = survey_event(&s, &e, why);
		end = e.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	return rc;
}

/* Fills *out, or only looks the text over where there is none. */
static enum err
parse(struct slice text, const char *path, yaml_document_t *out,
    struct errmsg *why)
{
	yaml_parser_t parser;
	enum err rc = OK;

	if (!yaml_parser_initialize(&parser))
		return fail(why, ERR_MEMORY, "out of memory");
	yaml_parser_set_input_string(
	    &parser, (const unsigned char *)text.p, text.n);
	if (out == NULL)
		rc = survey(&parser, path, why);
	else if (!yaml_parser_load(&parser, out))
		rc = refuse(&parser, path, why);
	yaml_parser_delete(&parser);
	return rc;
}

enum err
yaml_read(const char *path, yaml_document_t *out, struct errmsg *why)
{
	struct errmsg reason;
	struct slice text;
	struct buf raw;
	enum err rc;

	buf_init(&raw, SOURCE_MAX);
	rc = source_read(path, &raw, &reason);
	text = raw.n > 0 ? buf_slice(&raw) : SLICE("");
	if (rc != OK)
		(void)fail(why, rc, "%s: %s", path, reason.text);
	else
		rc = parse(text, path, NULL, why);
	if (rc == OK)
		rc = parse(text, path, out, why);
	buf_fini(&raw);
	return rc;
}

/* --- members --- */

static struct slice
key_of(yaml_document_t *doc, const yaml_node_pair_t *p)
{
	return yaml_text(yaml_document_get_node(doc, p->key));
}

/* Two merge keys lend both. */
static bool
is_name(struct slice key)
{
	return key.p != NULL && !slice_is(key, "<<");
}

static enum err
drop_twins(yaml_document_t *doc, yaml_node_t *map,
    void (*tell)(void *, const yaml_node_t *), void *to)
{
	yaml_node_pair_t *start = map->data.mapping.pairs.start, *p, *kept;
	struct map last;
	enum err rc = OK;

	map_init(&last);
	for (p = start; rc == OK && p < map->data.mapping.pairs.top; p++)
		if (is_name(key_of(doc, p)))
			rc = map_put(&last, key_of(doc, p), p);
	for (p = kept = start; rc == OK && p < map->data.mapping.pairs.top;
	     p++) {
		if (!is_name(key_of(doc, p)) ||
		    map_get(&last, key_of(doc, p)) == p)
			*kept++ = *p;
		else
			tell(to, yaml_document_get_node(doc, p->key));
	}
	if (rc == OK)
		map->data.mapping.pairs.top = kept;
	map_fini(&last);
	return rc;
}

enum err
yaml_drop_twins(yaml_document_t *doc,
    void (*tell)(void *, const yaml_node_t *key), void *to)
{
	enum err rc = OK;

	for (yaml_node_t *n = doc->nodes.start; rc == OK && n < doc->nodes.top;
	     n++)
		if (n->type == YAML_MAPPING_NODE)
			rc = drop_twins(doc, n, tell, to);
	return rc;
}

static const yaml_node_t *member(yaml_document_t *, const yaml_node_t *map,
    const char *name, unsigned *maps);

/* In what a merge key lends: a map, or the first of several that has it. */
static const yaml_node_t *
lent(yaml_document_t *doc, const yaml_node_t *merged, const char *name,
    unsigned *maps)
{
	const yaml_node_t *found = member(doc, merged, name, maps), *one;

	for (size_t i = 0; found == NULL; i++) {
		one = yaml_element(doc, merged, i);
		if (one == NULL)
			break;
		found = member(doc, one, name, maps);
	}
	return found;
}

static const yaml_node_t *
member(yaml_document_t *doc, const yaml_node_t *map, const char *name,
    unsigned *maps)
{
	const yaml_node_t *found = NULL;
	const yaml_node_pair_t *p;

	if (map == NULL || map->type != YAML_MAPPING_NODE || *maps == 0)
		return NULL;
	--*maps;
	for (p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++)
		if (slice_is(key_of(doc, p), name))
			return yaml_document_get_node(doc, p->value);
	/* of several the last goes before the others */
	while (found == NULL && p > map->data.mapping.pairs.start)
		if (slice_is(key_of(doc, --p), "<<"))
			found = lent(doc, yaml_document_get_node(doc, p->value),
			    name, maps);
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
