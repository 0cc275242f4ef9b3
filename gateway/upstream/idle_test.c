/* gateway/upstream/idle_test.c - what comes on a connection that idles is
 * nobody's answer. */
#include "gateway/upstream/testing.h"

#include "gateway/upstream/tls_server.h"

#define STALE "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale"

static atomic_bool say_more, said_more;

/* One answer to each request, and to the first a second one: later, when
 * told. */
static void
script_answers_twice(struct connection *c)
{
	if (!hear_request(c))
		return;
	say(c, OK_2);
	if (c->number == 0) {
		while (!atomic_load(&say_more))
			usleep(1000);
		say(c, STALE);
		atomic_store(&said_more, true);
	}
	script_ok(c);
}

static void
first_call(struct rig *r)
{
	atomic_store(&say_more, false);
	atomic_store(&said_more, false);
	rig_run(r);
	assert_body(&r->call, "ok");
}

static void
let_it_say_more(void)
{
	atomic_store(&say_more, true);
	while (!atomic_load(&said_more))
		usleep(1000);
	usleep(5000);
}

static void
assert_next_is_answered(struct rig *r, unsigned connections)
{
	struct call c;

	call_init(&c);
	call_run(&r->client, &c, &r->req);
	assert_string_equal(c.result.message, "");
	assert_body(&c, "ok");
	call_fini(&c);
	assert_int_equal(atomic_load(&r->server.n), connections);
}

static void
a_second_answer_is_not_the_next_ones(void **state)
{
	struct rig r;

	for (uint32_t peer = 0; peer < 2; peer++) {
		rig_start(&r, script_answers_twice);
		r.req.peer = peer;
		first_call(&r);
		let_it_say_more();
		run_for(&r.client, 20 * USEC_MS);
		assert_next_is_answered(&r, 2);
		assert_next_is_answered(&r, 2);
		rig_stop(&r);
	}
}

/* The next request is there before the loop has looked. */
static void
nor_where_it_comes_in_the_same_turn(void **state)
{
	struct rig r;

	rig_start(&r, script_answers_twice);
	first_call(&r);
	let_it_say_more();
	assert_next_is_answered(&r, 2);
	rig_stop(&r);
}

#define OTHERS 300

static void
on_other(uv_poll_t *h, int status, int events)
{
	(void)h;
	(void)status;
	(void)events;
}

static void
nor_where_many_others_are_ready(void **state)
{
	static uv_poll_t other[OTHERS];
	int fds[OTHERS][2];
	struct rig r;

	rig_start(&r, script_answers_twice);
	first_call(&r);
	for (int i = 0; i < OTHERS; i++) {
		assert_int_equal(pipe(fds[i]), 0);
		assert_int_equal(write(fds[i][1], "x", 1), 1);
		uv_poll_init(&r.client.loop, &other[i], fds[i][0]);
		uv_poll_start(&other[i], UV_READABLE, on_other);
	}
	uv_run(&r.client.loop, UV_RUN_NOWAIT);
	let_it_say_more();
	assert_next_is_answered(&r, 2);
	for (int i = 0; i < OTHERS; i++)
		uv_close((uv_handle_t *)&other[i], NULL);
	rig_stop(&r);
	for (int i = 0; i < OTHERS; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

static void
nor_under_tls(void **state)
{
	const struct pki *p = *state;
	struct rig r;

	for (int turn = 0; turn < 2; turn++) {
		rig_start_tls(&r, tls_of(p, p->cert), script_answers_twice);
		r.req.ca_file = p->ca;
		first_call(&r);
		let_it_say_more();
		if (turn > 0)
			run_for(&r.client, 20 * USEC_MS);
		assert_next_is_answered(&r, 2);
		rig_stop(&r);
	}
}

/* Both in one piece, the second longer than what is read at once. */
static void
script_says_two_at_once(struct connection *c)
{
	static char all[65536];
	int n;

	if (c->number > 0)
		script_ok(c);
	if (!hear_request(c))
		return;
	memset(all, 'x', sizeof(all));
	n = snprintf(all, sizeof(all),
	    "%s2\r\nok\r\n0\r\n\r\n"
	    "HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n",
	    OK_CHUNKED);
	all[n] = 'x';
	say_bytes(c, all, sizeof(all));
	script_ok(c);
}

static void
nor_where_half_of_it_was_read_with_the_first(void **state)
{
	struct rig r;

	rig_start(&r, script_says_two_at_once);
	rig_run(&r);
	assert_body(&r.call, "ok");
	usleep(5000);
	assert_next_is_answered(&r, 2);
	rig_stop(&r);
}

/* Session tickets of TLS 1.3 come unasked; yet one connection serves all. */
static void
a_quiet_connection_is_used_again(void **state)
{
	const struct pki *p = *state;
	struct rig r;

	rig_start_tls(&r, tls_of(p, p->cert), script_ok);
	r.req.ca_file = p->ca;
	rig_run(&r);
	for (int i = 0; i < 20; i++) {
		if (i % 2 != 0)
			run_for(&r.client, 10 * USEC_MS);
		assert_next_is_answered(&r, 1);
	}
	rig_stop(&r);
}

static char long_body[400000];

static void
script_says_much(struct connection *c)
{
	while (hear_request(c)) {
		say(c, "HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n");
		say_bytes(c, long_body, sizeof(long_body));
	}
}

#define AT_ONCE 4

static void
calls_at_once(struct rig *r)
{
	struct call c[AT_ONCE];

	for (int i = 0; i < AT_ONCE; i++) {
		call_init(&c[i]);
		call_start(&r->client, &c[i], &r->req);
	}
	for (int i = 0; i < AT_ONCE; i++)
		run_until(&r->client, &c[i].done);
	for (int i = 0; i < AT_ONCE; i++) {
		assert_int_equal(c[i].result.fault, FAULT_NONE);
		assert_int_equal(c[i].body.n, sizeof(long_body));
		call_fini(&c[i]);
	}
}

/* libcurl reads the end of one answer while it is told of another socket: what
 * uv has to say of the first one is old by then. */
static void
nor_is_what_has_been_read_an_answer_unasked(void **state)
{
	struct rig r;

	memset(long_body, 'x', sizeof(long_body));
	rig_start(&r, script_says_much);
	r.req.streamed = true;
	r.req.peer = 1;
	for (int i = 0; i < 200; i++)
		calls_at_once(&r);
	assert_int_equal(atomic_load(&r.server.n), AT_ONCE);
	rig_stop(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_answer_is_not_the_next_ones),
		cmocka_unit_test(nor_where_it_comes_in_the_same_turn),
		cmocka_unit_test(nor_where_many_others_are_ready),
		cmocka_unit_test(nor_under_tls),
		cmocka_unit_test(nor_where_half_of_it_was_read_with_the_first),
		cmocka_unit_test(a_quiet_connection_is_used_again),
		cmocka_unit_test(nor_is_what_has_been_read_an_answer_unasked),
	};

	return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
