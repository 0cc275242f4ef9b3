/* tests/fuzz/dialect_fuzz.c - no body upsets a dialect.
 *
 * The first byte picks the dialect. A refusal can be explained to the client,
 * what is accepted has facts that hold together, and no member that decides
 * where a request goes has come twice, however it was spelt. */
#include <jansson.h>
#include <string.h>

#include "gateway/dialects/dialect.h"
#include "tests/fuzz/fuzz.h"

static void
check_refusal(const struct dialect_ops *ops, const struct dialect_error *why)
{
	const struct error_reply reply = {
		.status = why->status,
		.type = "invalid_request_error",
		.code = why->code,
		.param = why->param,
		.message = why->message,
	};
	struct buf out;
	json_t *json;

	FUZZ_REQUIRE(why->status == 400 && why->message[0] != '\0');
	buf_init(&out, 1u << 14);
	ops->render_error(&reply, &out);
	json = json_loadb(out.p, out.n, 0, NULL);
	FUZZ_REQUIRE(json != NULL);
	json_decref(json);
	buf_reset(&out);
	ops->render_error_event(&reply, &out);
	FUZZ_REQUIRE(buf_err(&out) == OK);
	buf_fini(&out);
}

static void
check_request(const struct dialect_ops *ops, struct slice body,
    const struct dialect_request *r)
{
	const struct facts *f = &r->facts;

	FUZZ_REQUIRE(f->dialect == ops->id);
	FUZZ_REQUIRE((f->needs & dialect_cap(ops->id)) != 0);
	FUZZ_REQUIRE((f->needs & ~CAP_ALL) == 0);
	/* a token takes two bytes at least and counts as four */
	FUZZ_REQUIRE(f->prompt_bytes <= 2 * body.n);
	FUZZ_REQUIRE(r->n_members <= DIALECT_MEMBERS_MAX);
	FUZZ_REQUIRE(f->model.n == strlen(r->model_name) || f->model.n == 0);
	FUZZ_REQUIRE(f->model.n == 0 || r->model != NULL);
	if (r->model != NULL)
		FUZZ_REQUIRE(r->model->whole.p > body.p &&
		    r->model->whole.p < body.p + body.n);
}

/* Names are compared as another reader of JSON unescapes them. */
static void
check_twice(const struct dialect_request *r)
{
	static const char *const names[] = { "model", "stream" };
	unsigned seen[2] = { 0 };
	json_t *name;

	for (size_t i = 0; i < r->n_members; i++) {
		struct slice key = r->members[i].key;

		name = json_loadb(key.p - 1, key.n + 2,
		    JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		FUZZ_REQUIRE(json_is_string(name));
		for (size_t k = 0; k < 2; k++)
			seen[k] += slice_is(slice_make(json_string_value(name),
						json_string_length(name)),
			    names[k]);
		json_decref(name);
	}
	FUZZ_REQUIRE(seen[0] <= 1);
	/* those without streams do not read it */
	FUZZ_REQUIRE(seen[1] <= 1 || !dialect_writes_text(r->facts.dialect));
}

/* A few bytes at a time it says the same. */
static void
check_parts(
    const struct dialect_ops *ops, struct slice body, const struct facts *want)
{
	static struct dialect_request r;
	struct dialect_reader *d = dialect_begin(ops, body, &r);
	struct dialect_error why;

	FUZZ_REQUIRE(d != NULL);
	while (dialect_more(d, 3))
		continue;
	FUZZ_REQUIRE(dialect_end(d, &why) == OK);
	FUZZ_REQUIRE(r.facts.prompt_bytes == want->prompt_bytes);
	FUZZ_REQUIRE(r.facts.needs == want->needs);
	dialect_free(&d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dialect_ops *ops;
	struct dialect_request r;
	struct dialect_error why = { 0 };
	struct slice body;

	if (size == 0)
		return 0;
	/* those before it have a body */
	ops = dialect_get((enum dialect)(data[0] % DIALECT_REALTIME));
	body = slice_make((const char *)data + 1, size - 1);
	if (dialect_read(ops, body, &r, &why) == OK) {
		check_parts(ops, body, &r.facts);
		check_request(ops, body, &r);
		check_twice(&r);
	} else {
		check_refusal(ops, &why);
	}
	return 0;
}
