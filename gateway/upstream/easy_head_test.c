/* gateway/upstream/easy_head_test.c - the head of a request, byte by byte. */
#include "gateway/upstream/testing.h"

#define OURS "user-agent: pointsman/" POINTSMAN_VERSION " HTTP/1.1\r\n"

/* The same, in two pieces: the second when it is told to. */
static atomic_bool go_on;

static void
script_halves(struct connection *c)
{
	while (hear_request(c)) {
		say(c, OK_CHUNKED);
		say_chunk(c, c->head.p);
		while (!atomic_load(&go_on))
			usleep(1000);
		say(c, "0\r\n\r\n");
	}
}

/* Host stands between `first` and `rest`. */
static void
assert_said(const struct rig *r, const struct call *c, const char *first,
    const char *rest)
{
	struct slice host = slice_of(r->server.url + strlen("http://"));
	char want[8192];

	host.n = (size_t)slice_find(host, '/');
	snprintf(want, sizeof(want), "%s HTTP/1.1\r\nHost: %.*s\r\n%s\r\n",
	    first, SLICE_ARG(host), rest);
	assert_int_equal(c->result.fault, FAULT_NONE);
	assert_body(c, want);
}

/* What goes out for these lines. */
static void
assert_head(
    struct rig *r, struct slice lines, const char *first, const char *rest)
{
	struct call c;

	call_init(&c);
	r->req.headers = lines;
	call_run(&r->client, &c, &r->req);
	assert_said(r, &c, first, rest);
	call_fini(&c);
}

static void
lines_stand_behind_the_target(void **state)
{
	const struct slice body = SLICE("{}");
	struct rig r;

	rig_start(&r, script_mirror);
	r.req.body = &body;
	r.req.n_body = 1;
	for (int i = 0; i < 2; i++) /* the second sets nothing again */
		assert_head(&r, SLICE("authorization: Bearer k\nx-empty:\n"),
		    "POST /v1/x",
		    "authorization: Bearer k\r\nx-empty:\r\n"
		    "Content-Length: 2\r\n" OURS);
	/* one line has changed, the last has no end */
	assert_head(&r, SLICE("authorization: Bearer l\nx-empty: no"),
	    "POST /v1/x",
	    "authorization: Bearer l\r\nx-empty: no\r\n"
	    "Content-Length: 2\r\n" OURS);
	rig_stop(&r);
}

/* Beside the same lines, on the same handle. */
static void
a_request_has_its_own_lines_and_no_others(void **state)
{
	const struct slice lines = SLICE("a: b\nc: d");
	struct rig r;

	rig_start(&r, script_mirror);
	r.req.method = "GET";
	for (int i = 0; i < 2; i++) {
		r.req.more = SLICE("traceparent: 1\n");
		assert_head(&r, lines, "GET /v1/x",
		    "a: b\r\nc: d\r\ntraceparent: 1\r\n" OURS);
		r.req.more = SLICE("traceparent: 2\nx-y: z\n");
		assert_head(&r, lines, "GET /v1/x",
		    "a: b\r\nc: d\r\ntraceparent: 2\r\nx-y: z\r\n" OURS);
		r.req.more = SLICE("traceparent: 3\nTE: trailers\n");
		assert_head(&r, lines, "GET /v1/x",
		    "a: b\r\nc: d\r\ntraceparent: 3\r\nTE: trailers\r\n");
		r.req.more = SLICE("traceparent: 4\n");
		assert_head(&r, SLICE("TE: no\n"), "GET /v1/x",
		    "TE: no\r\ntraceparent: 4\r\n");
		r.req.more = SLICE("");
		assert_head(&r, SLICE("TE: no\n"), "GET /v1/x", "TE: no\r\n");
		assert_head(&r, lines, "GET /v1/x", "a: b\r\nc: d\r\n" OURS);
	}
	rig_stop(&r);
}

static void
the_length_is_each_bodys_own(void **state)
{
	const struct slice bodies[] = { SLICE("{}"), SLICE("{\"a\":1}") };
	const struct slice lines = SLICE("a: b\n");
	struct rig r;

	rig_start(&r, script_mirror);
	r.req.body = bodies;
	for (int i = 0; i < 2; i++) {
		r.req.n_body = 1;
		assert_head(&r, lines, "POST /v1/x",
		    "a: b\r\nContent-Length: 2\r\n" OURS);
		r.req.n_body = 2;
		assert_head(&r, lines, "POST /v1/x",
		    "a: b\r\nContent-Length: 9\r\n" OURS);
		r.req.n_body = 0;
		assert_head(&r, lines, "POST /v1/x",
		    "a: b\r\nContent-Length: 0\r\n" OURS);
		r.req.method = "GET";
		assert_head(&r, lines, "GET /v1/x", "a: b\r\n" OURS);
		r.req.method = "POST";
	}
	rig_stop(&r);
}

