/* gateway/admin/routes_docs.c - docs/admin-api.md, from the table of routes. */
#include "gateway/admin/routes.h"

static const char intro[] =
    "# Admin API\n"
    "\n"
    "<!-- Generated from gateway/admin/routes.c by `make docs`. -->\n"
    "\n"
    "What the admin listener answers. `GET /admin/v1/openapi.json` says the "
    "same as OpenAPI\n"
    "3.1. Parameters go into the query; there are no bodies. Errors have "
    "OpenAI's shape:\n"
    "`{\"error\": {\"message\": ..., \"type\": ..., \"code\": ...}}`.\n"
    "\n"
    "With [`admin_keys`](configuration.md) a request wants `Authorization: "
    "Bearer KEY`, and\n"
    "the key a role: `read` may look at everything, `operate` also reload, "
    "drill, drain and\n"
    "weigh backends, `admin` also make and revoke keys of tenants. A key that "
    "is written without a "
    "role is `admin`;\n"
    "without `admin_keys`, so is everybody on this machine. 401: no key, or "
    "a wrong one.\n"
    "403: the role is too narrow, and the answer names the one that is "
    "wanted.\n";

static const char table[] = "\n| request | role | |\n"
			    "|---|---|---|\n";

static void
write_row(const struct admin_route *r, FILE *f)
{
	fprintf(f, "| `%s %s` | %s | %s |\n", r->method, r->path,
	    r->open ? "anybody" : conf_role_name(r->role), r->summary);
}

static void
write_route(const struct admin_route *r, FILE *f)
{
	const struct admin_parameter *p = r->parameters;

	fprintf(f, "\n## `%s %s`\n\n%s\n", r->method, r->path, r->summary);
	if (p != NULL)
		fputs("\n| parameter | |\n|---|---|\n", f);
	for (; p != NULL && p->name != NULL; p++)
		fprintf(f, "| `%s`%s | %s |\n", p->name,
		    p->required ? ", required" : "", p->help);
	fputs("\n| status | |\n|---|---|\n", f);
	for (const struct admin_answer *a = r->answers; a->status != 0; a++)
		fprintf(f, "| %d | %s |\n", a->status, a->help);
}

void
admin_write_docs(FILE *f)
{
	size_t n;
	const struct admin_route *list = admin_routes(&n);

	fputs(intro, f);
	fputs(table, f);
	for (size_t i = 0; i < n; i++)
		write_row(&list[i], f);
	for (size_t i = 0; i < n; i++)
		write_route(&list[i], f);
}
