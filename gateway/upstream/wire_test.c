/* gateway/upstream/wire_test.c - requests that ask for another protocol. */
#include "gateway/upstream/testing.h"
#include "gateway/upstream/tls_server.h"

#define YES                                                                    \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"                   \
	"Connection: Upgrade\r\n\r\n"

static struct rig rig;
static unsigned drained;

static void
on_drain(void *arg)
{
	(void)arg;
	drained++;
}

static void
start(void (*script)(struct connection *), SSL_CTX *tls)
{
	rig_start_tls(&rig, tls, script);
	rig.req.method = "GET";
	rig.req.headers =
	    SLICE("content-type: application/json\nauthorization: Bearer k\n");
	rig.req.more = SLICE("connection: Upgrade\nupgrade: x\n");
	rig.req.upgrade = true;
	drained = 0;
}

/* Sends back what it hears, up to a full stop. */
static void
parrot(struct connection *c)
{
	char ch = 0;

	if (!hear_head(c) || !say(c, YES "hello "))
		return;
	while (ch != '.' && hear(c, &ch, 1) == 1)
		if (!say_bytes(c, &ch, 1))
			return;
}

static void
answer_parrot(struct call *c)
{
	if (c->body.n == 6)
		assert_true(transfer_write(c->transfer, SLICE("you there.")));
}

static void
bytes_go_both_ways_after_a_101(void **state)
{
	const struct pki *pki = *state;
	SSL_CTX *const contexts[] = { NULL, tls_of(pki, pki->cert) };

	for (size_t i = 0; i < 2; i++) {
		start(parrot, contexts[i]);
		rig.req.tls_insecure = true;
		rig.call.on_bytes_hook = answer_parrot;
		rig_run(&rig);
		assert_int_equal(rig.call.result.fault, FAULT_NONE);
		assert_int_equal(rig.call.status, 101);
		assert_int_equal(rig.call.heads, 1);
		assert_body(&rig.call, "hello you there.");
		assert_true(rig.call.result.connect >= 0);
		assert_int_equal(rig.call.result.tls >= 0, i == 1);
		rig_stop(&rig);
	}
}

static void
say_what_was_asked(struct connection *c)
{
	if (hear_head(c) && say(c, YES))
		say(c, c->head.p);
}

static void
a_request_has_a_host_and_no_body(void **state)
{
	char url[160];
	struct slice host;
	struct buf want;

	start(say_what_was_asked, NULL);
	snprintf(url, sizeof(url), "%s?model=a%%2Fb", rig.server.url);
	rig.req.url = url;
	rig_run(&rig);
	host = slice_of(rig.server.url + strlen("http://"));
	buf_init(&want, 1024);
	buf_addf(&want,
	    "GET /v1/x?model=a%%2Fb HTTP/1.1\r\nHost: %.*s\r\n"
	    "user-agent: pointsman/" POINTSMAN_VERSION "\r\n"
	    "authorization: Bearer k\r\nconnection: Upgrade\r\nupgrade: x\r\n"
	    "\r\n",
	    (int)slice_find(host, '/'), host.p);
	assert_true(slice_eq(buf_slice(&rig.call.body), buf_slice(&want)));
	buf_fini(&want);
	rig_stop(&rig);
}

/* --- other answers --- */

static const char *answer;

static void
say_the_answer(struct connection *c)
{
	if (hear_head(c))
		say(c, answer);
	if (answer[0] == 'H') /* it may stay open */
		await_leaving(c);
}

static void
a_refusal_is_read_to_its_end(void **state)
{
	static const char *const said[] = {
		"HTTP/1.1 403 No\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
		"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3;x=y\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\n"
		"content-length: 7\r\n\r\n{\"a\":1}",
	};

	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++) {
		answer = said[i];
		start(say_the_answer, NULL);
		rig_run(&rig);
		assert_int_equal(rig.call.result.fault, FAULT_NONE);
		assert_int_equal(rig.call.status, 403);
		assert_body(&rig.call, "{\"a\":1}");
		rig_stop(&rig);
	}
}

static void
a_refusal_without_words_ends_with_its_head(void **state)
{
	static const char *const said[] = {
		"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n"
		"0\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++) {
		answer = said[i];
		start(say_the_answer, NULL);
		call_start(&rig.client, &rig.call, &rig.req);
		run_for(&rig.client, 300 * USEC_MS);
		assert_true(rig.call.done);
		assert_int_equal(rig.call.status, 503);
		assert_body(&rig.call, "");
		rig_stop(&rig);
	}
}

static void
leave(struct call *c)
{
	transfer_cancel(&c->transfer);
}

static void
who_leaves_in_a_refusal_hears_no_more_of_it(void **state)
{
	answer = "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n";
	start(say_the_answer, NULL);
	rig.call.on_bytes_hook = leave;
	call_start(&rig.client, &rig.call, &rig.req);
	await_gone(&rig.client, &rig.server);
	assert_body(&rig.call, "{\"a");
	assert_false(rig.call.done);
	rig_stop(&rig);
}

static enum fault_kind
fault_after(const char *said)
{
	enum fault_kind fault;

	answer = said;
	start(say_the_answer, NULL);
	fault = rig_fault(&rig);
	rig_stop(&rig);
	return fault;
}

static void
what_is_no_answer_is_a_fault(void **state)
{
	assert_int_equal(fault_after(""), FAULT_RESET);
	assert_int_equal(fault_after("SSH-2.0-x\r\n\r\n"), FAULT_FRAMING);
	start(parrot, NULL);
	rig.req.url = "http://127.0.0.1:1";
	assert_int_equal(rig_fault(&rig), FAULT_REFUSED);
	rig_stop(&rig);
}

