/* gateway/banner.c - what `serve` says once it is ready. */
#include "gateway/banner.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/lib/log.h"

static void
print_backend(FILE *out, const struct conf_backend *b)
{
	if (b->off != NULL)
		fprintf(out, "  %-12s off  %s\n", b->name, b->off);
	else if (b->command != NULL)
		fprintf(out, "  %-12s on   started here: %s\n", b->name,
		    b->command[0]);
	else
		fprintf(out, "  %-12s on   %s\n", b->name, b->url);
}

/* A model that a first-time user may ask for. */
static const char *
example_model(const struct conf *c)
{
	if (c->default_model != NULL)
		return c->default_model->name;
	for (size_t i = 0; i < c->n_models; i++)
		if (!conf_is_pattern(c->models[i].name))
			return c->models[i].name;
	return "MODEL";
}

static void
print_examples(
    FILE *out, const struct conf *c, const char *base, const char *key)
{
	fprintf(out,
	    "\n  curl -N %s/chat/completions -H 'content-type: "
	    "application/json'%s \\\n"
	    "    -d '{\"model\":\"%s\",\"stream\":true,\"messages\":"
	    "[{\"role\":\"user\",\"content\":\"Name three colours.\"}]}'\n",
	    base, c->n_tenants > 0 ? " -H 'authorization: Bearer KEY'" : "",
	    example_model(c));
	fprintf(out, "\n  client = OpenAI(base_url=\"%s\", api_key=\"%s\")\n\n",
	    base, key);
}

/* What a client here may use. */
static void
base_url(const struct conf *c, char *out, size_t size)
{
	const char *host =
	    conf_listen_is_any(&c->listen) ? "localhost" : c->listen.address;

	snprintf(out, size,
	    strchr(host, ':') != NULL ? "%s://[%s]:%u/v1" : "%s://%s:%u/v1",
	    c->tls.certificate != NULL ? "https" : "http", host,
	    c->listen.port);
}

static void
print(FILE *out, const struct app *app)
{
	const struct conf *c = app->conf;
	char base[160];

	if (c->listen.path != NULL) {
		fprintf(out, "pointsman %s on unix:%s\n\n", POINTSMAN_VERSION,
		    c->listen.path);
	} else {
		base_url(c, base, sizeof(base));
		fprintf(out, "pointsman %s%s: %s\n\n", POINTSMAN_VERSION,
		    conf_listen_is_any(&c->listen) ? " on all addresses" : "",
		    base);
	}
	for (size_t i = 0; i < c->n_backends; i++)
		print_backend(out, &c->backends[i]);
	if (c->listen.path == NULL)
		print_examples(out, c, base, c->n_tenants > 0 ? "KEY" : "none");
}

/* Whoever holds a full pipe there and does not read it gets what fits: to wait
 * for him would keep the main thread from all else. */
void
banner_print(const struct app *app)
{
	size_t n = 0, piece;
	char *text = NULL, *p;
	ssize_t written = 1;
	FILE *out = open_memstream(&text, &n);

	if (out == NULL)
		return;
	print(out, app);
	if (fclose(out) == 0)
		for (p = text; n > 0 && written > 0; p += written) {
			piece = n < PIPE_BUF ? n : PIPE_BUF;
			written = log_write(STDOUT_FILENO, p, piece);
			n -= written > 0 ? (size_t)written : 0;
		}
	free(text);
}
