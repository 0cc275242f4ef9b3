/* gateway/dialects/prompt_test.c - what is read of prompts. */
#include "gateway/dialects/dialect_test.h"
#include "gateway/lib/count.h"

static uint64_t
bytes_of(enum dialect d, const char *body)
{
	return facts_of(d, body).prompt_bytes;
}

static uint64_t
hash_of(enum dialect d, const char *body)
{
	return facts_of(d, body).prefix_hash;
}

static void
text_of_messages_is_counted(void **state)
{
	/* only content counts, as it is after escapes: 4 + 3 + 2 + 0 */
	assert_int_equal(
	    bytes_of(DIALECT_CHAT,
		"{\"messages\":[{\"role\":\"system\",\"content\":"
		"\"a\\n\\u00e9\"},"
		"{\"content\":[{\"type\":\"text\",\"text\":\"abc\"},\"de\"],"
		"\"role\":\"user\",\"name\":\"somebody\"},"
		"{\"role\":\"assistant\",\"content\":null}]}"),
	    9);
	assert_int_equal(
	    bytes_of(DIALECT_CHAT, "{\"messages\":[{\"content\":7},{}]}"), 0);
}

static void
text_of_other_formats_is_counted(void **state)
{
	static const struct {
		enum dialect d;
		const char *body;
		uint64_t want;
	} cases[] = {
		{ DIALECT_COMPLETIONS, "{\"prompt\":\"abc\"}", 3 },
		{ DIALECT_COMPLETIONS, "{\"prompt\":[\"abc\",\"de\"]}", 5 },
		{ DIALECT_COMPLETIONS, "{\"prompt\":[1,2,3]}", 12 },
		{ DIALECT_EMBEDDINGS, "{\"input\":\"abcd\"}", 4 },
		{ DIALECT_EMBEDDINGS, "{\"input\":[[1,2],[3],[]]}", 12 },
		{ DIALECT_RESPONSES,
		    "{\"input\":\"abc\",\"instructions\":\"de\"}", 5 },
		{ DIALECT_RESPONSES,
		    "{\"input\":[{\"role\":\"user\",\"content\":["
		    "{\"type\":\"input_text\",\"text\":\"abc\"}]},"
		    "{\"role\":\"user\",\"content\":\"de\"}]}",
		    5 },
		{ DIALECT_MESSAGES,
		    "{\"system\":[{\"type\":\"text\",\"text\":\"abc\"}],"
		    "\"messages\":[{\"role\":\"user\",\"content\":["
		    "{\"type\":\"tool_result\",\"content\":["
		    "{\"type\":\"text\",\"text\":\"defg\"}]}]}]}",
		    7 },
		/* documents of text, and of blocks, none of bytes */
		{ DIALECT_MESSAGES,
		    "{\"messages\":[{\"role\":\"user\",\"content\":["
		    "{\"type\":\"document\",\"source\":{\"data\":\"a\\nc\","
		    "\"media_type\":\"text/plain\",\"type\":\"text\"}},"
		    "{\"type\":\"document\",\"source\":{\"type\":\"content\","
		    "\"content\":[{\"type\":\"text\",\"text\":\"de\"}]}},"
		    "{\"type\":\"image\",\"source\":{\"type\":\"base64\","
		    "\"data\":\"iVBO\"}},{\"type\":\"search_result\","
		    "\"source\":\"https://x\",\"content\":[{\"type\":\"text\","
		    "\"text\":\"f\"}]}]}]}",
		    6 },
		/* calls as they stand there, their results as text */
		{ DIALECT_CHAT,
		    "{\"messages\":[{\"role\":\"assistant\",\"content\":null,"
		    "\"tool_calls\":[{\"id\":\"a\"}]},{\"role\":\"tool\","
		    "\"tool_call_id\":\"a\",\"content\":\"abc\"}]}",
		    15 },
		{ DIALECT_RESPONSES,
		    "{\"input\":[{\"type\":\"function_call\",\"arguments\":"
		    "\"{}\"},{\"type\":\"function_call_output\",\"output\":"
		    "\"abc\"},{\"output\":[{\"type\":\"input_text\","
		    "\"text\":\"de\"}]}]}",
		    9 },
		/* tools that come in the input */
		{ DIALECT_RESPONSES,
		    "{\"input\":[{\"type\":\"additional_tools\",\"tools\":"
		    "[{}]},{\"tools\":[]},{\"content\":\"abc\"}]}",
		    7 },
		{ DIALECT_MESSAGES,
		    "{\"messages\":[{\"role\":\"assistant\",\"content\":["
		    "{\"type\":\"tool_use\",\"input\":{\"a\":1}}]}]}",
		    7 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    bytes_of(cases[i].d, cases[i].body), cases[i].want);
}

static void
images_and_sound_are_needs(void **state)
{
	static const struct {
		enum dialect d;
		const char *body;
		unsigned want;
	} cases[] = {
		{ DIALECT_CHAT,
		    "{\"messages\":[{\"content\":[{\"image_url\":{\"url\":"
		    "\"data:\"},\"type\":\"image_url\"}]}]}",
		    CAP_CHAT | CAP_IMAGES },
		{ DIALECT_CHAT,
		    "{\"messages\":[{\"content\":[{\"type\":\"input_audio\"},"
		    "{\"type\":\"image\\u005furl\"}]}]}",
		    CAP_CHAT | CAP_AUDIO | CAP_IMAGES },
		{ DIALECT_CHAT, "{\"messages\":[{\"content\":\"image_url\"}]}",
		    CAP_CHAT },
		{ DIALECT_RESPONSES,
		    "{\"input\":[{\"content\":[{\"type\":\"input_image\"}]}]}",
		    CAP_RESPONSES | CAP_IMAGES },
		{ DIALECT_RESPONSES,
		    "{\"input\":[{\"type\":\"additional_tools\",\"tools\":"
		    "[{}]},{\"tools\":[]}]}",
		    CAP_RESPONSES | CAP_TOOLS },
		{ DIALECT_MESSAGES,
		    "{\"messages\":[{\"content\":[{\"type\":\"tool_result\","
		    "\"content\":[{\"type\":\"image\"}]}]}]}",
		    CAP_MESSAGES | CAP_IMAGES },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    facts_of(cases[i].d, cases[i].body).needs, cases[i].want);
}

/* Content within content within content... */
static void
deep_nesting_is_left_alone(void **state)
{
	struct buf body;

	buf_init(&body, 4096);
	buf_add_str(&body, "{\"messages\":[");
	for (int i = 0; i < 100; i++)
		buf_add_str(&body, "{\"text\":\"x\",\"content\":[");
	for (int i = 0; i < 100; i++)
		buf_add_str(&body, "]}");
	buf_add(&body, slice_make("]}\0", 3));
	assert_in_range(bytes_of(DIALECT_CHAT, body.p), 3, 10);
	buf_fini(&body);
}

/* A chat whose first message is n times 'x' and then `tail`. */
static uint64_t
hash_of_long(unsigned n, const char *tail)
{
	struct buf body;
	uint64_t hash;

	buf_init(&body, 1u << 16);
	buf_add_str(&body, "{\"messages\":[{\"content\":\"");
	for (unsigned i = 0; i < n; i++)
		buf_add_char(&body, 'x');
	buf_addf(&body, "%s\"}]}", tail);
	buf_add_char(&body, '\0');
	hash = hash_of(DIALECT_CHAT, body.p);
	buf_fini(&body);
	return hash;
}

static void
equal_beginnings_hash_alike(void **state)
{
	assert_true(hash_of_long(2000, "a") == hash_of_long(2000, "b"));
	assert_true(hash_of_long(100, "a") != hash_of_long(100, "b"));
	assert_true(hash_of_long(100, "") != hash_of_long(101, ""));
	assert_true(
	    hash_of(DIALECT_CHAT,
		"{\"model\":\"a\",\"messages\":[{\"content\":\"\"}]}") ==
	    hash_of(DIALECT_CHAT,
		"{\"messages\":[{\"content\":\"\"}],\"model\":\"b\"}"));
	assert_true(
	    hash_of(DIALECT_MESSAGES,
		"{\"system\":\"a\",\"messages\":[{\"content\":\"\"}]}") !=
	    hash_of(DIALECT_MESSAGES,
		"{\"system\":\"b\",\"messages\":[{\"content\":\"\"}]}"));
}

static void
without_a_prompt_there_is_no_hash(void **state)
{
	assert_true(hash_of(DIALECT_COMPLETIONS, "{}") == 0);
	assert_true(hash_of(DIALECT_RESPONSES, "{}") == 0);
	assert_true(hash_of(DIALECT_EMBEDDINGS, "{\"input\":\"a\"}") == 0);
	assert_true(hash_of(DIALECT_COMPLETIONS, "{\"prompt\":\"\"}") != 0);
}

/* How many turns it takes of a MB that begins with `head`, has `unit` again and
 * again, with `comma` between, and ends with `tail`. */
static unsigned
turns_of(
    const char *head, const char *unit, const char *comma, const char *tail)
{
	struct dialect_request r;
	struct dialect_reader *d;
	struct dialect_error why;
	struct buf body;
	unsigned n = 1;

	buf_init(&body, 2u << 20);
	buf_add_str(&body, head);
	for (buf_add_str(&body, unit); body.n < 1u << 20;) {
		buf_add_str(&body, comma);
		buf_add_str(&body, unit);
	}
	buf_add_str(&body, tail);
	d = dialect_begin(dialect_get(DIALECT_MESSAGES), buf_slice(&body), &r);
	while (dialect_more(d, 32u << 10))
		n++;
	assert_int_equal(dialect_end(d, &why), OK);
	dialect_free(&d);
	buf_fini(&body);
	return n;
}

/* Once to scan them, and once to read them: 32 turns each. */
static void
nothing_long_is_one_step(void **state)
{
	static const struct {
		const char *head, *unit, *comma, *tail;
	} cases[] = {
		{ "{\"messages\":[", "{\"content\":[\"\"]}", ",", "]}" },
		{ "{\"messages\":[{\"content\":[", "{}", ",", "]}]}" },
		{ "{\"messages\":[{\"content\":\"", "\\u0041", "", "\"}]}" },
		{ "{\"messages\":[{\"content\":\"", "\xc3\xa9", "", "\"}]}" },
		{ "{\"messages\":[{\"", "\\n", "", "\":0}]}" },
		{ "{\"messages\":[{\"x\":[", "[\"]\"]", ",", "]}]}" },
		{ "{\"messages\":[{", "\"\\u0074ool\":0", ",", "}]}" },
		{ "{\"messages\":[{}],\"system\":\"", "x", "", "\"}" },
		{ "{\"messages\":[{\"source\":{\"data\":\"", "x", "",
		    "\"}}]}" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_in_range(turns_of(cases[i].head, cases[i].unit,
				    cases[i].comma, cases[i].tail),
		    64, 72);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_of_messages_is_counted),
		cmocka_unit_test(text_of_other_formats_is_counted),
		cmocka_unit_test(images_and_sound_are_needs),
		cmocka_unit_test(deep_nesting_is_left_alone),
		cmocka_unit_test(equal_beginnings_hash_alike),
		cmocka_unit_test(without_a_prompt_there_is_no_hash),
		cmocka_unit_test(nothing_long_is_one_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
