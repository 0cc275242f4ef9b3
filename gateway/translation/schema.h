/* gateway/translation/schema.h - what OpenAI's strict mode asks of a schema.
 * Private to the translation. */
#ifndef GATEWAY_TRANSLATION_SCHEMA_H
#define GATEWAY_TRANSLATION_SCHEMA_H

#include "gateway/lib/scan.h"

/* Whether strict mode takes a schema, an object of validated JSON: in it all
 * properties are required and no others allowed. False, too, where it is not to
 * be found out by looking at *budget bytes, of which it takes what it used. */
bool schema_is_strict(struct slice schema, size_t *budget);

#endif
