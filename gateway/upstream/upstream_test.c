/* gateway/upstream/upstream_test.c - requests, answers, pauses and cancels. */
#include "gateway/upstream/multi.h"
#include "gateway/upstream/scripted.h"

static void
script_echo(struct connection *c)
{
	char head[64];

	while (hear_request(c)) {
		snprintf(head, sizeof(head),
		    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
		    c->body.n);
		say(c, head);
		say_bytes(c, c->body.p, c->body.n);
	}
}

/* Answers with the request's head. */
static void
script_mirror(struct connection *c)
{
	char head[64];

	while (hear_request(c)) {
		snprintf(head, sizeof(head),
		    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
		    strlen(c->head.p));
		say(c, head);
		say(c, c->head.p);
	}
}

static void
a_body_in_three_pieces_arrives_whole(void **state)
{
	const struct slice pieces[] = { SLICE("{\"model\":"),
		SLICE("\"gemma\""), SLICE(",\"n\":1}") };
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;

	(void)state;
	server_start(&s, script_echo);
	client_start(&client);
	call_init(&c);
	req = post_to(s.url);
	req.body = pieces;
	req.n_body = 3;
	call_run(&client, &c, &req);
	assert_int_equal(c.result.fault, FAULT_NONE);
	assert_int_equal(c.result.status, 200);
	assert_int_equal(c.status, 200);
	assert_string_equal(c.result.message, "");
	assert_body(&c, "{\"model\":\"gemma\",\"n\":1}");
	assert_int_equal(c.result.received, c.body.n);
	assert_false(c.result.reused);
	assert_true(c.result.connect >= 0);
	assert_int_equal(c.result.tls, -1);
	call_fini(&c);
	client_stop(&client);
	server_stop(&s);
}

static void
note_body_done(struct call *c)
{
	*(bool *)c->hook_arg = transfer_body_done(c->transfer);
}

/* Beyond what is copied: read from where it lies, an empty piece included. */
static void
a_body_of_megabytes_arrives_whole(void **state)
{
	size_t n = (size_t)3 << 20;
	char *big = malloc(n);
	struct slice pieces[] = { SLICE("<"), slice_make(NULL, 0),
		slice_make(big, n), SLICE(">") };
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	bool body_done = false;
	struct call c;

	(void)state;
	for (size_t i = 0; i < n; i++)
		big[i] = (char)('a' + i % 23);
	server_start(&s, script_echo);
	client_start(&client);
	req = post_to(s.url);
	req.body = pieces;
	req.n_body = 4;
	for (int i = 0; i < 2; i++) {
		call_init(&c);
		c.on_bytes_hook = note_body_done;
		c.hook_arg = &body_done;
		call_start(&client, &c, &req);
		assert_false(transfer_body_done(c.transfer));
		run_until(&client, &c.done);
		assert_true(body_done);
		assert_int_equal(c.result.fault, FAULT_NONE);
		assert_int_equal(c.body.n, n + 2);
		assert_memory_equal(c.body.p + 1, big, n);
		call_fini(&c);
	}
	client_stop(&client);
	server_stop(&s);
	free(big);
}

static void
a_second_request_uses_the_same_connection(void **state)
{
	const struct slice body = SLICE("x");
	struct upstream_stats stats;
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;

	(void)state;
	server_start(&s, script_echo);
	client_start(&client);
	req = post_to(s.url);
	req.body = &body;
	req.n_body = 1;
	for (int i = 0; i < 3; i++) {
		call_init(&c);
		call_run(&client, &c, &req);
		assert_int_equal(c.result.fault, FAULT_NONE);
		assert_int_equal(c.result.reused, i > 0);
		assert_int_equal(c.result.connect >= 0, i == 0);
		call_fini(&c);
	}
	upstream_stats(client.up, &stats);
	assert_int_equal(stats.connections_made, 1);
	assert_int_equal(stats.transfers, 0);
	assert_int_equal(stats.multis, 1);
	assert_int_equal(s.n, 1);
	client_stop(&client);
	server_stop(&s);
}

