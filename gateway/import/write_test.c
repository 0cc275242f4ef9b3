/* gateway/import/write_test.c - how long an answer may take, as gateway.conf
 * has it. */
#include "gateway/import/testing.h"

/* LiteLLM's ends what is not streamed, and streams that are silent. */
static void
a_timeout_ends_no_stream_that_goes_on(void **state)
{
	struct sheet s;

	sheet_init(&s, LIST(MODEL("m", "model: openai/m, timeout: 20")));
	assert_has(s.conf, "timeouts = { ttft = \"20s\"; gap = \"20s\"; };");
	assert_has(s.notes, "timeout: ends no stream that goes on, as there");
	assert_int_equal(s.i.n_notes, 1);
	sheet_fini(&s);
	/* nor is a silent one waited for longer than any other */
	sheet_init(&s,
	    LIST(MODEL("m", "model: openai/m"))
		SECTION("litellm_settings", "request_timeout: 120"));
	assert_has(s.conf, "\ntimeouts = { ttft = \"30s\"; gap = \"30s\"; };");
	assert_has(s.notes, "litellm_settings: request_timeout: ends no");
	assert_has(s.notes, "request_timeout: a stream may be silent for 30 s");
	sheet_fini(&s);
}

static void
a_wait_for_a_piece_is_what_stream_timeout_says(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("m", "model: openai/m, timeout: 20, stream_timeout: 60")
		    MODEL("n", "model: groq/n, timeout: 20")
			MODEL("o", "model: cerebras/o, stream_timeout: 9999"))
		SECTION("router_settings", "stream_timeout: 7"));
	assert_has(s.conf, "\ntimeouts = { ttft = \"7s\"; gap = \"7s\"; };");
	assert_has(s.conf, " timeouts = { ttft = \"1m\"; gap = \"1m\"; };");
	assert_has(s.conf, " timeouts = { ttft = \"7s\"; gap = \"7s\"; };");
	/* no longer than the whole */
	assert_has(s.conf, "{ ttft = \"10m\"; gap = \"10m\"; };");
	sheet_fini(&s);
}

/* The request's deadline would end it before. */
static void
a_long_timeout_makes_a_long_deadline(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("m", "model: openai/m"))
		SECTION("router_settings", "timeout: 1800"));
	assert_has(s.conf,
	    "timeouts = { total = \"30m\"; ttft = \"30s\"; gap = \"30s\"; };"
	    "\ndeadline = \"30m\";\n");
	assert_int_equal(s.i.n_notes, 1);
	sheet_fini(&s);
	sheet_init(&s, LIST(MODEL("m", "model: openai/m, timeout: 3600")));
	assert_has(s.conf, "\ndeadline = \"1h\";\n");
	sheet_fini(&s);
	sheet_init(&s, LIST(MODEL("m", "model: openai/m, timeout: 600")));
	assert_lacks(s.conf, "deadline");
	sheet_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timeout_ends_no_stream_that_goes_on),
		cmocka_unit_test(
		    a_wait_for_a_piece_is_what_stream_timeout_says),
		cmocka_unit_test(a_long_timeout_makes_a_long_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
