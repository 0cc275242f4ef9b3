/* gateway/commands/doc.h - members of a JSON document that may lack them. */
#ifndef GATEWAY_COMMANDS_DOC_H
#define GATEWAY_COMMANDS_DOC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

static inline const json_t *
doc_get(const json_t *o, const char *name)
{
	return json_object_get(o, name);
}

static inline const char *
doc_text(const json_t *o, const char *name)
{
	const char *s = json_string_value(doc_get(o, name));

	return s != NULL ? s : "-";
}

static inline bool
doc_has(const json_t *o, const char *name)
{
	return json_is_number(doc_get(o, name));
}

/* As JSON for whoever reads it, or a program. */
static inline void
doc_print(const json_t *o)
{
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
}

static inline double
doc_number(const json_t *o, const char *name)
{
	return json_number_value(doc_get(o, name));
}

/* Why a serving is not what it could be; NULL: it is. */
static inline const char *
doc_cause(const json_t *serving)
{
	return json_string_value(doc_get(doc_get(serving, "cause"), "text"));
}

/* A number in its column; "-": there is none. */
static inline void
doc_cell(FILE *f, const json_t *o, const char *name, int width, int digits)
{
	if (doc_has(o, name))
		fprintf(f, " %*.*f", width, digits, doc_number(o, name));
	else
		fprintf(f, " %*s", width, "-");
}

#endif