static void
only_the_given_headers_are_sent(void **state)
{
	const struct slice body = SLICE("{}");
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;

	(void)state;
	server_start(&s, script_mirror);
	client_start(&client);
	call_init(&c);
	req = post_to(s.url);
	req.headers = SLICE("authorization: Bearer k\nx-empty:\n");
	req.body = &body;
	req.n_body = 1;
	call_run(&client, &c, &req);
	buf_add_char(&c.body, '\0');
	assert_non_null(strstr(c.body.p, "POST /v1/x HTTP/1.1\r\n"));
	assert_non_null(strstr(c.body.p, "\r\nauthorization: Bearer k\r\n"));
	assert_non_null(strstr(c.body.p, "\r\nx-empty:\r\n"));
	assert_non_null(strstr(c.body.p, "\r\nContent-Length: 2\r\n"));
	assert_null(strcasestr(c.body.p, "expect"));
	assert_null(strcasestr(c.body.p, "accept"));
	assert_null(strcasestr(c.body.p, "content-type"));
	assert_null(strcasestr(c.body.p, "user-agent"));
	call_fini(&c);

	/* The same handle carries nothing of this over to the next. */
	call_init(&c);
	req = post_to(s.url);
	req.method = "GET";
	req.headers = SLICE("accept: text/plain");
	call_run(&client, &c, &req);
	assert_true(c.result.reused);
	buf_add_char(&c.body, '\0');
	assert_non_null(strstr(c.body.p, "GET /v1/x HTTP/1.1\r\n"));
	assert_non_null(strstr(c.body.p, "\r\naccept: text/plain\r\n"));
	assert_null(strcasestr(c.body.p, "authorization"));
	assert_null(strcasestr(c.body.p, "content-length"));
	call_fini(&c);
	client_stop(&client);
	server_stop(&s);
}

static void
script_interim(struct connection *c)
{
	while (hear_request(c)) {
		say(c, "HTTP/1.1 100 Continue\r\nx-interim: 1\r\n\r\n");
		say(c, "HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n");
		say(c,
		    "HTTP/1.1 429 Slow Down\r\nRetry-After:  7 \r\n"
		    "Transfer-Encoding: chunked\r\nTrailer: x-t\r\n\r\n");
		say_chunk(c, "busy");
		say(c, "0\r\nx-t: late\r\n\r\n");
	}
}

static void
interim_answers_and_trailers_are_not_passed_on(void **state)
{
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;

	(void)state;
	server_start(&s, script_interim);
	client_start(&client);
	call_init(&c);
	req = post_to(s.url);
	call_run(&client, &c, &req);
	assert_int_equal(c.result.fault, FAULT_NONE);
	assert_int_equal(c.status, 429);
	assert_int_equal(c.heads, 1);
	buf_add_char(&c.headers, '\0');
	assert_string_equal(c.headers.p,
	    "Retry-After=7;Transfer-Encoding=chunked;Trailer=x-t;");
	assert_body(&c, "busy");
	call_fini(&c);
	client_stop(&client);
	server_stop(&s);
}

static void
script_redirect(struct connection *c)
{
	while (hear_request(c))
		say(c,
		    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
		    "Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n");
}

static void
a_redirect_is_an_answer_like_any_other(void **state)
{
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;

	(void)state;
	server_start(&s, script_redirect);
	client_start(&client);
	call_init(&c);
	req = post_to(s.url);
	call_run(&client, &c, &req);
	assert_int_equal(c.result.fault, FAULT_NONE);
	assert_int_equal(c.status, 302);
	call_fini(&c);
	client_stop(&client);
	server_stop(&s);
}

#define STREAM_EVENTS 40
#define STREAM_GAP_US 2000

static void
script_stream(struct connection *c)
{
	char event[64];

	while (hear_request(c)) {
		say(c, OK_CHUNKED);
		for (int i = 0; i < STREAM_EVENTS; i++) {
			snprintf(event, sizeof(event), "data: %d\n\n", i);
			say_chunk(c, event);
			usleep(STREAM_GAP_US);
		}
		say(c, "0\r\n\r\n");
	}
}

static void
count_calls(struct call *c)
{
	++*(unsigned *)c->hook_arg;
}

static void
a_chunked_stream_comes_as_it_is_sent(void **state)
{
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	unsigned calls = 0;
	struct buf want;
	struct call c;

	(void)state;
	server_start(&s, script_stream);
	client_start(&client);
	call_init(&c);
	c.on_bytes_hook = count_calls;
	c.hook_arg = &calls;
	buf_init(&want, 65536);
	for (int i = 0; i < STREAM_EVENTS; i++)
		buf_addf(&want, "data: %d\n\n", i);
	buf_add_char(&want, '\0');
	req = post_to(s.url);
	call_run(&client, &c, &req);
	assert_int_equal(c.result.fault, FAULT_NONE);
	assert_body(&c, want.p);
	assert_true(calls > STREAM_EVENTS / 2); /* not in one lump */
	buf_fini(&want);
	call_fini(&c);
	client_stop(&client);
	server_stop(&s);
}

/* --- back-pressure --- */

#define FLOOD_BYTES ((size_t)5 << 20)
static const size_t flood_sent_max = FLOOD_BYTES;

static void
script_flood(struct connection *c)
{
	char line[1025];

	while (hear_request(c)) {
		say(c, OK_CHUNKED);
		for (size_t sent = 0; sent < flood_sent_max; sent += 1024) {
			memset(line, 'a' + (int)(sent / 1024 % 26), 1024);
			line[1024] = '\0';
			if (!say_chunk(c, line))
				return;
			atomic_store(&c->server->gone_at, (long long)sent);
		}
		say(c, "0\r\n\r\n");
	}
}

