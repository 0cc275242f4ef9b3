/* gateway/upstream/upstream_test.c - requests, answers and pauses. */
#include "gateway/upstream/multi.h"
#include "gateway/upstream/testing.h"

static void
a_body_in_three_pieces_arrives_whole(void **state)
{
	const struct slice pieces[] = { SLICE("{\"model\":"),
		SLICE("\"gemma\""), SLICE(",\"n\":1}") };
	struct rig r;

	rig_start(&r, script_echo);
	r.req.body = pieces;
	r.req.n_body = 3;
	rig_run(&r);
	assert_int_equal(r.call.result.fault, FAULT_NONE);
	assert_int_equal(r.call.result.status, 200);
	assert_int_equal(r.call.status, 200);
	assert_string_equal(r.call.result.message, "");
	assert_body(&r.call, "{\"model\":\"gemma\",\"n\":1}");
	assert_false(r.call.result.reused);
	assert_true(r.call.result.connect >= 0);
	assert_int_equal(r.call.result.tls, -1);
	rig_stop(&r);
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
	struct rig r;
	bool body_done = false;
	struct call c;

	for (size_t i = 0; i < n; i++)
		big[i] = (char)('a' + i % 23);
	rig_start(&r, script_echo);
	r.req.body = pieces;
	r.req.n_body = 4;
	for (int i = 0; i < 2; i++) {
		call_init(&c);
		c.on_bytes_hook = note_body_done;
		c.hook_arg = &body_done;
		call_start(&r.client, &c, &r.req);
		assert_false(transfer_body_done(c.transfer));
		run_until(&r.client, &c.done);
		assert_true(body_done);
		assert_int_equal(c.result.fault, FAULT_NONE);
		assert_int_equal(c.body.n, n + 2);
		assert_memory_equal(c.body.p + 1, big, n);
		call_fini(&c);
	}
	rig_stop(&r);
	free(big);
}

static void
a_second_request_uses_the_same_connection(void **state)
{
	const struct slice body = SLICE("x");
	struct upstream_stats stats;
	struct rig r;
	struct call c;

	rig_start(&r, script_echo);
	r.req.body = &body;
	r.req.n_body = 1;
	for (int i = 0; i < 3; i++) {
		call_init(&c);
		call_run(&r.client, &c, &r.req);
		assert_int_equal(c.result.fault, FAULT_NONE);
		assert_int_equal(c.result.reused, i > 0);
		assert_int_equal(c.result.connect >= 0, i == 0);
		call_fini(&c);
	}
	upstream_stats(r.client.up, &stats);
	assert_int_equal(stats.connections_made, 1);
	assert_int_equal(stats.transfers, 0);
	assert_int_equal(stats.multis, 1);
	assert_int_equal(r.server.n, 1);
	rig_stop(&r);
}

static void
only_the_given_headers_are_sent(void **state)
{
	const struct slice body = SLICE("{}");
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;

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
	assert_null(strcasestr(c.body.p, "user-agent: curl"));
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
	struct rig r;

	rig_start(&r, script_interim);
	rig_run(&r);
	assert_int_equal(r.call.result.fault, FAULT_NONE);
	assert_int_equal(r.call.status, 429);
	assert_int_equal(r.call.heads, 1);
	buf_add_char(&r.call.headers, '\0');
	assert_string_equal(r.call.headers.p,
	    "Retry-After=7;Transfer-Encoding=chunked;Trailer=x-t;");
	assert_body(&r.call, "busy");
	rig_stop(&r);
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
	struct rig r;

	rig_start(&r, script_redirect);
	rig_run(&r);
	assert_int_equal(r.call.result.fault, FAULT_NONE);
	assert_int_equal(r.call.status, 302);
	rig_stop(&r);
}

static void
count_calls(struct call *c)
{
	++*(unsigned *)c->hook_arg;
}

