/* tests/fuzz/dialect_fuzz.c - no body upsets a dialect.
 *
 * The first byte picks the dialect. A refusal can be explained to the client,
 * and what is accepted has facts that hold together. */
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dialect_ops *ops;
	struct dialect_request r;
	struct dialect_error why = { 0 };
	struct slice body;

	if (size == 0)
		return 0;
	ops = dialect_get((enum dialect)(data[0] % DIALECT_COUNT));
	body = slice_make((const char *)data + 1, size - 1);
	if (ops->parse(body, &r, &why) == OK)
		check_request(ops, body, &r);
	else
		check_refusal(ops, &why);
	return 0;
}
