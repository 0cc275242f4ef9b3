/* tests/fuzz/form_fuzz.c - from a client's form to a backend's.
 *
 * The first line is the content-type. What is taken arrives as the same parts
 * in the same order, with the backend's own name of the model in the one of
 * that name, or in one more at the end. */
#include <string.h>

#include "backends/backend.h"
#include "gateway/dialects/dialect.h"
#include "gateway/dialects/multipart.h"
#include "tests/fuzz/fuzz.h"

#define NAME "org/up-1.0"

static void
check_refusal(const struct dialect_error *why)
{
	FUZZ_REQUIRE(why->status == 400 && why->code != NULL);
	FUZZ_REQUIRE(why->message[0] != '\0');
}

static void
flatten(const struct encoded *e, struct buf *all)
{
	struct slice pieces[EDITS_PIECES_MAX];
	size_t total, n = edits_pieces(&e->body, pieces, &total);

	buf_init(all, total);
	for (size_t i = 0; i < n; i++)
		buf_add(all, pieces[i]);
	FUZZ_REQUIRE(all->n == total);
}

static void
compare(struct slice type, struct slice was, struct slice now)
{
	struct multipart a, b;
	struct multipart_part p, q;
	struct errmsg why;
	bool named = false;
	enum err rc;

	FUZZ_REQUIRE(multipart_begin(&a, type, was, &why) == OK);
	FUZZ_REQUIRE(multipart_begin(&b, type, now, &why) == OK);
	while ((rc = multipart_next(&a, &p, &why)) == OK) {
		FUZZ_REQUIRE(multipart_next(&b, &q, &why) == OK);
		FUZZ_REQUIRE(slice_eq(p.name, q.name) && p.file == q.file);
		if (slice_is(p.name, "model")) {
			FUZZ_REQUIRE(!named && slice_is(q.value, NAME));
			named = true;
		} else {
			FUZZ_REQUIRE(slice_eq(p.value, q.value));
		}
	}
	FUZZ_REQUIRE(rc == ERR_NOT_FOUND);
	if (!named) {
		FUZZ_REQUIRE(multipart_next(&b, &q, &why) == OK);
		FUZZ_REQUIRE(slice_is(q.name, "model"));
		FUZZ_REQUIRE(slice_is(q.value, NAME));
	}
	FUZZ_REQUIRE(multipart_next(&b, &q, &why) == ERR_NOT_FOUND);
}

static void
encode(struct slice type, struct slice body, const struct dialect_request *r)
{
	struct conf_backend backend = { .name = "b", .adapter = "openai" };
	struct conf_serving serving = { .backend = &backend, .upstream = NAME };
	const struct backend_ops *ops = backend_find(SLICE("openai"));
	struct encode_in in = { .ops = ops,
		.dialect = r->facts.dialect,
		.path = "/path",
		.facts = &r->facts,
		.body = body,
		.form_type = type,
		.form_model = r->form_model,
		.form_end = r->form_end,
		.serving = &serving,
		.model_name = SLICE(NAME) };
	struct errmsg why = { "" };
	struct encoded out;
	struct buf all;

	encoded_init(&out);
	FUZZ_REQUIRE(backend_encode(&in, &out, &why) == OK);
	FUZZ_REQUIRE(slice_find(buf_slice(&out.headers), '\r') < 0);
	flatten(&out, &all);
	compare(type, body, buf_slice(&all));
	buf_fini(&all);
	encoded_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = slice_make((const char *)data, size), type;
	struct dialect_error why = { 0 };
	struct dialect_request r;

	if (!slice_next(&body, '\n', &type) || body.p == NULL)
		return 0;
	if (dialect_parse_form(DIALECT_TRANSCRIPTION, type, body, &r, &why) ==
	    OK)
		encode(type, body, &r);
	else
		check_refusal(&why);
	return 0;
}
