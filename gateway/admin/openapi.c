/* gateway/admin/openapi.c - the table of routes as a document of OpenAPI 3.1.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/admin/routes.h"
#include "gateway/admin/values.h"
#include "gateway/lib/count.h"

static json_t *
parameters(const struct admin_parameter *p)
{
	json_t *list = json_array(), *o;

	for (; p->name != NULL; p++) {
		o = json_object();
		set(o, "name", json_string(p->name));
		set(o, "in", json_string(p->in_path ? "path" : "query"));
		set(o, "required", json_boolean(p->required));
		set(o, "description", json_string(p->help));
		set(o, "schema", json_pack("{s:s}", "type", p->type));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
answer_schema(const struct admin_answer *a)
{
	if (strcmp(a->content_type, "application/json") != 0)
		return json_pack("{s:s}", "type", "string");
	return a->status < 400
	    ? json_pack("{s:s}", "type", "object")
	    : json_pack("{s:s}", "$ref", "#/components/schemas/Error");
}

static json_t *
answer(const struct admin_answer *a)
{
	return json_pack("{s:s, s:{s:{s:o}}}", "description", a->help,
	    "content", a->content_type, "schema", answer_schema(a));
}

static json_t *
answers(const struct admin_route *route)
{
	json_t *o = json_object();
	char status[8];

	for (const struct admin_answer *a = route->answers; a->status != 0;
	     a++) {
		snprintf(status, sizeof(status), "%d", a->status);
		set(o, status, answer(a));
	}
	if (json_object_get(o, "503") == NULL)
		set(o, "503",
		    json_pack(
			"{s:s}", "$ref", "#/components/responses/Unable"));
	if (admin_route_acts(route))
		set(o, "500",
		    json_pack(
			"{s:s}", "$ref", "#/components/responses/NotNoted"));
	if (route->open)
		return o;
	set(o, "401",
	    json_pack("{s:s}", "$ref", "#/components/responses/NoKey"));
	set(o, "403",
	    json_pack("{s:s}", "$ref", "#/components/responses/NotAllowed"));
	return o;
}

static json_t *
operation(const struct admin_route *route)
{
	json_t *o = json_object();

	set(o, "operationId", json_string(route->id));
	set(o, "summary", json_string(route->summary));
	if (route->parameters != NULL)
		set(o, "parameters", parameters(route->parameters));
	set(o, "responses", answers(route));
	if (route->open)
		set(o, "security", json_array());
	else
		set(o, "x-role", json_string(conf_role_name(route->role)));
	return o;
}

static json_t *
paths(void)
{
	json_t *o = json_object(), *item;
	size_t n;
	const struct admin_route *list = admin_routes(&n);
	char method[16];

	for (size_t i = 0; i < n; i++) {
		item = json_object_get(o, list[i].path);
		if (item == NULL) {
			item = json_object();
			set(o, list[i].path, item);
		}
		snprintf(method, sizeof(method), "%s", list[i].method);
		for (char *p = method; *p != '\0'; p++)
			*p = (char)(*p | 0x20);
		set(item, method, operation(&list[i]));
	}
	return o;
}

/* Those that many routes share. */
static json_t *
shared_answers(void)
{
	static const char no_key[] = "No key, or none of admin_keys.";
	static const char not_allowed[] =
	    "The key's role is too narrow; or another Host than the gateway's "
	    "own where there are no keys; or a web page that would change "
	    "something.";
	static const char unable[] =
	    "Out of memory; or, of what acts, the audit log cannot be "
	    "written, and nothing was done.";
	static const char not_noted[] =
	    "It was done, but the audit log could not be written.";
	const struct {
		const char *name;
		struct admin_answer answer;
	} rows[] = {
		{ "NoKey", { 401, "application/json", no_key } },
		{ "NotAllowed", { 403, "application/json", not_allowed } },
		{ "NotNoted", { 500, "application/json", not_noted } },
		{ "Unable", { 503, "application/json", unable } },
	};
	json_t *o = json_object();

	for (size_t i = 0; i < COUNT(rows); i++)
		set(o, rows[i].name, answer(&rows[i].answer));
	return o;
}

static json_t *
components(void)
{
	return json_pack(
	    "{s:{s:{s:s, s:s, s:s}}, s:{s:{s:s, s:[s], s:{s:{s:s, s:[s, s, s], "
	    "s:{s:{s:s}, s:{s:s}, s:{s:s}}}}}}, s:o}",
	    "securitySchemes", "key", "type", "http", "scheme", "bearer",
	    "description",
	    "One of admin_keys. Where there are none, no key is asked for.",
	    "schemas", "Error", "type", "object", "required", "error",
	    "properties", "error", "type", "object", "required", "message",
	    "type", "code", "properties", "message", "type", "string", "type",
	    "type", "string", "code", "type", "string", "responses",
	    shared_answers());
}

json_t *
admin_openapi(void)
{
	return json_pack("{s:s, s:{s:s, s:s, s:s}, s:[{s:[]}], s:o, s:o}",
	    "openapi", "3.1.0", "info", "title", "Pointsman admin API",
	    "version", POINTSMAN_VERSION, "description",
	    "What operators and probes ask a gateway.", "security", "key",
	    "paths", paths(), "components", components());
}