static void
assert_flood(const struct call *c)
{
	assert_int_equal(c->body.n, FLOOD_BYTES);
	for (size_t i = 0; i < FLOOD_BYTES; i++)
		if (c->body.p[i] != (char)('a' + (int)(i / 1024 % 26)))
			fail_msg("byte %zu is wrong", i);
}

static void
a_paused_stream_holds_the_backend_and_loses_nothing(void **state)
{
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	size_t had, sent;
	struct call c;

	(void)state;
	server_start(&s, script_flood);
	client_start(&client);
	call_init(&c);
	c.pause_every = 100000;
	req = post_to(s.url);
	call_start(&client, &c, &req);
	run_until(&client, &c.paused);
	had = c.body.n;
	run_for(&client, 150 * USEC_MS);
	assert_int_equal(c.body.n, had);
	assert_false(c.done);
	sent = (size_t)atomic_load(&s.gone_at);
	run_for(&client, 50 * USEC_MS);
	assert_int_equal(sent, atomic_load(&s.gone_at)); /* it waits */

	resume_and_run(&client, &c);
	assert_int_equal(c.result.fault, FAULT_NONE);
	assert_flood(&c);
	call_fini(&c);
	client_stop(&client);
	server_stop(&s);
}

/* Each and every call says false, the last one included. */
static void
pausing_at_every_byte_run_ends_well(void **state)
{
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;

	(void)state;
	server_start(&s, script_stream);
	client_start(&client);
	call_init(&c);
	c.pause_every = 1;
	req = post_to(s.url);
	call_start(&client, &c, &req);
	resume_and_run(&client, &c);
	assert_int_equal(c.result.fault, FAULT_NONE);
	assert_int_equal(c.body.n, 10 * 9 + 30 * 10);
	call_fini(&c);
	client_stop(&client);
	server_stop(&s);
}

/* --- cancelling --- */

#define SOON (100 * USEC_MS)

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
await_gone(struct client *client, struct server *s)
{
	usec end = clock_now() + PATIENCE;

	while (atomic_load(&s->gone_at) == 0 && clock_now() < end)
		uv_run(&client->loop, UV_RUN_ONCE);
}

static void
a_cancelled_request_closes_its_connection_at_once(void **state)
{
	struct upstream_stats stats;
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;
	usec began;

	(void)state;
	server_start(&s, script_silent);
	client_start(&client);
	call_init(&c);
	req = post_to(s.url);
	call_start(&client, &c, &req);
	run_for(&client, 50 * USEC_MS);
	began = clock_now();
	transfer_cancel(&c.transfer);
	assert_null(c.transfer);
	await_gone(&client, &s);
	assert_in_range(s.gone_at - began, 0, SOON);
	assert_false(c.done);
	upstream_stats(client.up, &stats);
	assert_int_equal(stats.transfers, 0);
	call_fini(&c);
	client_stop(&client);
	server_stop(&s);
}

static void
cancel_self(struct call *c)
{
	transfer_cancel(&c->transfer);
}

static void
a_stream_may_be_cancelled_from_its_own_bytes(void **state)
{
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;

	(void)state;
	server_start(&s, script_endless);
	client_start(&client);
	call_init(&c);
	c.on_bytes_hook = cancel_self;
	req = post_to(s.url);
	call_start(&client, &c, &req);
	await_gone(&client, &s);
	assert_in_range(s.gone_at - c.came_at, 0, SOON);
	assert_false(c.done);
	call_fini(&c);
	client_stop(&client);
	server_stop(&s);
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

	(void)state;
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
	assert_true(silent.gone_at > 0);
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
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct upstream *up;
	struct call c;
	char *big = calloc(1, body.n);

	(void)state;
	server_start(&s, script_reader);
	client_start(&client);
	call_init(&c);
	body.p = big;
	req = post_to(s.url);
	req.body = &body;
	req.n_body = 1;
	call_start(&client, &c, &req);
	while (s.n == 0)
		uv_run(&client.loop, UV_RUN_ONCE);
	transfer_cancel(&c.transfer);
	free(big); /* the sanitizer watches */
	up = client.up;
	client.up = NULL;
	run_for(&client, 20 * USEC_MS);
	client.up = up;
	await_gone(&client, &s);
	assert_true(s.gone_at > 0);
	assert_false(c.done);
	call_fini(&c);
	client_stop(&client);
	server_stop(&s);
}

