/* gateway/dialects/fields_test.c - what is read of every request. */
#include "gateway/dialects/dialect_test.h"

#include <string.h>

#include "gateway/lib/count.h"

#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

/* A good chat request with more members. */
#define CHAT(more) "{" HELLO more "}"

static void
bad_json_is_refused_with_its_place(void **state)
{
	struct dialect_request r;
	struct dialect_error why;

	assert_int_not_equal(dialect_read(dialect_get(DIALECT_CHAT),
				 SLICE("{\n\"model\":\"m\",}"), &r, &why),
	    OK);
	assert_string_equal(why.code, "invalid_json");
	assert_null(why.param);
	assert_non_null(strstr(why.message, "line 2, column 13"));
	assert_complaint(DIALECT_CHAT, "", "- invalid_json");
	assert_complaint(DIALECT_CHAT, "[]", "- invalid_type");
	assert_complaint(DIALECT_EMBEDDINGS, "\"x\"", "- invalid_type");
}

/* Of `json`, which is long, with `end` behind it. */
static enum err
read_in_slices(const char *json, const char *end, struct dialect_request *r,
    struct dialect_error *why)
{
	const struct dialect_ops *chat = dialect_get(DIALECT_CHAT);
	struct buf body;
	struct dialect_reader *d;
	unsigned n = 1;
	enum err rc;

	buf_init(&body, 3 * SCAN_SLICE);
	buf_add_str(&body, json);
	while (body.n < 2 * SCAN_SLICE)
		buf_add_str(&body, "[1, {}], ");
	buf_add_str(&body, end);
	d = dialect_begin(chat, buf_slice(&body), r);
	assert_non_null(d);
	while (dialect_more(d, SCAN_SLICE))
		n++;
	assert_in_range(n, 3, 4);
	rc = dialect_end(d, why);
	dialect_free(&d);
	buf_fini(&body);
	return rc;
}

static void
slices_mean_what_the_whole_does(void **state)
{
	const char *begin = CHAT(",\"max_tokens\":7,\"x\":[");
	struct dialect_request r;
	struct dialect_error why;
	char json[128];

	snprintf(json, sizeof(json), "%.*s", (int)strlen(begin) - 1, begin);
	assert_int_equal(read_in_slices(json, "0]}", &r, &why), OK);
	assert_int_equal(r.n_members, 3);
	assert_int_equal(r.facts.max_tokens, 7);
	assert_int_equal(read_in_slices(json, "\n0]]", &r, &why), ERR_INVALID);
	assert_string_equal(why.code, "invalid_json");
	assert_non_null(strstr(why.message, "byte 1048"));
	assert_int_equal(read_in_slices("[", "0]", &r, &why), ERR_INVALID);
	assert_string_equal(why.code, "invalid_type");
}

static void
a_member_that_is_read_may_come_once(void **state)
{
	assert_complaint(DIALECT_CHAT,
	    CHAT(",\"model\":\"a\",\"mod\\u0065l\":\"b\""),
	    "model duplicate_member");
	assert_complaint(
	    DIALECT_CHAT, CHAT("," HELLO), "messages duplicate_member");
	assert_complaint(DIALECT_CHAT, CHAT(",\"stream\":null,\"stream\":true"),
	    "stream duplicate_member");
	assert_complaint(DIALECT_CHAT,
	    CHAT(",\"stream_options\":{\"include_usage\":false,"
		 "\"include_usage\":true}"),
	    "stream_options.include_usage duplicate_member");
	assert_complaint(DIALECT_CHAT, CHAT(",\"seed\":1,\"seed\":2"), "fine");
	assert_complaint(DIALECT_EMBEDDINGS,
	    "{\"input\":\"a\",\"stream\":1,\"stream\":2}", "fine");
}

/* What tools say may have one; the model's name may not. */
static void
a_nul_is_text_but_no_name(void **state)
{
	assert_complaint(DIALECT_CHAT, CHAT(",\"user\":\"a\\u0000b\""), "fine");
	assert_complaint(DIALECT_EMBEDDINGS,
	    "{\"input\":\"a\",\"model\":\"a\\u0000b\"}", "model invalid_value");
}

