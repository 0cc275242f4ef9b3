/* gateway/upstream/cancel_test.c - a call that is not wanted any more ends at
 * once, and nobody is told of it. */
#include "gateway/upstream/testing.h"

#define SOON (500 * USEC_MS) /* the machine may do something else first */

static void
script_silent(struct connection *c)
{
	if (hear_request(c))
		await_leaving(c);
}

static void
script_endless(struct connection *c)
{
	if (!hear_request(c))
		return;
	say(c, OK_CHUNKED);
	say_chunk(c, "data: 1\n\n");
	await_leaving(c);
}

static void
a_cancelled_request_closes_its_connection_at_once(void **state)
{
	struct upstream_stats stats;
	struct rig r;
	usec began;

	rig_start(&r, script_silent);
	call_start(&r.client, &r.call, &r.req);
	run_for(&r.client, 50 * USEC_MS);
	began = clock_now();
	transfer_cancel(&r.call.transfer);
	assert_null(r.call.transfer);
	await_gone(&r.client, &r.server);
	assert_in_range(r.server.gone_at - began, 0, SOON);
	assert_false(r.call.done);
	upstream_stats(r.client.up, &stats);
	assert_int_equal(stats.transfers, 0);
	rig_stop(&r);
}

static void
cancel_self(struct call *c)
{
	transfer_cancel(&c->transfer);
}

static void
a_stream_may_be_cancelled_from_its_own_bytes(void **state)
{
	struct rig r;

	rig_start(&r, script_endless);
	r.call.on_bytes_hook = cancel_self;
	call_start(&r.client, &r.call, &r.req);
	await_gone(&r.client, &r.server);
	assert_in_range(r.server.gone_at - r.call.came_at, 0, SOON);
	assert_false(r.call.done);
	rig_stop(&r);
}

static void
cancel_other(struct call *c)
{
	struct call *other = c->hook_arg;

	transfer_cancel(&other->transfer);
}

static void
a_stream_may_be_cancelled_from_the_bytes_of_another(void **state)
{
	struct server silent = { 0 }, stream = { 0 };
	struct client client;
	struct transfer_request req;
	struct call a, b;

	server_start(&silent, script_silent);
	server_start(&stream, script_stream);
	client_start(&client);
	call_init(&a);
	call_init(&b);
	req = post_to(silent.url);
	call_start(&client, &a, &req);
	run_for(&client, 20 * USEC_MS);
	b.on_bytes_hook = cancel_other;
	b.hook_arg = &a;
	req = post_to(stream.url);
	call_run(&client, &b, &req);
	await_gone(&client, &silent);
	assert_false(a.done);
	assert_int_equal(b.result.fault, FAULT_NONE);
	call_fini(&a);
	call_fini(&b);
	client_stop(&client);
	server_stop(&silent);
	server_stop(&stream);
}

static void
script_reader(struct connection *c)
{
	if (hear_head(c))
		await_leaving(c);
}

/* A body may be freed right after the cancel, though its socket is still
 * served until the next settle: here that comes late. */
static void
a_cancelled_body_is_not_read_any_more(void **state)
{
	struct slice body = { NULL, (size_t)64 << 20 };
	struct rig r;
	struct upstream *up;
	char *big = calloc(1, body.n);

	rig_start(&r, script_reader);
	body.p = big;
	r.req.body = &body;
	r.req.n_body = 1;
	call_start(&r.client, &r.call, &r.req);
	while (r.server.n == 0)
		uv_run(&r.client.loop, UV_RUN_ONCE);
	transfer_cancel(&r.call.transfer);
	free(big); /* the sanitizer watches */
	up = r.client.up;
	r.client.up = NULL;
	run_for(&r.client, 20 * USEC_MS);
	r.client.up = up;
	await_gone(&r.client, &r.server);
	assert_false(r.call.done);
	rig_stop(&r);
}

static void
a_cancel_before_the_start_sends_nothing(void **state)
{
	struct rig r;

	rig_start(&r, script_echo);
	call_start(&r.client, &r.call, &r.req);
	transfer_cancel(&r.call.transfer);
	run_for(&r.client, 30 * USEC_MS);
	assert_int_equal(r.server.n, 0);
	rig_run(&r);
	assert_int_equal(r.call.result.fault, FAULT_NONE);
	rig_stop(&r);
}

static atomic_bool may_end;

/* An end mark, and then what is left of the transfer, once it is let end. */
static void
script_late_end(struct connection *c)
{
	while (hear_request(c)) {
		say(c, OK_CHUNKED);
		say_chunk(c, "data: 1\n\n");
		for (int i = 0; i < 5000 && !atomic_exchange(&may_end, false);
		     i++)
			usleep(1000);
		say(c, "0\r\n\r\n");
	}
}

static void
call_until_bytes(struct rig *r)
{
	usec end = clock_now() + PATIENCE;

	call_start(&r->client, &r->call, &r->req);
	while (r->call.came_at == 0 && clock_now() < end)
		uv_run(&r->client.loop, UV_RUN_ONCE);
	assert_int_not_equal(r->call.came_at, 0);
}

static void
what_may_end_alone_leaves_its_connection(void **state)
{
	struct upstream_stats stats;
	struct rig r;

	rig_start(&r, script_late_end);
	for (int i = 0; i < 3; i++) {
		call_until_bytes(&r);
		transfer_let_end(&r.call.transfer);
		assert_null(r.call.transfer);
		atomic_store(&may_end, true);
		do {
			run_for(&r.client, 5 * USEC_MS);
			upstream_stats(r.client.up, &stats);
		} while (stats.transfers > 0);
		assert_false(r.call.done);
	}
	assert_int_equal(stats.connections_made, 1);
	rig_stop(&r);
}

static void
what_does_not_end_soon_is_cancelled(void **state)
{
	struct upstream_stats stats;
	struct rig r;
	usec began;

	rig_start(&r, script_endless);
	call_until_bytes(&r);
	began = clock_now();
	transfer_let_end(&r.call.transfer);
	await_gone(&r.client, &r.server);
	assert_in_range(r.server.gone_at - began, TRANSFER_LINGER - USEC_MS,
	    TRANSFER_LINGER + SOON);
	upstream_stats(r.client.up, &stats);
	assert_int_equal(stats.transfers, 0);
	rig_stop(&r);
}

static void
closing_with_open_transfers_calls_nobody(void **state)
{
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c[3];

	server_start(&s, script_endless);
	client_start(&client);
	req = post_to(s.url);
	for (int i = 0; i < 3; i++) {
		call_init(&c[i]);
		c[i].pause_every = i == 2;
		call_start(&client, &c[i], &req);
		if (i < 2)
			run_for(&client, 20 * USEC_MS);
	}
	client_stop(&client);
	for (int i = 0; i < 3; i++) {
		assert_false(c[i].done);
		call_fini(&c[i]);
	}
	server_stop(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_cancelled_request_closes_its_connection_at_once),
		cmocka_unit_test(a_stream_may_be_cancelled_from_its_own_bytes),
		cmocka_unit_test(
		    a_stream_may_be_cancelled_from_the_bytes_of_another),
		cmocka_unit_test(a_cancelled_body_is_not_read_any_more),
		cmocka_unit_test(a_cancel_before_the_start_sends_nothing),
		cmocka_unit_test(what_may_end_alone_leaves_its_connection),
		cmocka_unit_test(what_does_not_end_soon_is_cancelled),
		cmocka_unit_test(closing_with_open_transfers_calls_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