static void
a_cancel_before_the_start_sends_nothing(void **state)
{
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;

	(void)state;
	server_start(&s, script_echo);
	client_start(&client);
	call_init(&c);
	req = post_to(s.url);
	call_start(&client, &c, &req);
	transfer_cancel(&c.transfer);
	run_for(&client, 30 * USEC_MS);
	assert_int_equal(s.n, 0);
	call_run(&client, &c, &req);
	assert_int_equal(c.result.fault, FAULT_NONE);
	call_fini(&c);
	client_stop(&client);
	server_stop(&s);
}

static void
closing_with_open_transfers_calls_nobody(void **state)
{
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c[3];

	(void)state;
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

/* --- many --- */

#define MANY 100

static void
a_hundred_streams_share_a_few_multis(void **state)
{
	struct upstream_stats stats;
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call *c = calloc(MANY, sizeof(*c));

	(void)state;
	server_start(&s, script_stream);
	client_start(&client);
	req = post_to(s.url);
	for (int i = 0; i < MANY; i++) {
		call_init(&c[i]);
		call_start(&client, &c[i], &req);
	}
	run_for(&client, 20 * USEC_MS);
	upstream_stats(client.up, &stats);
	assert_int_equal(stats.transfers, MANY);
	assert_int_equal(
	    stats.multis, (MANY + MULTI_TRANSFERS - 1) / MULTI_TRANSFERS);
	for (int i = 0; i < MANY; i++) {
		run_until(&client, &c[i].done);
		assert_int_equal(c[i].result.fault, FAULT_NONE);
		assert_int_equal(c[i].body.n, 10 * 9 + 30 * 10);
		call_fini(&c[i]);
	}
	free(c);
	client_stop(&client);
	server_stop(&s);
}

/* One handle goes to and fro between places: nothing of one may stick. */
static void
socket_paths_do_not_stick_to_a_handle(void **state)
{
	char path[] = "/tmp/upstream-test-XXXXXX";
	char sock[64];
	struct server tcp = { 0 }, local = { 0 };
	struct client client;
	struct transfer_request req;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(sock, sizeof(sock), "%s/s", path);
	server_start(&tcp, script_echo);
	server_start_unix(&local, sock, script_echo);
	client_start(&client);
	for (int i = 0; i < 3; i++) {
		req = post_to(local.url);
		req.unix_path = sock;
		assert_int_equal(fault_of_call(&client, &req), FAULT_NONE);
		req = post_to(tcp.url);
		assert_int_equal(fault_of_call(&client, &req), FAULT_NONE);
	}
	assert_int_equal(tcp.n, 1);
	assert_int_equal(local.n, 1);
	client_stop(&client);
	server_stop(&tcp);
	server_stop(&local);
	unlink(sock);
	rmdir(path);
}

static void
a_proxy_of_the_environment_is_for_strangers_only(void **state)
{
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;

	(void)state;
	server_start(&s, script_mirror);
	client_start(&client);
	setenv("http_proxy", s.url, 1);
	req = post_to("http://name.invalid/v1/x");
	req.local = false;
	call_init(&c);
	call_run(&client, &c, &req);
	assert_int_equal(c.result.fault, FAULT_NONE);
	buf_add_char(&c.body, '\0');
	assert_non_null(strstr(c.body.p, "POST http://name.invalid/v1/x "));
	call_fini(&c);
	req.local = true;
	assert_int_equal(fault_of_call(&client, &req), FAULT_DNS);
	unsetenv("http_proxy");
	client_stop(&client);
	server_stop(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_in_three_pieces_arrives_whole),
		cmocka_unit_test(a_body_of_megabytes_arrives_whole),
		cmocka_unit_test(a_second_request_uses_the_same_connection),
		cmocka_unit_test(only_the_given_headers_are_sent),
		cmocka_unit_test(
		    interim_answers_and_trailers_are_not_passed_on),
		cmocka_unit_test(a_redirect_is_an_answer_like_any_other),
		cmocka_unit_test(a_chunked_stream_comes_as_it_is_sent),
		cmocka_unit_test(
		    a_paused_stream_holds_the_backend_and_loses_nothing),
		cmocka_unit_test(pausing_at_every_byte_run_ends_well),
		cmocka_unit_test(
		    a_cancelled_request_closes_its_connection_at_once),
		cmocka_unit_test(a_stream_may_be_cancelled_from_its_own_bytes),
		cmocka_unit_test(
		    a_stream_may_be_cancelled_from_the_bytes_of_another),
		cmocka_unit_test(a_cancelled_body_is_not_read_any_more),
		cmocka_unit_test(a_cancel_before_the_start_sends_nothing),
		cmocka_unit_test(closing_with_open_transfers_calls_nobody),
		cmocka_unit_test(a_hundred_streams_share_a_few_multis),
		cmocka_unit_test(socket_paths_do_not_stick_to_a_handle),
		cmocka_unit_test(
		    a_proxy_of_the_environment_is_for_strangers_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
