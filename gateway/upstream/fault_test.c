/* gateway/upstream/fault_test.c - each way an answer can fail has its own
 * name. */
#include "gateway/upstream/testing.h"

static enum fault_kind
fault_of_script(void (*script)(struct connection *))
{
	struct server s = { 0 };
	enum fault_kind fault;

	server_start(&s, script);
	fault = fault_at(s.url, 5 * USEC_SEC);
	server_stop(&s);
	return fault;
}

/* --- before a byte of an answer --- */

static void
script_hang_up(struct connection *c)
{
	(void)c;
}

static void
script_hang_up_after_request(struct connection *c)
{
	hear_request(c);
}

static void
script_slam(struct connection *c)
{
	hear_request(c);
	slam(c);
}

static void
no_answer_is_a_reset(void **state)
{
	assert_int_equal(fault_of_script(script_hang_up), FAULT_RESET);
	assert_int_equal(
	    fault_of_script(script_hang_up_after_request), FAULT_RESET);
	assert_int_equal(fault_of_script(script_slam), FAULT_RESET);
}

static void
script_slam_at_head(struct connection *c)
{
	hear_head(c);
	slam(c);
}

/* It may take shorter ones. */
static void
a_long_body_that_is_not_taken_is_a_cut(void **state)
{
	size_t n = (size_t)20 << 20;
	char *big = calloc(1, n);
	const struct slice body = { big, n };
	struct rig r;

	rig_start(&r, script_slam_at_head);
	r.req.body = &body;
	r.req.n_body = 1;
	assert_int_equal(rig_fault(&r), FAULT_CUT);
	rig_stop(&r);
	free(big);
}

/* --- within an answer --- */

