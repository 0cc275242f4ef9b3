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
