/* gateway/banner.c - what `serve` says once it is ready. */
#include "gateway/banner.h"

#include <stdio.h>
#include <string.h>

static void
print_backend(const struct conf_backend *b)
{
	if (b->off != NULL)
		printf("  %-12s off  %s\n", b->name, b->off);
	else if (b->command != NULL)
		printf(
		    "  %-12s on   started here: %s\n", b->name, b->command[0]);
	else
		printf("  %-12s on   %s\n", b->name, b->url);
}

/* A model that a first-time user may ask for. */
static const char *
example_model(const struct conf *c)
{
	if (c->default_model != NULL)
		return c->default_model->name;
	for (size_t i = 0; i < c->n_models; i++)
		if (strcmp(c->models[i].name, "*") != 0)
			return c->models[i].name;
	return "MODEL";
}

static void
print_examples(const struct conf *c, const char *base, const char *key)
{
	printf("\n  curl -N %s/chat/completions -H 'content-type: "
	       "application/json'%s \\\n"
	       "    -d '{\"model\":\"%s\",\"stream\":true,\"messages\":"
	       "[{\"role\":\"user\",\"content\":\"Name three colours.\"}]}'\n",
	    base, c->n_tenants > 0 ? " -H 'authorization: Bearer KEY'" : "",
	    example_model(c));
	printf("\n  client = OpenAI(base_url=\"%s\", api_key=\"%s\")\n\n", base,
	    key);
}

void
banner_print(const struct app *app)
{
	const struct conf *c = app->conf;
	char base[160];

	if (c->listen.path != NULL) {
		printf("pointsman %s on unix:%s\n\n", POINTSMAN_VERSION,
		    c->listen.path);
	} else {
		snprintf(base, sizeof(base), "%s://%s:%u/v1",
		    c->tls.certificate != NULL ? "https" : "http",
		    c->listen.address, c->listen.port);
		printf("pointsman %s: %s\n\n", POINTSMAN_VERSION, base);
	}
	for (size_t i = 0; i < c->n_backends; i++)
		print_backend(&c->backends[i]);
	if (c->listen.path == NULL)
		print_examples(c, base, c->n_tenants > 0 ? "KEY" : "none");
	fflush(stdout);
}