static void
script_cut_head(struct connection *c)
{
	hear_request(c);
	say(c, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConte");
}

static void
script_short(struct connection *c)
{
	hear_request(c);
	say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
}

static void
script_cut_stream(struct connection *c)
{
	hear_request(c);
	say(c, OK_CHUNKED);
	say_chunk(c, "data: 1\n\n");
}

static void
script_slammed_stream(struct connection *c)
{
	script_cut_stream(c);
	usleep(20000);
	slam(c);
}

static void
an_answer_cut_short_is_cut(void **state)
{
	assert_int_equal(fault_of_script(script_cut_head), FAULT_CUT);
	assert_int_equal(fault_of_script(script_short), FAULT_CUT);
	assert_int_equal(fault_of_script(script_cut_stream), FAULT_CUT);
	assert_int_equal(fault_of_script(script_slammed_stream), FAULT_CUT);
}

static void
script_bad_chunk(struct connection *c)
{
	hear_request(c);
	say(c, OK_CHUNKED);
	say_chunk(c, "data: 1\n\n");
	say(c, "zz\r\nwhat?\r\n");
	await_leaving(c);
}

static void
script_bad_length(struct connection *c)
{
	hear_request(c);
	say(c, "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n0123456789");
	await_leaving(c);
}

static void
script_unknown_coding(struct connection *c)
{
	hear_request(c);
	say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: rot13\r\n\r\nuryyb");
	await_leaving(c);
}

static void
script_not_http(struct connection *c)
{
	hear_request(c);
	say(c, "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3 and more of it\r\n");
	await_leaving(c);
}

static void
nonsense_is_bad_framing(void **state)
{
	assert_int_equal(fault_of_script(script_bad_chunk), FAULT_FRAMING);
	assert_int_equal(fault_of_script(script_bad_length), FAULT_FRAMING);
	assert_int_equal(fault_of_script(script_unknown_coding), FAULT_FRAMING);
	assert_int_equal(fault_of_script(script_not_http), FAULT_FRAMING);
}

static void
a_fault_behind_a_pause_is_not_lost(void **state)
{
	struct rig r;

	rig_start(&r, script_bad_chunk);
	r.call.pause_every = 1;
	call_start(&r.client, &r.call, &r.req);
	resume_and_run(&r.client, &r.call);
	assert_int_equal(r.call.result.fault, FAULT_FRAMING);
	assert_body(&r.call, "data: 1\n\n");
	rig_stop(&r);
}

static void
script_too_much(struct connection *c)
{
	while (hear_request(c))
		say(c, OK_2 "and more than was announced");
}

/* More than the length says is somebody else's: the answer is whole, and the
 * connection is not used again. */
static void
surplus_bytes_do_not_reach_the_next_answer(void **state)
{
	struct rig r;
	struct call c;

	rig_start(&r, script_too_much);
	for (int i = 0; i < 2; i++) {
		call_init(&c);
		call_run(&r.client, &c, &r.req);
		assert_int_equal(c.result.fault, FAULT_NONE);
		assert_false(c.result.reused);
		assert_body(&c, "ok");
		call_fini(&c);
	}
	rig_stop(&r);
}

/* --- a kept-alive connection that has died --- */

static void
script_one_each(struct connection *c)
{
	hear_request(c);
	say(c, OK_2);
}

static void
two_calls(void (*script)(struct connection *), const struct slice *body,
    struct transfer_result *second)
{
	struct rig r;
	struct call c;

	rig_start(&r, script);
	assert_int_equal(rig_fault(&r), FAULT_NONE);
	usleep(50000);
	call_init(&c);
	r.req.body = body;
	r.req.n_body = 1;
	call_run(&r.client, &c, &r.req);
	*second = c.result;
	call_fini(&c);
	rig_stop(&r);
}

static void
a_connection_that_was_closed_is_replaced(void **state)
{
	const struct slice body = SLICE("x");
	struct transfer_result r;

	two_calls(script_one_each, &body, &r);
	assert_int_equal(r.fault, FAULT_NONE);
	assert_false(r.reused);
}

/* The first connection answers once and breaks with the second request. */
static void
script_die_on_second(struct connection *c)
{
	if (c->number > 0) {
		while (hear_request(c))
			say(c, OK_2);
		return;
	}
	hear_request(c);
	say(c, OK_2);
	hear_head(c);
	slam(c);
}

static void
a_request_that_met_a_dying_connection_is_sent_again(void **state)
{
	const struct slice body = SLICE("x");
	struct transfer_result r;

	two_calls(script_die_on_second, &body, &r);
	assert_int_equal(r.fault, FAULT_NONE);
	assert_int_equal(r.status, 200);
	assert_false(r.reused);
}

/* libcurl itself gives up here: it was writing, not reading. */
static void
a_long_body_that_met_a_dying_connection_is_sent_again(void **state)
{
	size_t n = (size_t)20 << 20;
	char *big = calloc(1, n);
	const struct slice body = { big, n };
	struct transfer_result r;

	two_calls(script_die_on_second, &body, &r);
	assert_int_equal(r.fault, FAULT_NONE);
	assert_false(r.reused);
	free(big);
}

/* The first connection leads elsewhere from the second request on. */
static void
script_misdirect(struct connection *c)
{
	if (c->number == 0) {
		hear_request(c);
		say(c, OK_2);
	}
	while (hear_request(c))
		say(c,
		    c->number == 0 ? "HTTP/1.1 421 Misdirected Request\r\n"
				     "Content-Length: 5\r\n\r\nwrong"
				   : OK_2);
}

static void
a_misdirected_request_is_sent_on_another_connection(void **state)
{
	const struct slice body = SLICE("x");
	struct rig r;
	struct call c;

	rig_start(&r, script_misdirect);
	r.req.body = &body;
	r.req.n_body = 1;
	assert_int_equal(rig_fault(&r), FAULT_NONE);
	for (int i = 0; i < 2; i++) { /* which is then kept */
		call_init(&c);
		call_run(&r.client, &c, &r.req);
		assert_int_equal(c.result.fault, FAULT_NONE);
		assert_int_equal(c.result.status, 200);
		assert_int_equal(c.result.reused, i > 0);
		assert_body(&c, "ok");
		call_fini(&c);
	}
	rig_stop(&r);
}

static void
script_misdirect_all(struct connection *c)
{
	while (hear_request(c))
		say(c,
		    "HTTP/1.1 421 Misdirected Request\r\n"
		    "Content-Length: 5\r\n\r\nwrong");
}

/* On a connection of its own it is an answer like others. */
static void
who_is_never_the_right_one_is_told(void **state)
{
	struct rig r;
	struct call c;

	rig_start(&r, script_misdirect_all);
	call_init(&c);
	call_run(&r.client, &c, &r.req);
	assert_int_equal(c.result.fault, FAULT_NONE);
	assert_int_equal(c.result.status, 421);
	assert_body(&c, "wrong");
	call_fini(&c);
	rig_stop(&r);
}

/* Again and again: told as it is, without an endless loop. */
static void
script_die_always(struct connection *c)
{
	if (c->number == 0) {
		script_die_on_second(c);
		return;
	}
	hear_head(c);
	slam(c);
}

static void
a_dead_backend_behind_a_dead_connection_is_a_reset(void **state)
{
	const struct slice body = SLICE("x");
	struct transfer_result r;

	two_calls(script_die_always, &body, &r);
	assert_int_equal(r.fault, FAULT_RESET);
}

static void
script_long_line(struct connection *c)
{
	static char line[150000];

	memset(line, 'y', sizeof(line) - 1);
	hear_request(c);
	say(c, "HTTP/1.1 200 OK\r\nX-Long: ");
	say(c, line);
	say(c, "\r\nContent-Length: 2\r\n\r\nok");
}

static void
script_bad_trailer(struct connection *c)
{
	hear_request(c);
	say(c, OK_CHUNKED "2\r\nok\r\n0\r\nno colon\r\n\r\n");
}

/* libcurl calls them a lack of memory and a bad argument. */
static void
what_libcurl_cannot_store_is_bad_framing(void **state)
{
	assert_int_equal(fault_of_script(script_long_line), FAULT_FRAMING);
	assert_int_equal(fault_of_script(script_bad_trailer), FAULT_FRAMING);
}

static void
script_trailers(struct connection *c)
{
	hear_request(c);
	say(c, OK_CHUNKED "2\r\nok\r\n0\r\n");
	for (int i = 0; i < (c->number == 0 ? 50 : 1000); i++)
		say(c, "x: y\r\n");
	say(c, "\r\n");
}

static void
trailers_without_end_are_bad_framing(void **state)
{
	const struct slice body = SLICE("x");
	struct transfer_result r;

	assert_int_equal(fault_of_script(script_trailers), FAULT_NONE);
	two_calls(script_trailers, &body, &r);
	assert_int_equal(r.fault, FAULT_FRAMING);
}

/* --- lines that continue none --- */

#define LENGTH_2 "Content-Length: 2\r\n\r\nok"

/* Odd answers begin with lines that continue the status line, if any. */
static void
script_folds(struct connection *c)
{
	static const char *const odd[] = {
		"HTTP/1.1 200 OK\r\n a: some more words\r\n" LENGTH_2,
		"HTTP/1.1 200 OK\r\n\ta: 1\r\n b: 2\r\n c: 3\r\n" LENGTH_2,
		"HTTP/1.1 200 OK\r\n a: 1\r\n \r\nB: 2\r\n 3\r\n" LENGTH_2,
		"HTTP/1.1 100 Continue\r\n\r\n"
		"HTTP/1.1 200 OK\r\n a: 1\r\n" LENGTH_2,
		"HTTP/1.1 103 Early Hints\r\nA: 1\r\n\r\n"
		"HTTP/1.1 200 OK\r\n\ta: 1\r\n" LENGTH_2,
	};

	for (size_t i = 0; hear_request(c); i++)
		say(c, i % 2 == 0 ? OK_2 : odd[i / 2]);
}

/* They are lost, and nothing of an answer before is touched: for sanitizers to
 * see. */
static void
a_line_that_continues_none_is_passed_over(void **state)
{
	struct rig r;
	struct call c;

	rig_start(&r, script_folds);
	for (int i = 0; i < 10; i++) {
		call_init(&c);
		call_run(&r.client, &c, &r.req);
		assert_string_equal(c.result.message, "");
		assert_body(&c, "ok");
		buf_add_char(&c.headers, '\0');
		assert_string_equal(c.headers.p,
		    i == 5 ? "B=2;Content-Length=2;" : "Content-Length=2;");
		call_fini(&c);
	}
	rig_stop(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_answer_is_a_reset),
		cmocka_unit_test(a_line_that_continues_none_is_passed_over),
		cmocka_unit_test(what_libcurl_cannot_store_is_bad_framing),
		cmocka_unit_test(trailers_without_end_are_bad_framing),
		cmocka_unit_test(a_long_body_that_is_not_taken_is_a_cut),
		cmocka_unit_test(an_answer_cut_short_is_cut),
		cmocka_unit_test(nonsense_is_bad_framing),
		cmocka_unit_test(a_fault_behind_a_pause_is_not_lost),
		cmocka_unit_test(surplus_bytes_do_not_reach_the_next_answer),
		cmocka_unit_test(a_connection_that_was_closed_is_replaced),
		cmocka_unit_test(
		    a_request_that_met_a_dying_connection_is_sent_again),
		cmocka_unit_test(
		    a_long_body_that_met_a_dying_connection_is_sent_again),
		cmocka_unit_test(
		    a_misdirected_request_is_sent_on_another_connection),
		cmocka_unit_test(who_is_never_the_right_one_is_told),
		cmocka_unit_test(
		    a_dead_backend_behind_a_dead_connection_is_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
