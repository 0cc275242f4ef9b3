/* gateway/realtime/events_test.c - what a session's events tell. */
#include "gateway/realtime/events.h"

#include <string.h>

#include "gateway/realtime/testing.h"

#define DONE(usage)                                                            \
	"{\"type\":\"response.done\",\"response\":{\"id\":\"r\",\"output\":"   \
	"[{\"type\":\"message\",\"text\":\"{\\\"usage\\\":1}\"}],"             \
	"\"usage\":" usage "}}"
#define USED                                                                   \
	"{\"total_tokens\":30,\"input_tokens\":20,\"output_tokens\":10,"       \
	"\"input_token_details\":{\"cached_tokens\":5,\"text_tokens\":12,"     \
	"\"audio_tokens\":8},\"output_token_details\":{\"text_tokens\":3,"     \
	"\"audio_tokens\":7}}"

static struct events events;
static struct buf bytes;

static int
set_up(void **state)
{
	(void)state;
	events_init(&events);
	buf_init(&bytes, 4 << 20);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	events_fini(&events);
	buf_fini(&bytes);
	return 0;
}

static void
backend_sends(struct slice piece, usec now)
{
	while (events_from_backend(&events, &piece, now))
		continue;
}

static void
backend_says(const char *event, usec now)
{
	buf_reset(&bytes);
	put_frame(&bytes, TEXT, slice_of(event), 0);
	backend_sends(buf_slice(&bytes), now);
}

static void
client_says(const char *event, usec now)
{
	buf_reset(&bytes);
	put_frame(&bytes, TEXT, slice_of(event), 0x31415926);
	events_from_client(&events, buf_slice(&bytes), now);
}

static void
what_answers_used_is_added_up(void **state)
{
	backend_says(DONE(USED), 1);
	backend_says("{\"type\":\"response.created\",\"response\":{}}", 2);
	backend_says(DONE(USED), 3);
	assert_true(events.usage.known);
	assert_int_equal(events.answers, 2);
	assert_int_equal(events.usage.input, 40);
	assert_int_equal(events.usage.output, 20);
	assert_int_equal(events.usage.cached, 10);
	assert_int_equal(events.audio_input, 16);
	assert_int_equal(events.audio_output, 14);
}

static void
reading_stops_where_an_answer_ends(void **state)
{
	struct slice rest;
	size_t first;

	put_frame(&bytes, TEXT, SLICE("{\"type\":\"response.created\"}"), 0);
	put_frame(&bytes, TEXT, SLICE(DONE(USED)), 0);
	first = bytes.n;
	put_frame(&bytes, TEXT, SLICE(DONE(USED)), 0);
	put_frame(&bytes, TEXT, SLICE("{\"type\":\"rate_limits.updated\"}"), 0);
	rest = buf_slice(&bytes);
	assert_true(events_from_backend(&events, &rest, 1));
	assert_int_equal(rest.n, bytes.n - first);
	assert_int_equal(events.usage.input, 20);
	assert_true(events_from_backend(&events, &rest, 1));
	assert_int_equal(events.usage.input, 40);
	assert_false(events_from_backend(&events, &rest, 1));
	assert_int_equal(rest.n, 0);
}

static void
it_is_found_byte_by_byte_and_with_the_type_at_the_end(void **state)
{
	static const char event[] =
	    "{ \"response\" : {\"type\":\"realtime\",\"usage\":" USED
	    "}, \"event_id\":\"a\\\"b\", \"type\" : \"response.done\" }";
	struct slice all;

	put_frame(&bytes, BEGINS, slice_make(event, 40), 0);
	put_frame(&bytes, PING, SLICE("x"), 0);
	put_frame(
	    &bytes, ENDS, slice_make(event + 40, sizeof(event) - 1 - 40), 0);
	all = buf_slice(&bytes);
	for (size_t i = 0; i < all.n; i++)
		backend_sends(slice_make(all.p + i, 1), 1);
	assert_int_equal(events.answers, 1);
	assert_int_equal(events.usage.input, 20);
	assert_true(events.usage.known);
}

static void
an_answer_that_does_not_say_makes_the_sum_unknown(void **state)
{
	backend_says(DONE(USED), 1);
	backend_says(DONE("null"), 2);
	assert_int_equal(events.untold, 1);
	assert_false(events.usage.known);
	assert_int_equal(events.usage.input, 20);
}

