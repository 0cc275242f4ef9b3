/* tests/fuzz/conf_fuzz.c - whatever stands in a gateway.conf.
 *
 * It is loaded or complained about, never both and never neither; each
 * complaint names the file. What is loaded can be shown, and loading it again
 * gives everything the same ids. */
#include <jansson.h>
#include <string.h>

#include "backends/backend.h"
#include "tests/fuzz/file.h"

#define DUMP_MAX ((size_t)16 << 20)

static void
check_complaints(const struct complaints *c, const char *path)
{
	struct slice rest = buf_slice(&c->text), line;

	/* a line may go on below where a value in it has a newline */
	if (c->errors + c->warnings == 0)
		FUZZ_REQUIRE(rest.n == 0);
	else
		FUZZ_REQUIRE(slice_next(&rest, '\n', &line) &&
		    slice_starts(line, slice_of(path)));
}

static void
check_dump(const struct conf *conf)
{
	struct buf out;
	json_t *json;

	buf_init(&out, DUMP_MAX);
	conf_dump(conf, &out);
	FUZZ_REQUIRE(buf_err(&out) == OK);
	json = json_loadb(out.p, out.n, 0, NULL);
	FUZZ_REQUIRE(json != NULL);
	json_decref(json);
	buf_fini(&out);
}

static void
check_reload(const struct conf *was, const char *path, const struct conf_env *e)
{
	struct complaints c;
	struct conf *now = NULL;
	struct buf names;

	complaints_init(&c);
	FUZZ_REQUIRE(conf_load(path, e, was, &now, &c) == OK);
	FUZZ_REQUIRE(now->n_servings == was->n_servings &&
	    now->next_serving_id == was->next_serving_id);
	for (size_t i = 0; i < now->n_servings; i++)
		FUZZ_REQUIRE(now->servings[i].id == was->servings[i].id);
	buf_init(&names, 4096);
	conf_restart_needed(was, now, &names);
	FUZZ_REQUIRE(names.n == 0);
	buf_fini(&names);
	conf_unref(&now);
	complaints_fini(&c);
}

FUZZ_LIBCONFIG_LEAKS

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(slice_make((const char *)data, size));
	struct conf_adapter adapters[BACKENDS_MAX];
	struct conf_env env = backend_conf_env(adapters);
	struct conf *conf = NULL;
	struct complaints c;
	enum err rc;

	complaints_init(&c);
	rc = conf_load(path, &env, NULL, &conf, &c);
	FUZZ_REQUIRE((rc == OK) == (conf != NULL));
	FUZZ_REQUIRE((rc == OK) == (c.errors == 0));
	check_complaints(&c, path);
	if (conf != NULL) {
		check_dump(conf);
		check_reload(conf, path, &env);
	}
	conf_unref(&conf);
	complaints_fini(&c);
	return 0;
}
