/* gateway/conf/testing.h - for this folder's unit tests: configurations from
 * text, and what they are said to be wrong about. */
#ifndef GATEWAY_CONF_TESTING_H
#define GATEWAY_CONF_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Ours first: cmocka makes a macro of fail. */
#include "gateway/conf/conf.h"
#include "gateway/lib/buf.h"
#include "gateway/lib/count.h"

#include <cmocka.h>

/* A line each, so that what a test adds after them starts on line 3. */
#define BACKENDS                                                               \
	"backends = ( { name = \"gpu\"; adapter = \"vllm\"; region = \"eu\";"  \
	" url = \"http://127.0.0.1:8000/v1\"; price = { hourly = 1; }; } );\n"
#define MODELS                                                                 \
	"models = ( { name = \"gemma\"; aliases = [ \"g\" ];"                  \
	" serve = ( { backend = \"gpu\"; } ); } );\n"
#define BASE BACKENDS MODELS

static const struct conf_adapter test_adapters[] = {
	{ "openai", "https://api.openai.com/v1", true, 0 },
	{ "cerebras", "https://api.cerebras.ai/v1", true, 0 },
	{ "vllm", NULL, false, 0 },
	{ "llamacpp", NULL, false, 0 },
	{ "ollama", "http://127.0.0.1:11434/v1", false, CAP_CHAT },
};
static const struct conf_env test_env = { .adapters = test_adapters,
	.n_adapters = COUNT(test_adapters) };

/* A folder with a gateway.conf in it, and what came of loading it. */
struct fixture {
	char folder[64], path[96];
	enum err rc;
	struct conf *conf; /* NULL where it failed */
	struct complaints complaints;
	char *text; /* of the complaints */
};

static inline void
fixture_write(const struct fixture *f, const char *name, const char *text)
{
	char path[192];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static inline void
fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .folder = "/tmp/pointsman-conf-XXXXXX" };
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/gateway.conf", f->folder);
}

static inline void
fixture_load(struct fixture *f, const char *text, const struct conf *previous)
{
	size_t n;

	fixture_write(f, "gateway.conf", text);
	complaints_init(&f->complaints);
	f->rc =
	    conf_load(f->path, &test_env, previous, &f->conf, &f->complaints);
	assert_true((f->rc == OK) == (f->conf != NULL));
	assert_true((f->rc == OK) == (f->complaints.errors == 0));
	f->text = buf_take(&f->complaints.text, &n);
	complaints_fini(&f->complaints);
}

static inline void
fixture_fini(struct fixture *f)
{
	unlink(f->path);
	rmdir(f->folder);
	conf_unref(&f->conf);
	free(f->text);
}

/* Whether one of the complaints is "FOLDER/" and exactly that. */
static inline bool
fixture_says(const struct fixture *f, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = f->text; (p = strstr(p, line)) != NULL; p++)
		if (p > f->text && p[-1] == '/' && p[n] == '\n')
			return true;
	print_message("want: %s\nsaid: %s", line, f->text);
	return false;
}

/* The text loads, with that many warnings. */
static inline void
assert_loads(struct fixture *f, const char *text, size_t warnings)
{
	fixture_init(f);
	fixture_load(f, text, NULL);
	if (f->rc != OK || f->complaints.warnings != warnings)
		print_message("%s", f->text);
	assert_int_equal(f->rc, OK);
	assert_int_equal(f->complaints.warnings, warnings);
}

/* The caller frees it. */
static inline char *
read_whole(const char *path)
{
	FILE *f = fopen(path, "r");
	struct buf b;
	int c;

	assert_non_null(f);
	buf_init(&b, 1 << 20);
	while ((c = fgetc(f)) != EOF)
		buf_add_char(&b, (char)c);
	fclose(f);
	return buf_take(&b, NULL);
}

/* The text has exactly one error, and this is what is said of it. */
static inline void
assert_refused(const char *text, const char *complaint)
{
	struct fixture f;

	fixture_init(&f);
	fixture_load(&f, text, NULL);
	assert_true(fixture_says(&f, complaint));
	assert_int_equal(f.complaints.errors, 1);
	fixture_fini(&f);
}

/* The text loads, and this is said of it. */
static inline void
assert_warned(const char *text, const char *complaint)
{
	struct fixture f;

	assert_loads(&f, text, 1);
	assert_true(fixture_says(&f, complaint));
	fixture_fini(&f);
}

#endif
