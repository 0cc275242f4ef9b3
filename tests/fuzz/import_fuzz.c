/* tests/fuzz/import_fuzz.c - whatever stands in another gateway's
 * configuration.
 *
 * It is carried over or refused with a reason; each note is a line that names
 * the file. What is written is read again without a mistake in its syntax: no
 * text of the file gets out of its quotes. Where it does not load that is
 * said. */
#include <string.h>

#include "backends/backend.h"
#include "gateway/conf/conf.h"
#include "gateway/import/import.h"
#include "tests/fuzz/file.h"

static void
check_notes(struct slice notes, const char *path)
{
	struct slice line;

	FUZZ_REQUIRE(notes.n == 0 || notes.p[notes.n - 1] == '\n');
	while (slice_next(&notes, '\n', &line))
		FUZZ_REQUIRE(line.n == 0 || slice_starts(line, slice_of(path)));
}

/* Of a complaint: FILE:LINE: syntax error: ... */
static bool
about_syntax(struct slice line, const char *path)
{
	static const char what[] = ": syntax error: ";
	size_t at = strlen(path) + 1;

	if (line.n <= at || !slice_starts(line, slice_of(path)))
		return false;
	while (at < line.n && line.p[at] >= '0' && line.p[at] <= '9')
		at++;
	return slice_starts(
	    slice_make(line.p + at, line.n - at), slice_of(what));
}

/* Of the tenant's key: the only mistake that an import leaves unsaid. */
static bool
about_environment(struct slice line)
{
	static const char what[] = "to be set in the environment";

	return memmem(line.p, line.n, what, strlen(what)) != NULL;
}

static bool
is_warning(struct slice line)
{
	static const char what[] = ": warning: ";

	return memmem(line.p, line.n, what, strlen(what)) != NULL;
}

/* good: that it loads has been said. */
static void
check_conf(struct slice text, bool good)
{
	const char *path = fuzz_file(text);
	struct conf_adapter adapters[BACKENDS_MAX];
	struct conf_env env = backend_conf_env(adapters);
	struct conf *conf = NULL;
	struct complaints c;
	struct slice rest, line;
	enum err rc;

	complaints_init(&c);
	rc = conf_load(path, &env, NULL, &conf, &c);
	FUZZ_REQUIRE(rc == OK || rc == ERR_INVALID);
	rest = buf_slice(&c.text);
	while (slice_next(&rest, '\n', &line)) {
		FUZZ_REQUIRE(!about_syntax(line, path));
		FUZZ_REQUIRE(!good || line.n == 0 || is_warning(line) ||
		    about_environment(line));
	}
	conf_unref(&conf);
	complaints_fini(&c);
}

FUZZ_LIBCONFIG_LEAKS

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(slice_make((const char *)data, size));
	struct imported i;
	struct errmsg why = { "" };
	enum err rc;

	imported_init(&i);
	rc = import_litellm(path, &i, &why);
	FUZZ_REQUIRE((rc == OK) == (why.text[0] == '\0'));
	check_notes(buf_slice(&i.notes), path);
	if (rc == OK)
		check_conf(buf_slice(&i.conf), i.errors == 0);
	imported_fini(&i);
	return 0;
}
