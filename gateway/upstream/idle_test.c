/* gateway/upstream/idle_test.c - what comes on a connection that idles is
 * nobody's answer. */
#include "gateway/upstream/testing.h"

#include "gateway/upstream/inner.h"
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_answer_is_not_the_next_ones),
		cmocka_unit_test(nor_where_it_comes_in_the_same_turn),
		cmocka_unit_test(nor_under_tls),
		cmocka_unit_test(nor_where_half_of_it_was_read_with_the_first),
		cmocka_unit_test(a_quiet_connection_is_used_again),
	};

	return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