static void
a_chunked_stream_comes_as_it_is_sent(void **state)
{
	struct rig r;
	unsigned calls = 0;
	struct buf want;

	rig_start(&r, script_stream);
	r.call.on_bytes_hook = count_calls;
	r.call.hook_arg = &calls;
	buf_init(&want, 65536);
	for (int i = 0; i < STREAM_EVENTS; i++)
		buf_addf(&want, "data: %d\n\n", i);
	buf_add_char(&want, '\0');
	rig_run(&r);
	assert_int_equal(r.call.result.fault, FAULT_NONE);
	assert_body(&r.call, want.p);
	assert_true(calls > STREAM_EVENTS / 2); /* not in one lump */
	buf_fini(&want);
	rig_stop(&r);
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
	struct rig r;
	size_t had, sent;

	rig_start(&r, script_flood);
	r.call.pause_every = 100000;
	call_start(&r.client, &r.call, &r.req);
	run_until(&r.client, &r.call.paused);
	had = r.call.body.n;
	run_for(&r.client, 150 * USEC_MS);
	assert_int_equal(r.call.body.n, had);
	assert_false(r.call.done);
	sent = (size_t)atomic_load(&r.server.gone_at);
	run_for(&r.client, 50 * USEC_MS);
	assert_int_equal(sent, atomic_load(&r.server.gone_at)); /* it waits */

	resume_and_run(&r.client, &r.call);
	assert_int_equal(r.call.result.fault, FAULT_NONE);
	assert_flood(&r.call);
	rig_stop(&r);
}

/* Each and every call says false, the last one included. */
static void
pausing_at_every_byte_run_ends_well(void **state)
{
	struct rig r;

	rig_start(&r, script_stream);
	r.call.pause_every = 1;
	call_start(&r.client, &r.call, &r.req);
	resume_and_run(&r.client, &r.call);
	assert_int_equal(r.call.result.fault, FAULT_NONE);
	assert_int_equal(r.call.body.n, STREAM_BYTES);
	rig_stop(&r);
}

/* --- many --- */

#define MANY 100

static void
a_hundred_streams_share_a_few_multis(void **state)
{
	struct upstream_stats stats;
	struct rig r;
	struct call *c = calloc(MANY, sizeof(*c));

	rig_start(&r, script_stream);
	for (int i = 0; i < MANY; i++) {
		call_init(&c[i]);
		call_start(&r.client, &c[i], &r.req);
	}
	run_for(&r.client, 20 * USEC_MS);
	upstream_stats(r.client.up, &stats);
	assert_int_equal(stats.transfers, MANY);
	assert_int_equal(
	    stats.multis, (MANY + MULTI_TRANSFERS - 1) / MULTI_TRANSFERS);
	for (int i = 0; i < MANY; i++) {
		run_until(&r.client, &c[i].done);
		assert_int_equal(c[i].result.fault, FAULT_NONE);
		assert_int_equal(c[i].body.n, STREAM_BYTES);
		call_fini(&c[i]);
	}
	free(c);
	rig_stop(&r);
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

/* A call to a stranger, whose way leads through the server of the rig. */
static void
rig_run_proxied(
    struct rig *r, const char *variable, const char *url, struct call *c)
{
	setenv(variable, r->server.url, 1);
	r->req = post_to(url);
	r->req.local = false;
	call_init(c);
	call_run(&r->client, c, &r->req);
}

static void
a_proxy_of_the_environment_is_for_strangers_only(void **state)
{
	struct rig r;
	struct call c;

	rig_start(&r, script_mirror);
	rig_run_proxied(&r, "http_proxy", "http://name.invalid/v1/x", &c);
	assert_int_equal(c.result.fault, FAULT_NONE);
	buf_add_char(&c.body, '\0');
	assert_non_null(strstr(c.body.p, "POST http://name.invalid/v1/x "));
	call_fini(&c);
	r.req.local = true;
	assert_int_equal(rig_fault(&r), FAULT_DNS);
	unsetenv("http_proxy");
	rig_stop(&r);
}

static void
script_no_tunnel(struct connection *c)
{
	if (hear_request(c))
		say(c, "HTTP/1.1 407 No\r\ncontent-length: 4\r\n\r\nnope");
}

static void
what_a_proxy_refuses_was_not_sent(void **state)
{
	struct rig r;
	struct call c;

	rig_start(&r, script_no_tunnel);
	rig_run_proxied(&r, "https_proxy", "https://name.invalid/v1/x", &c);
	assert_int_equal(r.server.n, 1);
	assert_int_equal(c.result.fault, FAULT_RESET);
	assert_int_equal(c.result.status, 0);
	assert_false(c.result.sent);
	call_fini(&c);
	unsetenv("https_proxy");
	rig_stop(&r);
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
		cmocka_unit_test(a_hundred_streams_share_a_few_multis),
		cmocka_unit_test(socket_paths_do_not_stick_to_a_handle),
		cmocka_unit_test(
		    a_proxy_of_the_environment_is_for_strangers_only),
		cmocka_unit_test(what_a_proxy_refuses_was_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
