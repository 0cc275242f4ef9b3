/* backends/encode_headers_test.c - the headers and the path that a backend is
 * sent. */
#include "backends/encode_testing.h"

static void
headers_name_key_and_types(void **state)
{
	struct sent s = {
		.key = "sk-1", .stream = true, .body = "{\"model\":\"m\"}"
	};

	assert_int_equal(encode(&s), OK);
	assert_string_equal(s.headers,
	    "content-type: application/json\n"
	    "accept-encoding: identity\n"
	    "accept: text/event-stream\n"
	    "authorization: Bearer sk-1\n");
}

static void
no_key_means_no_authorization(void **state)
{
	struct sent s = { .body = "{\"model\":\"m\"}" };

	assert_int_equal(encode(&s), OK);
	assert_null(strstr(s.headers, "authorization"));
	assert_non_null(strstr(s.headers, "accept: application/json\n"));
}

static void
messages_carry_anthropics_headers(void **state)
{
	struct sent s = { .key = "sk-2",
		.dialect = DIALECT_MESSAGES,
		.path = "/messages",
		.body = "{\"model\":\"m\"}" };

	assert_int_equal(encode(&s), OK);
	assert_non_null(strstr(s.headers, "x-api-key: sk-2\n"));
	assert_non_null(strstr(s.headers, "authorization: Bearer sk-2\n"));
	assert_non_null(strstr(s.headers, "anthropic-version: 2023-06-01\n"));
	assert_null(strstr(s.headers, "anthropic-beta"));
}

static void
counting_has_the_headers_of_messages(void **state)
{
	struct sent s = { .body = "{\"model\":\"x\"}",
		.adapter = "anthropic",
		.dialect = DIALECT_COUNTING,
		.beta = "b1",
		.max_tokens = 50,
		.key = "k" };

	becomes(&s, "{\"model\":\"m\"}");
	assert_string_equal(s.headers,
	    "content-type: application/json\n"
	    "accept-encoding: identity\n"
	    "accept: */*\n"
	    "anthropic-beta: b1\n"
	    "anthropic-version: 2023-06-01\n"
	    "x-api-key: k\n");
}

static void
anthropic_itself_gets_its_key_once(void **state)
{
	struct sent s = { .adapter = "anthropic",
		.key = "sk-2",
		.dialect = DIALECT_MESSAGES,
		.path = "/messages",
		.body = "{\"model\":\"m\"}" };
	struct sent chat = { .adapter = "anthropic",
		.key = "sk-2",
		.body = "{\"model\":\"m\"}" };

	assert_int_equal(encode(&s), OK);
	assert_non_null(strstr(s.headers, "x-api-key: sk-2\n"));
	assert_null(strstr(s.headers, "authorization"));
	assert_int_equal(encode(&chat), OK);
	assert_null(strstr(chat.headers, "x-api-key"));
	assert_non_null(strstr(chat.headers, "authorization: Bearer sk-2\n"));
}

static void
what_is_in_beta_is_asked_for_by_its_header(void **state)
{
	struct sent s = { .dialect = DIALECT_MESSAGES,
		.path = "/messages",
		.beta = "a-2025-06-27,b-2",
		.body = "{\"model\":\"m\"}" };

	assert_int_equal(encode(&s), OK);
	assert_non_null(
	    strstr(s.headers, "anthropic-beta: a-2025-06-27,b-2\n"));
	s.beta = "a\nx-evil: 1";
	assert_int_equal(encode(&s), OK);
	assert_null(strstr(s.headers, "x-evil"));
	s = (struct sent){ .beta = "a", .body = "{\"model\":\"m\"}" };
	assert_int_equal(encode(&s), OK);
	assert_null(strstr(s.headers, "anthropic-"));
}

static void
a_key_cannot_add_headers(void **state)
{
	struct sent s = { .key = "sk-1\nx-evil: 1",
		.body = "{\"model\":\"m\"}" };

	assert_int_equal(encode(&s), ERR_INVALID);
	assert_null(strstr(s.why.text, "sk-1"));
}

static void
a_path_beyond_its_room_is_refused(void **state)
{
	char path[400];
	struct sent s = { .path = path, .body = "{\"model\":\"m\"}" };

	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(encode(&s), ERR_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_name_key_and_types),
		cmocka_unit_test(no_key_means_no_authorization),
		cmocka_unit_test(messages_carry_anthropics_headers),
		cmocka_unit_test(counting_has_the_headers_of_messages),
		cmocka_unit_test(anthropic_itself_gets_its_key_once),
		cmocka_unit_test(what_is_in_beta_is_asked_for_by_its_header),
		cmocka_unit_test(a_key_cannot_add_headers),
		cmocka_unit_test(a_path_beyond_its_room_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