static void
what_is_no_count_is_untold(void **state)
{
	static const char *const none[] = {
		DONE("{}"),
		DONE("null"),
		DONE("{\"input_tokens\":7}"),
		DONE("{\"input_tokens\":-7,\"output_tokens\":1}"),
		DONE("{\"input_tokens\":1e99,\"output_tokens\":1}"),
		DONE("{\"input_tokens\":7,\"output_tokens\":\"1\"}"),
		DONE("{\"input_tokens\":4294967295,\"output_tokens\":1}"),
	};
	const unsigned n = sizeof(none) / sizeof(none[0]);

	for (unsigned i = 0; i < n; i++)
		backend_says(none[i], 1);
	assert_int_equal(events.answers, n);
	assert_int_equal(events.untold, n);
	assert_false(events.usage.known);
	assert_int_equal(events.usage.input, 14); /* what is one counts */
	assert_int_equal(events.usage.output, 3);
}

static void
what_is_longer_than_is_kept_is_untold(void **state)
{
	static char text[EVENTS_KEPT + 100];
	struct buf event;

	memset(text, 'x', sizeof(text) - 1);
	buf_init(&event, 1 << 20);
	buf_addf(&event,
	    "{\"type\":\"response.done\",\"response\":{\"a\":\"%s\","
	    "\"usage\":" USED "}}",
	    text);
	put_frame(&bytes, TEXT, buf_slice(&event), 0);
	buf_fini(&event);
	backend_sends(buf_slice(&bytes), 1);
	assert_int_equal(events.answers, 1);
	assert_int_equal(events.untold, 1);
	assert_int_equal(events.kept.cap, 0); /* nothing is held on to */
	backend_says(DONE(USED), 2);
	assert_int_equal(events.usage.input, 20);
}

/* Of a long event that is none of interest nothing is copied but its start. */
static void
sound_is_not_kept(void **state)
{
	static const char head[] =
	    "{\"type\":\"response.output_audio.delta\",\"delta\":\"";

	put_frame(&bytes, BEGINS, SLICE(head), 0);
	backend_sends(buf_slice(&bytes), 1);
	assert_true(events.kept.n <= sizeof(head));
	for (int i = 0; i < 100; i++) {
		buf_reset(&bytes);
		put_frame(&bytes, CONTINUES, SLICE("AAAAAAAAAAAAAAAA"), 0);
		backend_sends(buf_slice(&bytes), 1);
	}
	assert_true(events.kept.n <= sizeof(head));
}

static void
answers_begin_after_they_were_asked_for(void **state)
{
	assert_int_equal(events_ttft(&events), -1);
	client_says("{\"response\":{\"type\":\"x\"},\"type\":"
		    "\"response.create\"}",
	    1000);
	backend_says("{\"type\":\"response.created\"}", 1100);
	backend_says("{\"type\":\"response.output_text.delta\"}", 1300);
	backend_says("{\"type\":\"response.output_text.delta\"}", 9000);
	backend_says(DONE(USED), 9100);
	assert_int_equal(events_ttft(&events), 300);
	/* by voice: when the backend says that the turn is over */
	backend_says("{\"type\":\"input_audio_buffer.speech_stopped\"}", 20000);
	backend_says("{\"type\":\"input_audio_buffer.committed\"}", 20100);
	backend_says("{\"type\":\"conversation.item.input_audio_transcription"
		     ".delta\"}",
	    20150);
	backend_says("{\"type\":\"response.output_audio.delta\"}", 20200);
	assert_int_equal(events_ttft(&events), (300 + 100) / 2);
	assert_int_equal(events.begun, 2);
}

static void
an_answer_without_a_delta_was_not_waited_for(void **state)
{
	client_says("{\"type\":\"response.create\"}", 1000);
	backend_says(DONE(USED), 2000);
	backend_says("{\"type\":\"response.output_text.delta\"}", 900000);
	assert_int_equal(events_ttft(&events), -1);
}

static void
what_is_no_event_is_passed_over(void **state)
{
	static const char *const odd[] = { "", "}}}}]]]]", "\"type\"", "{",
		"{\"type\":{\"type\":\"response.done\"}}", "[[[[",
		"{\"type\":1}", "{\"type\":\"response.done\"",
		"{\"type\":\"response.done\"}x",
		"{\"t\\\"ype\":\"response.done\"}" };

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		backend_says(odd[i], 1);
		client_says(odd[i], 1);
	}
	assert_int_equal(events.answers, 2); /* neither of them told */
	assert_int_equal(events.untold, 2);
	backend_says(DONE(USED), 1);
	assert_int_equal(events.usage.input, 20);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_answers_used_is_added_up),
		TEST(reading_stops_where_an_answer_ends),
		TEST(it_is_found_byte_by_byte_and_with_the_type_at_the_end),
		TEST(an_answer_that_does_not_say_makes_the_sum_unknown),
		TEST(what_is_no_count_is_untold),
		TEST(what_is_longer_than_is_kept_is_untold),
		TEST(sound_is_not_kept),
		TEST(answers_begin_after_they_were_asked_for),
		TEST(an_answer_without_a_delta_was_not_waited_for),
		TEST(what_is_no_event_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
