/* gateway/admin/routes.h - the admin API's routes, as a table: what is not a
 * row does not exist. It answers requests, says who may ask, and is what the
 * OpenAPI document and docs/admin-api.md are made of. */
#ifndef GATEWAY_ADMIN_ROUTES_H
#define GATEWAY_ADMIN_ROUTES_H

#include <stdio.h>

#include "gateway/admin/admin.h"

struct admin_parameter {
	const char *name; /* NULL: the end of the list */
	const char *type; /* JSON Schema's: "string", "integer", "number" */
	bool required;
	bool in_path;
	const char *help;
};

struct admin_answer {
	int status; /* 0: the end of the list */
	const char *content_type;
	const char *help;
};

struct admin_route {
	const char *method;
	const char *path; /* its last part may be "{id}", which is any */
	const char *id; /* a word of its own; in the audit log, too */
	bool open; /* asks nobody for a key */
	bool tells; /* of requests that are over: all of them are to be in it */
	enum conf_role role; /* the least that may ask */
	const char *summary;
	const struct admin_parameter *parameters; /* or NULL */
	/* without those of every route, and of all that act: 401, 403, 500,
	 * 503 */
	const struct admin_answer *answers;
	void (*handle)(const struct admin_picture *, struct admin_reply *);
};

const struct admin_route *admin_routes(size_t *n);
/* NULL: none; *other says whether another method would do. */
const struct admin_route *admin_route_find(
    struct slice method, struct slice path, bool *other);
/* Whether it changes something. */
bool admin_route_acts(const struct admin_route *);

/* openapi.c: the document of OpenAPI 3.1. The caller's to json_decref(). */
json_t *admin_openapi(void);
/* routes_docs.c: docs/admin-api.md. */
void admin_write_docs(FILE *);

#endif
