/* gateway/conf/dump.h - values of the configuration as JSON, as conf_dump()
 * writes them. */
#ifndef GATEWAY_CONF_DUMP_H
#define GATEWAY_CONF_DUMP_H

#include <jansson.h>

/* An array; NULL, at whose end a list ends, is null. */
json_t *conf_strings_json(const char *const *list);
/* An array of names, of enum cap bits. */
json_t *conf_caps_json(unsigned caps);

#endif
