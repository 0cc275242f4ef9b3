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

/* "ok", or "ok 50 %": the share of it that an operator lets be used. */
static inline void
doc_state(const json_t *backend, const json_t *serving, char *out, size_t cap)
{
	double share = 1;

	if (doc_has(backend, "weight") && doc_has(serving, "weight"))
		share = doc_number(backend, "weight") *
		    doc_number(serving, "weight");
	if (share > 0 && share < 1)
		snprintf(out, cap, "%s %g %%", doc_text(serving, "state"),
		    share * 100);
	else
		snprintf(out, cap, "%s", doc_text(serving, "state"));
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