static void
what_was_given_back_is_set_again(void **state)
{
	const struct slice lines = SLICE("a: b\n");
	struct rig r;

	rig_start(&r, script_halves);
	r.req.method = "GET";
	r.req.headers = lines;
	atomic_store(&go_on, false);
	call_start(&r.client, &r.call, &r.req);
	while (r.call.body.n == 0)
		uv_run(&r.client.loop, UV_RUN_ONCE);
	transfer_free_body(r.call.transfer);
	atomic_store(&go_on, true);
	run_until(&r.client, &r.call.done);
	assert_said(&r, &r.call, "GET /v1/x", "a: b\r\n" OURS);
	assert_head(&r, lines, "GET /v1/x", "a: b\r\n" OURS);
	assert_int_equal(r.server.n, 1);
	rig_stop(&r);
}

static void
a_query_and_odd_bytes_go_as_libcurl_has_them(void **state)
{
	struct rig r;
	char url[128];

	rig_start(&r, script_mirror);
	snprintf(url, sizeof(url), "%.*s/a/../\xc3\xa9?v=1&w=%%20#f",
	    (int)(strlen(r.server.url) - strlen("/v1/x")), r.server.url);
	r.req.url = url;
	r.req.method = "GET";
	assert_head(
	    &r, SLICE("a: b\n"), "GET /a/../%c3%a9?v=1&w=%20", "a: b\r\n" OURS);
	/* the same by libcurl's own hand */
	assert_head(
	    &r, SLICE("te: b\n"), "GET /a/../%c3%a9?v=1&w=%20", "te: b\r\n");
	rig_stop(&r);
}

static void
what_libcurl_must_know_of_is_left_to_it(void **state)
{
	const struct slice body = SLICE("{}");
	struct rig r;

	rig_start(&r, script_mirror);
	r.req.body = &body;
	r.req.n_body = 1;
	for (int i = 0; i < 2; i++) {
		assert_head(&r, SLICE("x-a: 1\n"), "POST /v1/x",
		    "x-a: 1\r\nContent-Length: 2\r\n" OURS);
		assert_head(&r, SLICE("x-a: 1\nUser-Agent: me\n"), "POST /v1/x",
		    "x-a: 1\r\nUser-Agent: me\r\nContent-Length: 2\r\n");
		assert_head(&r, SLICE("x-a: 2\nno header\n"), "POST /v1/x",
		    "x-a: 2\r\nContent-Length: 2\r\n");
	}
	rig_stop(&r);
}

static void
a_key_of_any_length_is_sent(void **state)
{
	struct rig r;
	char line[4096], sent[4200];

	memset(line, 'k', sizeof(line) - 1);
	memcpy(line, "x: ", 3);
	line[sizeof(line) - 1] = '\0';
	snprintf(sent, sizeof(sent), "%s\r\n", line);
	rig_start(&r, script_mirror);
	r.req.method = "GET";
	assert_head(&r, slice_of(line), "GET /v1/x", sent);
	rig_stop(&r);
}

/* libcurl would have to put the whole URL where the path is. */
static void
a_request_that_may_meet_a_proxy_has_a_list(void **state)
{
	struct rig r;

	rig_start(&r, script_mirror);
	setenv("no_proxy", "localhost", 1);
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	r.req.local = false;
	r.req.method = "GET";
	assert_head(&r, SLICE("a: b\n"), "GET /v1/x", "a: b\r\n");
	unsetenv("all_proxy");
	unsetenv("no_proxy");
	r.req.local = true;
	assert_head(&r, SLICE("a: b\n"), "GET /v1/x", "a: b\r\n" OURS);
	rig_stop(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_stand_behind_the_target),
		cmocka_unit_test(a_request_has_its_own_lines_and_no_others),
		cmocka_unit_test(the_length_is_each_bodys_own),
		cmocka_unit_test(what_was_given_back_is_set_again),
		cmocka_unit_test(a_query_and_odd_bytes_go_as_libcurl_has_them),
		cmocka_unit_test(what_libcurl_must_know_of_is_left_to_it),
		cmocka_unit_test(a_key_of_any_length_is_sent),
		cmocka_unit_test(a_request_that_may_meet_a_proxy_has_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