static void
say_half(struct connection *c)
{
	if (hear_head(c))
		say(c, "HTTP/1.1 101 Y");
}

static void
a_head_that_is_cut_short_is_no_head(void **state)
{
	start(say_half, NULL);
	assert_int_equal(rig_fault(&rig), FAULT_CUT);
	rig_stop(&rig);
}

static void
say_headers_for_ever(struct connection *c)
{
	if (hear_head(c) && say(c, "HTTP/1.1 101 Yes\r\n"))
		while (say(c, "x-more: and more, and more, and more\r\n"))
			continue;
}

static void
a_head_without_an_end_is_given_up(void **state)
{
	start(say_headers_for_ever, NULL);
	assert_int_equal(rig_fault(&rig), FAULT_FRAMING);
	rig_stop(&rig);
}

/* --- the other side --- */

static void
say_yes_and_wait(struct connection *c)
{
	if (hear_head(c) && say(c, YES "x"))
		await_leaving(c);
}

static void
raise_flag(struct call *c)
{
	*(bool *)c->hook_arg = true;
}

static void
a_cancel_is_heard_at_once(void **state)
{
	bool begun = false;

	start(say_yes_and_wait, NULL);
	rig.call.on_bytes_hook = raise_flag;
	rig.call.hook_arg = &begun;
	call_start(&rig.client, &rig.call, &rig.req);
	run_until(&rig.client, &begun);
	transfer_cancel(&rig.call.transfer);
	await_gone(&rig.client, &rig.server);
	assert_false(rig.call.done);
	rig_stop(&rig);
}

static atomic_bool may_read;

static void
say_yes_and_read_late(struct connection *c)
{
	char part[4096];

	if (!hear_head(c) || !say(c, YES "x"))
		return;
	while (!atomic_load(&may_read))
		usleep(1000);
	while (hear(c, part, sizeof(part)) > 0)
		continue;
}

static void
who_does_not_read_holds_the_writer_up(void **state)
{
	static const struct transfer_ops ops = {
		.on_bytes = call_bytes,
		.on_drain = on_drain,
		.on_done = call_done,
	};
	const struct pki *pki = *state;
	SSL_CTX *const contexts[] = { NULL, tls_of(pki, pki->cert) };
	static char piece[16384];
	size_t written;
	bool begun;

	for (size_t i = 0; i < 2; i++) {
		written = 0;
		begun = false;
		atomic_store(&may_read, false);
		start(say_yes_and_read_late, contexts[i]);
		rig.req.tls_insecure = true;
		rig.call.on_bytes_hook = raise_flag;
		rig.call.hook_arg = &begun;
		rig.call.transfer =
		    transfer_start(rig.client.up, &rig.req, &ops, &rig.call);
		run_until(&rig.client, &begun);
		while (transfer_write(
		    rig.call.transfer, slice_make(piece, sizeof(piece)))) {
			written += sizeof(piece);
			assert_true(written < (size_t)64 << 20);
			uv_run(&rig.client.loop, UV_RUN_NOWAIT);
		}
		assert_int_equal(drained, 0);
		atomic_store(&may_read, true);
		for (int n = 0; n < 100 && drained == 0; n++)
			run_for(&rig.client, 20 * USEC_MS);
		assert_int_equal(drained, 1);
		assert_false(rig.call.done);
		rig_stop(&rig); /* with the transfer under way */
	}
}

static void
what_there_is_no_room_for_is_the_end(void **state)
{
	const struct transfer_ops ops = {
		.on_bytes = call_bytes,
		.on_done = call_done,
	};
	static char much[5 << 20];
	bool begun = false;

	start(say_yes_and_wait, NULL);
	rig.call.on_bytes_hook = raise_flag;
	rig.call.hook_arg = &begun;
	rig.call.transfer =
	    transfer_start(rig.client.up, &rig.req, &ops, &rig.call);
	run_until(&rig.client, &begun);
	transfer_write(rig.call.transfer, slice_make(much, sizeof(much)));
	run_until(&rig.client, &rig.call.done);
	assert_int_equal(rig.call.result.fault, FAULT_MEMORY);
	rig_stop(&rig);
}

static void
say_much(struct connection *c)
{
	static char piece[16384];

	if (hear_head(c) && say(c, YES))
		for (int i = 0; i < 64; i++)
			if (!say_bytes(c, piece, sizeof(piece)))
				return;
}

static void
a_pause_holds_and_nothing_is_lost(void **state)
{
	const struct pki *pki = *state;

	start(say_much, tls_of(pki, pki->cert));
	rig.req.tls_insecure = true;
	rig.call.pause_every = 10000;
	call_start(&rig.client, &rig.call, &rig.req);
	resume_and_run(&rig.client, &rig.call);
	assert_int_equal(rig.call.result.fault, FAULT_NONE);
	assert_int_equal(rig.call.body.n, 64 * 16384);
	rig_stop(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_both_ways_after_a_101),
		cmocka_unit_test(a_request_has_a_host_and_no_body),
		cmocka_unit_test(a_refusal_is_read_to_its_end),
		cmocka_unit_test(a_refusal_without_words_ends_with_its_head),
		cmocka_unit_test(who_leaves_in_a_refusal_hears_no_more_of_it),
		cmocka_unit_test(what_is_no_answer_is_a_fault),
		cmocka_unit_test(a_head_that_is_cut_short_is_no_head),
		cmocka_unit_test(a_head_without_an_end_is_given_up),
		cmocka_unit_test(a_cancel_is_heard_at_once),
		cmocka_unit_test(who_does_not_read_holds_the_writer_up),
		cmocka_unit_test(what_there_is_no_room_for_is_the_end),
		cmocka_unit_test(a_pause_holds_and_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
