/* tests/fuzz/encode_fuzz.c - from a client's body to a backend's.
 *
 * The first byte picks the dialect, the second the adapter, the third whether
 * usage is asked for and whether there is a cap. What is taken from the client
 * arrives as JSON with the backend's own name of the model in it, and with
 * every other member as it was, but for those that this backend does not take,
 * stream_options and, under a cap, lengths without an end. */
#include <jansson.h>
#include <string.h>

#include "backends/backend.h"
#include "gateway/dialects/dialect.h"
#include "tests/fuzz/fuzz.h"

#define NAME "up/\"stream\"\\"
#define CAP 50 /* tokens */

static json_t *
flatten(const struct encoded *e)
{
	struct slice pieces[EDITS_PIECES_MAX];
	size_t total, n = edits_pieces(&e->body, pieces, &total);
	json_t *json;
	struct buf all;

	buf_init(&all, total);
	for (size_t i = 0; i < n; i++) {
		FUZZ_REQUIRE(pieces[i].n > 0);
		buf_add(&all, pieces[i]);
	}
	FUZZ_REQUIRE(all.n == total);
	json = json_loadb(all.p, all.n, JSON_ALLOW_NUL, NULL);
	buf_fini(&all);
	return json;
}

static bool
is_stripped(const struct backend_ops *ops, const char *name)
{
	const char *const *s = ops->strip;

	for (; s != NULL && *s != NULL; s++)
		if (strcmp(*s, name) == 0)
			return true;
	return ops->lacks_base64 && strcmp(name, "encoding_format") == 0;
}

static bool
is_length(const char *name)
{
	return strcmp(name, "max_tokens") == 0 ||
	    strcmp(name, "max_completion_tokens") == 0 ||
	    strcmp(name, "max_output_tokens") == 0 ||
	    strcmp(name, "n_predict") == 0;
}

static bool
is_as_it_should_be(bool capped, const char *name, json_t *was, json_t *now)
{
	if (strcmp(name, "model") == 0 || strcmp(name, "stream_options") == 0)
		return true;
	if (capped && is_length(name) && json_integer_value(now) == CAP)
		return true;
	return json_equal(was, now) &&
	    !(capped && is_length(name) && json_is_number(was) &&
		json_number_value(was) < 1);
}

/* Under a cap one name may have become another. */
static json_t *
was_of(const json_t *was, const json_t *now, const char *name)
{
	const char *newer = "max_completion_tokens";

	if (strcmp(name, "max_tokens") == 0 &&
	    json_object_get(was, name) == NULL &&
	    json_object_get(now, newer) == NULL)
		name = newer;
	return json_object_get(was, name);
}

static bool
may_be_gone(const struct backend_ops *ops, bool capped, const char *name,
    const json_t *now)
{
	return is_stripped(ops, name) ||
	    (capped && strcmp(name, "max_completion_tokens") == 0 &&
		json_object_get(now, "max_tokens") != NULL);
}

static void
compare(
    const struct backend_ops *ops, bool capped, const json_t *was, json_t *now)
{
	const char *name;
	json_t *value;

	FUZZ_REQUIRE(json_is_object(now));
	FUZZ_REQUIRE(strcmp(json_string_value(json_object_get(now, "model")),
			 NAME) == 0);
	json_object_foreach (now, name, value)
		FUZZ_REQUIRE(is_as_it_should_be(
		    capped, name, was_of(was, now, name), value));
	for (void *i = json_object_iter((json_t *)(uintptr_t)was); i != NULL;
	     i = json_object_iter_next((json_t *)(uintptr_t)was, i))
		FUZZ_REQUIRE(
		    may_be_gone(ops, capped, json_object_iter_key(i), now) ||
		    json_object_get(now, json_object_iter_key(i)) != NULL);
}

static void
check_encoded(const struct encoded *e)
{
	struct slice rest = buf_slice(&e->headers), line, name;

	FUZZ_REQUIRE(buf_err(&e->headers) == OK && e->path[0] == '/');
	FUZZ_REQUIRE(slice_find(rest, '\r') < 0);
	while (slice_next(&rest, '\n', &line))
		FUZZ_REQUIRE(line.n == 0 ||
		    (slice_next(&line, ':', &name) && name.n > 0));
}

static void
fuzz_encode(const struct backend_ops *ops, struct slice body, uint8_t flags,
    const struct dialect_request *r)
{
	bool capped = (flags & 2) != 0 && dialect_writes_text(r->facts.dialect);
	struct conf_backend backend = {
		.name = "b", .adapter = ops->name, .api_key = "key"
	};
	struct conf_serving serving = { .backend = &backend, .upstream = NAME };
	struct encode_in in = { .ops = ops,
		.dialect = r->facts.dialect,
		.path = "/path",
		.facts = &r->facts,
		.body = body,
		.members = r->members,
		.n_members = r->n_members,
		.model = r->model,
		.serving = &serving,
		.model_name = SLICE(NAME),
		.want_usage = (flags & 1) != 0,
		.max_tokens = capped ? CAP : 0 };
	json_t *was = json_loadb(body.p, body.n, JSON_ALLOW_NUL, NULL), *now;
	struct errmsg why = { "" };
	struct encoded out;

	encoded_init(&out);
	if (backend_encode(&in, &out, &why) == OK) {
		check_encoded(&out);
		now = flatten(&out);
		if (was != NULL) /* else a number that is too large for it */
			compare(ops, capped, was, now);
		json_decref(now);
	}
	encoded_fini(&out);
	json_decref(was);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dialect_request r;
	struct dialect_error why;
	struct slice body;
	size_t n;
	const struct backend_ops *const *all = backend_all(&n);
	const struct dialect_ops *ops;

	if (size < 3)
		return 0;
	/* those before it have a body */
	ops = dialect_get((enum dialect)(data[0] % DIALECT_REALTIME));
	body = slice_make((const char *)data + 3, size - 3);
	if (dialect_read(ops, body, &r, &why) == OK)
		fuzz_encode(all[data[1] % n], body, data[2], &r);
	return 0;
}
