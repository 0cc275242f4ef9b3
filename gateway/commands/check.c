/* gateway/commands/check.c - `pointsman check`: is the configuration good, and,
 * with --live, is every backend? */
#include <stdio.h>

#include "backends/backend.h"
#include "gateway/commands/check_live.h"
#include "gateway/commands/command.h"
#include "gateway/commands/places.h"
#include "gateway/secrecy.h"

/* A backend that is off is no mistake, but whoever mistyped the name of a
 * variable hears of it nowhere else. */
static void
report_off(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_backends; i++) {
		const struct conf_backend *b = &conf->backends[i];

		if (b->off != NULL)
			fprintf(stderr, "%s:%d: off: backends.%s: %s\n",
			    conf->path, b->off_line, b->name, b->off);
	}
}

static void
report_text(const struct conf *conf, enum err rc, const struct complaints *c)
{
	fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&c->text)));
	if (rc != OK) {
		fprintf(
		    stderr, "%zu error%s\n", c->errors, command_s(c->errors));
		return;
	}
	report_off(conf);
	printf("%s is good: %zu backend%s, %zu model%s, %zu serving%s, %zu "
	       "tenant%s",
	    conf->path, conf->n_backends, command_s(conf->n_backends),
	    conf->n_models, command_s(conf->n_models), conf->n_servings,
	    command_s(conf->n_servings), conf->n_tenants,
	    command_s(conf->n_tenants));
	if (c->warnings > 0)
		printf("; %zu warning%s", c->warnings, command_s(c->warnings));
	putchar('\n');
}

/* conf NULL: there is none. */
static void
add_off(const struct conf *conf, struct buf *text)
{
	const char *comma = "";

	for (size_t i = 0; conf != NULL && i < conf->n_backends; i++) {
		const struct conf_backend *b = &conf->backends[i];

		if (b->off == NULL)
			continue;
		buf_addf(text, "%s{\"backend\":", comma);
		buf_add_json(text, slice_of(b->name));
		buf_addf(text, ",\"line\":%d,\"why\":", b->off_line);
		buf_add_json(text, slice_of(b->off));
		buf_add_str(text, "}");
		comma = ",";
	}
}

/* live: an array of JSON, or empty. */
static void
report_json(const struct conf *conf, bool good, const struct complaints *c,
    struct slice live)
{
	struct buf text;

	buf_init(&text, SIZE_MAX);
	buf_addf(&text,
	    "{\"good\":%s,\"errors\":%zu,\"warnings\":%zu,\"complaints\":",
	    good ? "true" : "false", c->errors, c->warnings);
	buf_add_json(&text, buf_slice(&c->text));
	buf_add_str(&text, ",\"off\":[");
	add_off(conf, &text);
	buf_add_str(&text, "]");
	if (live.n > 0)
		buf_addf(&text, ",\"live\":%.*s", SLICE_ARG(live));
	buf_add_str(&text, "}");
	printf("%.*s\n", SLICE_ARG(buf_slice(&text)));
	buf_fini(&text);
}

/* A configuration that is not good has nobody to be asked. */
static int
report(const struct conf *conf, enum err rc, const struct complaints *c,
    bool live, bool json)
{
	bool good = rc == OK;
	struct buf rows;

	buf_init(&rows, SIZE_MAX);
	if (!json)
		report_text(conf, rc, c);
	if (good && live)
		good = check_live(conf, json ? &rows : NULL);
	if (buf_err(&rows) != OK) {
		good = false;
		buf_reset(&rows);
	}
	if (json)
		report_json(conf, good, c, buf_slice(&rows));
	buf_fini(&rows);
	return good ? EXIT_GOOD : EXIT_BAD;
}

int
command_check(int argc, char **argv)
{
	const char *path = "gateway.conf";
	bool live = false, json = false;
	const struct command_option options[] = {
		{ "config", 'c', "FILE", "default: gateway.conf", &path, NULL },
		{ "live", 0, NULL,
		    "ask every backend: key, model, time to first token", NULL,
		    &live },
		{ "json", 0, NULL, "as JSON", NULL, &json },
	};
	int code;
	struct conf_adapter adapters[BACKENDS_MAX];
	struct conf_env env = backend_conf_env(adapters);
	struct complaints c;
	struct conf *conf = NULL;
	enum err rc;

	if (!command_only_options(argc, argv, "pointsman check [OPTION]...",
		COMMAND_OPTIONS(options), &code))
		return code;
	env.look = places_look;
	secrecy_begin();
	complaints_init(&c);
	rc = conf_load(path, &env, NULL, &conf, &c);
	code = report(conf, rc, &c, live, json);
	command_hint_config(path);
	conf_unref(&conf);
	complaints_fini(&c);
	return code;
}