static void
wrong_types_are_refused_by_name(void **state)
{
	static const struct {
		enum dialect d;
		const char *body, *want;
	} cases[] = {
		{ DIALECT_CHAT, CHAT(",\"model\":1"), "model invalid_type" },
		{ DIALECT_CHAT, CHAT(",\"stream\":\"true\""),
		    "stream invalid_type" },
		{ DIALECT_CHAT, CHAT(",\"stream_options\":[]"),
		    "stream_options invalid_type" },
		{ DIALECT_CHAT,
		    CHAT(",\"stream_options\":{\"include_usage\":1}"),
		    "stream_options.include_usage invalid_type" },
		{ DIALECT_CHAT, CHAT(",\"max_tokens\":\"9\""),
		    "max_tokens invalid_type" },
		{ DIALECT_CHAT, CHAT(",\"max_completion_tokens\":1.5"),
		    "max_completion_tokens invalid_type" },
		{ DIALECT_CHAT, CHAT(",\"tools\":{}"), "tools invalid_type" },
		{ DIALECT_CHAT, CHAT(",\"response_format\":\"json\""),
		    "response_format invalid_type" },
		{ DIALECT_CHAT, "{\"messages\":\"hi\"}",
		    "messages invalid_type" },
		{ DIALECT_CHAT, "{\"messages\":[\"hi\"]}",
		    "messages invalid_type" },
		{ DIALECT_COMPLETIONS, "{\"prompt\":1}",
		    "prompt invalid_type" },
		{ DIALECT_COMPLETIONS, "{\"prompt\":[{}]}",
		    "prompt invalid_type" },
		{ DIALECT_EMBEDDINGS, "{\"input\":[\"a\",true]}",
		    "input invalid_type" },
		{ DIALECT_EMBEDDINGS, "{\"input\":\"\",\"encoding_format\":1}",
		    "encoding_format invalid_type" },
		{ DIALECT_RESPONSES, "{\"input\":1}", "input invalid_type" },
		{ DIALECT_RESPONSES, "{\"background\":1}",
		    "background invalid_type" },
		{ DIALECT_RESPONSES, "{\"instructions\":[]}",
		    "instructions invalid_type" },
		{ DIALECT_MESSAGES, "{\"system\":1," HELLO "}",
		    "system invalid_type" },
		/* members that this format does not know are not looked at */
		{ DIALECT_CHAT, CHAT(",\"input\":1,\"system\":1"), "fine" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_complaint(cases[i].d, cases[i].body, cases[i].want);
}

static void
what_is_required_is_missed(void **state)
{
	assert_complaint(DIALECT_CHAT, "{\"model\":\"m\"}",
	    "messages missing_required_parameter");
	assert_complaint(DIALECT_CHAT, "{\"messages\":null}",
	    "messages missing_required_parameter");
	assert_complaint(
	    DIALECT_CHAT, "{\"messages\":[ ]}", "messages invalid_value");
	assert_complaint(
	    DIALECT_MESSAGES, "{}", "messages missing_required_parameter");
	assert_complaint(
	    DIALECT_EMBEDDINGS, "{}", "input missing_required_parameter");
	assert_complaint(
	    DIALECT_EMBEDDINGS, "{\"input\":[]}", "input invalid_value");
	assert_complaint(DIALECT_COMPLETIONS, "{}", "fine");
	assert_complaint(DIALECT_RESPONSES, "{}", "fine");
	assert_complaint(DIALECT_RESPONSES, "{\"background\":false}", "fine");
	assert_complaint(DIALECT_RESPONSES, "{\"background\":true}",
	    "background unsupported_value");
}

static void
nulls_are_as_good_as_absent(void **state)
{
	struct facts f = facts_of(DIALECT_CHAT,
	    CHAT(",\"model\":null,\"stream\":null,\"stream_options\":null,"
		 "\"max_tokens\":null,\"tools\":null,\"functions\":null,"
		 "\"response_format\":null"));

	assert_int_equal(f.model.n, 0);
	assert_false(f.stream || f.include_usage);
	assert_int_equal(f.max_tokens, 0);
	assert_int_equal(f.needs, CAP_CHAT);
}

static void
the_model_is_unescaped_and_its_member_known(void **state)
{
	struct dialect_request r;
	struct dialect_error why;

	assert_int_equal(
	    dialect_read(dialect_get(DIALECT_CHAT),
		SLICE(CHAT(",\"model\":\"a\\/b\\u00e9\"")), &r, &why),
	    OK);
	assert_true(slice_is(r.facts.model, "a/b\xc3\xa9"));
	assert_string_equal(r.model_name, "a/b\xc3\xa9");
	assert_int_equal(r.n_members, 2);
	assert_ptr_equal(r.model, &r.members[1]);
	assert_true(slice_is(r.model->value, "\"a\\/b\\u00e9\""));

	assert_int_equal(dialect_read(dialect_get(DIALECT_CHAT),
			     SLICE(CHAT(",\"model\":null")), &r, &why),
	    OK);
	assert_non_null(r.model); /* it is there to be replaced */
	assert_int_equal(dialect_read(dialect_get(DIALECT_CHAT),
			     SLICE(CHAT(",\"model\":\"\"")), &r, &why),
	    OK);
	assert_non_null(r.model); /* so is this one, and names none */
	assert_int_equal(r.facts.model.n, 0);
	assert_int_equal(
	    dialect_read(dialect_get(DIALECT_CHAT), SLICE(CHAT("")), &r, &why),
	    OK);
	assert_null(r.model);
	assert_int_equal(r.facts.model.n, 0);
}

static void
the_model_has_255_bytes_at_most(void **state)
{
	char body[512];

	snprintf(body, sizeof(body), CHAT(",\"model\":\"%0255d\""), 7);
	assert_complaint(DIALECT_CHAT, body, "fine");
	snprintf(body, sizeof(body), CHAT(",\"model\":\"%0256d\""), 7);
	assert_complaint(DIALECT_CHAT, body, "model invalid_value");
	/* what counts is what it means: 255 bytes, one of them escaped */
	snprintf(body, sizeof(body), CHAT(",\"model\":\"%0254d\\u0041\""), 7);
	assert_complaint(DIALECT_CHAT, body, "fine");
}

static const char *
complaint_of_members(int n, char text[128])
{
	struct buf body;
	const char *got;

	buf_init(&body, 1u << 16);
	buf_add_str(&body, "{" HELLO);
	for (int i = 1; i < n; i++)
		buf_addf(&body, ",\"x%d\":0", i);
	buf_add(&body, slice_make("}\0", 2));
	got = complaint(DIALECT_CHAT, body.p, text);
	buf_fini(&body);
	return got;
}

static void
too_many_members_are_refused(void **state)
{
	char text[128];

	assert_string_equal(
	    complaint_of_members(DIALECT_MEMBERS_MAX, text), "fine");
	assert_string_equal(complaint_of_members(DIALECT_MEMBERS_MAX + 1, text),
	    "- too_many_members");
}

static void
token_limits_are_read(void **state)
{
	static const struct {
		enum dialect d;
		const char *body;
		uint32_t want;
	} cases[] = {
		{ DIALECT_CHAT, CHAT(",\"max_tokens\":16"), 16 },
		{ DIALECT_CHAT, CHAT(",\"max_tokens\":16.0"), 16 },
		{ DIALECT_CHAT,
		    CHAT(",\"max_completion_tokens\":8,\"max_tokens\":16"), 8 },
		{ DIALECT_CHAT,
		    CHAT(",\"max_completion_tokens\":null,\"max_tokens\":16"),
		    16 },
		{ DIALECT_CHAT, CHAT(",\"max_tokens\":-1"), 0 },
		{ DIALECT_CHAT,
		    CHAT(",\"max_tokens\":50,\"max_completion_tokens\":-1"),
		    50 },
		{ DIALECT_CHAT,
		    CHAT(",\"max_completion_tokens\":0,\"max_tokens\":50"),
		    50 },
		{ DIALECT_CHAT, CHAT(",\"max_tokens\":9000000000"),
		    UINT32_MAX },
		{ DIALECT_COMPLETIONS, "{\"max_tokens\":5}", 5 },
		{ DIALECT_RESPONSES, "{\"max_output_tokens\":6}", 6 },
		{ DIALECT_MESSAGES, CHAT(",\"max_tokens\":7"), 7 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(facts_of(cases[i].d, cases[i].body).max_tokens,
		    cases[i].want);
}

static void
streaming_is_read(void **state)
{
	struct facts f = facts_of(DIALECT_CHAT,
	    CHAT(",\"stream\":true,\"stream_options\":{\"x\":1,"
		 "\"include_usage\":true}"));

	assert_true(f.stream && f.include_usage);
	f = facts_of(
	    DIALECT_CHAT, CHAT(",\"stream\":false,\"stream_options\":{}"));
	assert_false(f.stream || f.include_usage);
	assert_true(facts_of(DIALECT_RESPONSES, "{\"stream\":true}").stream);
	assert_false(
	    facts_of(DIALECT_EMBEDDINGS, "{\"input\":\"\",\"stream\":true}")
		.stream);
}

static void
needs_are_read(void **state)
{
	static const struct {
		enum dialect d;
		const char *body;
		unsigned want; /* beside the dialect's own */
	} cases[] = {
		{ DIALECT_CHAT, CHAT(""), 0 },
		{ DIALECT_CHAT, CHAT(",\"tools\":[],\"functions\":[]"), 0 },
		{ DIALECT_CHAT, CHAT(",\"tools\":[{}]"), CAP_TOOLS },
		{ DIALECT_CHAT, CHAT(",\"functions\":[{}]"), CAP_TOOLS },
		{ DIALECT_CHAT,
		    CHAT(",\"response_format\":{\"type\":\"text\"}"), 0 },
		{ DIALECT_CHAT,
		    CHAT(",\"response_format\":{\"type\":\"json_object\"}"),
		    CAP_JSON_MODE },
		{ DIALECT_CHAT, CHAT(",\"modalities\":[\"text\"]"), 0 },
		{ DIALECT_CHAT, CHAT(",\"modalities\":[\"text\",\"audio\"]"),
		    CAP_AUDIO },
		{ DIALECT_RESPONSES, "{\"tools\":[{}],\"text\":{}}",
		    CAP_TOOLS },
		{ DIALECT_RESPONSES,
		    "{\"text\":{\"format\":{\"type\":\"json_schema\"}}}",
		    CAP_JSON_MODE },
		{ DIALECT_MESSAGES, CHAT(",\"tools\":[{}]"), CAP_TOOLS },
		{ DIALECT_EMBEDDINGS, "{\"input\":\"a\"}", 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(facts_of(cases[i].d, cases[i].body).needs,
		    cases[i].want | dialect_cap(cases[i].d));
}

static void
tools_are_part_of_the_prompt(void **state)
{
	uint64_t plain = facts_of(DIALECT_CHAT, CHAT("")).prompt_bytes;

	assert_int_equal(
	    facts_of(DIALECT_CHAT, CHAT(",\"tools\":[]")).prompt_bytes, plain);
	assert_int_equal(
	    facts_of(DIALECT_CHAT, CHAT(",\"tools\":[{\"a\":1}]")).prompt_bytes,
	    plain + strlen("[{\"a\":1}]"));
}

static void
the_encoding_of_embeddings_is_read(void **state)
{
	assert_true(facts_of(DIALECT_EMBEDDINGS,
	    "{\"input\":\"a\",\"encoding_format\":\"base64\"}")
			.base64);
	assert_false(facts_of(DIALECT_EMBEDDINGS,
	    "{\"input\":\"a\",\"encoding_format\":\"float\"}")
			 .base64);
	assert_complaint(DIALECT_EMBEDDINGS,
	    "{\"input\":\"a\",\"encoding_format\":\"int8\"}",
	    "encoding_format invalid_value");
}

static void
what_is_read_at_once_is_not_long(void **state)
{
	static const struct {
		enum dialect d;
		const char *begin, *end, *want;
	} cases[] = {
		{ DIALECT_CHAT, "{" HELLO ",\"response_format\":{\"x\":\"",
		    "\"}}", "response_format invalid_value" },
		{ DIALECT_CHAT, "{" HELLO ",\"model\":\"", "\"}",
		    "model invalid_value" },
		{ DIALECT_SPEECH, "{\"input\":\"", "\"}",
		    "input invalid_value" },
		{ DIALECT_CHAT, "{" HELLO ",\"tools\":[\"", "\"]}", "fine" },
		{ DIALECT_EMBEDDINGS, "{\"input\":\"", "\"}", "fine" },
	};
	struct dialect_request r;
	struct dialect_error why;
	char got[128];
	struct buf b;
	enum err rc;

	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_init(&b, 2u << 20);
		buf_add_str(&b, cases[i].begin);
		while (b.n <= (1u << 20) + 100)
			buf_add_str(&b, "a longer text than any");
		buf_add_str(&b, cases[i].end);
		rc = dialect_read(
		    dialect_get(cases[i].d), buf_slice(&b), &r, &why);
		snprintf(got, sizeof(got), "fine");
		if (rc != OK)
			snprintf(
			    got, sizeof(got), "%s %s", why.param, why.code);
		assert_string_equal(got, cases[i].want);
		buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_json_is_refused_with_its_place),
		cmocka_unit_test(slices_mean_what_the_whole_does),
		cmocka_unit_test(a_member_that_is_read_may_come_once),
		cmocka_unit_test(a_nul_is_text_but_no_name),
		cmocka_unit_test(wrong_types_are_refused_by_name),
		cmocka_unit_test(what_is_required_is_missed),
		cmocka_unit_test(nulls_are_as_good_as_absent),
		cmocka_unit_test(the_model_is_unescaped_and_its_member_known),
		cmocka_unit_test(the_model_has_255_bytes_at_most),
		cmocka_unit_test(too_many_members_are_refused),
		cmocka_unit_test(token_limits_are_read),
		cmocka_unit_test(streaming_is_read),
		cmocka_unit_test(needs_are_read),
		cmocka_unit_test(tools_are_part_of_the_prompt),
		cmocka_unit_test(the_encoding_of_embeddings_is_read),
		cmocka_unit_test(what_is_read_at_once_is_not_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
