/* gateway/dialects/passed_test.c - what routing reads of requests whose answers
 * pass, be they JSON or forms. */
#include "gateway/dialects/dialect_test.h"

#include <string.h>

#define TYPE "multipart/form-data; boundary=b"
#define PART(name, value)                                                      \
	"--b\r\ncontent-disposition: form-data; name=" name "\r\n\r\n" value   \
	"\r\n"
#define END "--b--\r\n"

static enum err
read_form(
    const char *body, struct dialect_request *r, struct dialect_error *why)
{
	return dialect_parse_form(
	    DIALECT_TRANSCRIPTION, SLICE(TYPE), slice_of(body), r, why);
}

static void
sound_comes_in_pieces(void **state)
{
	const char *body = "{\"model\":\"tts\",\"input\":\"hello you\"}";
	struct facts f = facts_of(DIALECT_SPEECH, body);

	assert_true(f.stream);
	assert_int_equal(f.needs, CAP_SPEECH);
	assert_int_equal(f.prompt_bytes, 0);
	f = facts_of(DIALECT_IMAGES, "{\"model\":\"i\",\"prompt\":\"a\"}");
	assert_false(f.stream);
	assert_int_equal(f.needs, CAP_IMAGE_GENERATION);
	assert_true(facts_of(DIALECT_IMAGES, "{\"stream\":true}").stream);
	assert_complaint(DIALECT_SPEECH, "{\"model\":1}", "model invalid_type");
	assert_complaint(
	    DIALECT_IMAGES, "{\"stream\":1}", "stream invalid_type");
}

/* What it is paid by, where that is not tokens. */
static void
units_are_counted(void **state)
{
	struct dialect_request r;
	struct dialect_error why;

	assert_int_equal(facts_of(DIALECT_SPEECH,
			     "{\"input\":\"h\\u00e9\\ud83d\\ude00\xc3\xa9\"}")
			     .units.characters,
	    4);
	assert_int_equal(facts_of(DIALECT_IMAGES, "{}").units.images, 1);
	assert_int_equal(
	    facts_of(DIALECT_IMAGES, "{\"n\":null}").units.images, 1);
	assert_int_equal(facts_of(DIALECT_IMAGES, "{\"n\":4}").units.images, 4);
	assert_complaint(DIALECT_IMAGES, "{\"n\":\"4\"}", "n invalid_type");
	assert_complaint(
	    DIALECT_IMAGES, "{\"n\":1,\"n\":4}", "n duplicate_member");
	assert_complaint(DIALECT_SPEECH, "{\"input\":\"a\",\"input\":\"\"}",
	    "input duplicate_member");
	assert_int_equal(
	    dialect_parse_form(DIALECT_IMAGES, SLICE(TYPE),
		SLICE(PART("\"n\"", "3") PART("\"prompt\"", "a") END), &r,
		&why),
	    OK);
	assert_int_equal(r.facts.units.images, 3);
	assert_int_equal(
	    dialect_parse_form(DIALECT_IMAGES, SLICE(TYPE),
		SLICE(PART("n", "3") PART("n", "1") END), &r, &why),
	    ERR_INVALID);
	assert_string_equal(why.code, "duplicate_member");
	/* of sound it is the answer that tells; until then it is a minute */
	assert_int_equal(read_form(PART("n", "x") END, &r, &why), OK);
	assert_int_equal(r.facts.units.images, 0);
	assert_true(r.facts.units.seconds > 0);
	assert_true(facts_of(DIALECT_MODERATION, "{}").units.seconds <= 0);
}

static void
text_to_judge_is_counted(void **state)
{
	struct facts f = facts_of(DIALECT_RERANK,
	    "{\"query\":\"four\",\"documents\":[\"12345678\","
	    "{\"text\":\"1234\"}]}");

	assert_int_equal(f.prompt_bytes, 16);
	assert_int_equal(f.needs, CAP_RERANK);
	f = facts_of(DIALECT_MODERATION,
	    "{\"input\":[{\"type\":\"text\",\"text\":\"1234\"},"
	    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:\"}}]}");
	assert_int_equal(f.prompt_bytes, 4);
	assert_int_equal(f.needs, CAP_MODERATION);
}

static void
counting_takes_no_tokens(void **state)
{
	struct facts f = facts_of(DIALECT_COUNTING,
	    "{\"model\":\"m\",\"stream\":true,\"max_tokens\":9,\"messages\":[{"
	    "\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}]}");

	assert_false(f.stream);
	assert_int_equal(f.needs, CAP_MESSAGES | CAP_IMAGES);
	assert_int_equal(f.prompt_bytes, 0);
	assert_int_equal(f.max_tokens, 0);
	assert_complaint(
	    DIALECT_COUNTING, "{}", "messages missing_required_parameter");
}

static void
a_form_has_a_model(void **state)
{
	const char *body = PART("file; filename=a", "RIFF")
	    PART("model", "whisper") PART("stream", "True") END;
	struct dialect_request r;
	struct dialect_error why;

	assert_int_equal(read_form(body, &r, &why), OK);
	assert_true(slice_is(r.facts.model, "whisper"));
	assert_true(slice_is(r.form_model, "whisper"));
	assert_true(r.form_model.p > body);
	assert_true(slice_is(r.form_end, "--b"));
	assert_ptr_equal(r.form_end.p, strstr(body, END));
	assert_true(r.facts.stream);
	assert_int_equal(r.facts.needs, CAP_TRANSCRIPTION);
	assert_int_equal(r.n_members, 0);
	assert_int_equal(read_form(PART("model", "") END, &r, &why), OK);
	assert_non_null(r.form_model.p); /* names none, and is replaced */
	assert_int_equal(r.facts.model.n, 0);
	assert_int_equal(read_form(PART("stream", "false") END, &r, &why), OK);
	assert_null(r.form_model.p);
	assert_false(r.facts.stream);
	assert_int_equal(r.facts.model.n, 0);
}

static void
a_bad_form_says_why(void **state)
{
	static const struct {
		const char *body, *param, *code;
	} cases[] = {
		{ "", NULL, "invalid_multipart" },
		{ PART("model", ""), NULL, "invalid_multipart" },
		{ PART("model", "a\nb") END, "model", "invalid_value" },
		{ PART("model", "\xff") END, "model", "invalid_value" },
		{ PART("model", "a") PART("model", "a") END, "model",
		    "duplicate_member" },
		{ PART("stream", "1") PART("stream", "0") END, "stream",
		    "duplicate_member" },
		{ PART("model; filename=x", "a") END, "model", "invalid_type" },
		{ PART("model\r\ncontent-transfer-encoding: base64", "YQ==")
			END,
		    "model", "invalid_type" },
	};
	struct dialect_error why;
	struct dialect_request r;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(
		    read_form(cases[i].body, &r, &why), ERR_INVALID);
		assert_int_equal(why.status, 400);
		assert_string_equal(why.code, cases[i].code);
		if (cases[i].param == NULL)
			assert_null(why.param);
		else
			assert_string_equal(why.param, cases[i].param);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_comes_in_pieces),
		cmocka_unit_test(units_are_counted),
		cmocka_unit_test(text_to_judge_is_counted),
		cmocka_unit_test(counting_takes_no_tokens),
		cmocka_unit_test(a_form_has_a_model),
		cmocka_unit_test(a_bad_form_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
