/* gateway/upstream/kept_test.c - what is sent on a connection that was kept
 * arrives, or goes on another one. */
#include "gateway/upstream/testing.h"

#include <linux/filter.h>

#include "gateway/upstream/tls_server.h"

#define AT_ONCE 4
#define THINKS (1500 * USEC_MS)

static struct rig r;
static atomic_uint answered, deaf;

static void
start(SSL_CTX *tls, void (*script)(struct connection *))
{
	atomic_store(&answered, 0);
	atomic_store(&deaf, 0);
	rig_start_tls(&r, tls, script);
	r.req.peer = 1;
}

/* From now on all that comes for it is lost, as where a firewall on the way has
 * forgotten the connection. */
static void
lose_all(struct connection *c)
{
	struct sock_filter drop[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	const struct sock_fprog all = { .len = 1, .filter = drop };

	assert_int_equal(
	    setsockopt(c->fd, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof(all)),
	    0);
}

/* The first AT_ONCE connections have one answer each, all at a time, and take
 * nothing any more. */
static void
script_goes_deaf(struct connection *c)
{
	if (c->number >= AT_ONCE) {
		script_echo(c);
		return;
	}
	hear_request(c);
	atomic_fetch_add(&answered, 1);
	while (atomic_load(&answered) < AT_ONCE)
		usleep(1000);
	say(c, OK_2);
	usleep(100000); /* for what acknowledges that */
	lose_all(c);
	atomic_fetch_add(&deaf, 1);
	while (c->server->n == AT_ONCE)
		usleep(1000);
}

static void
first_calls(void)
{
	struct call c[AT_ONCE];

	for (int i = 0; i < AT_ONCE; i++) {
		call_init(&c[i]);
		call_start(&r.client, &c[i], &r.req);
	}
	for (int i = 0; i < AT_ONCE; i++) {
		run_until(&r.client, &c[i].done);
		assert_body(&c[i], "ok");
		call_fini(&c[i]);
	}
	while (atomic_load(&deaf) < AT_ONCE)
		run_for(&r.client, 10 * USEC_MS);
	assert_int_equal(atomic_load(&r.server.n), AT_ONCE);
}

static usec
time_of_echo(void)
{
	const struct slice body = SLICE("here");
	usec began = clock_now();
	struct call c;

	call_init(&c);
	r.req.body = &body;
	r.req.n_body = 1;
	call_run(&r.client, &c, &r.req);
	assert_string_equal(c.result.message, "");
	assert_body(&c, "here");
	assert_int_equal(c.result.status, 200);
	call_fini(&c);
	return clock_now() - began;
}

/* One second for all of them together. */
static void
those_that_take_nothing_cost_a_second(void **state)
{
	const struct pki *p = *state;
	usec first, second;

	for (int turn = 0; turn < 2; turn++) {
		start(turn > 0 ? tls_of(p, p->cert) : NULL, script_goes_deaf);
		r.req.ca_file = turn > 0 ? p->ca : NULL;
		first_calls();
		first = time_of_echo();
		assert_true(first >= USEC_SEC && first < 2 * USEC_SEC);
		second = time_of_echo();
		assert_true(second < USEC_SEC / 2);
		assert_int_equal(atomic_load(&r.server.n), AT_ONCE + 1);
		rig_stop(&r);
	}
}

/* Before each request but the first it does not read for a while, and before
 * each answer it thinks. */
static void
script_takes_its_time(struct connection *c)
{
	while (hear_request(c)) {
		if (atomic_fetch_add(&answered, 1) > 0)
			usleep(THINKS);
		say(c, OK_2);
		if (atomic_load(&answered) == 2)
			usleep(THINKS);
	}
}

static void
who_thinks_or_does_not_read_is_waited_for(void **state)
{
	size_t n = (size_t)20 << 20;
	char *big = calloc(1, n);
	const struct slice body = { big, n };

	(void)state;
	start(NULL, script_takes_its_time);
	for (int i = 0; i < 3; i++) {
		struct call c;

		call_init(&c);
		r.req.body = i == 2 ? &body : NULL;
		r.req.n_body = i == 2;
		call_run(&r.client, &c, &r.req);
		assert_body(&c, "ok");
		assert_true(i == 0 || c.result.reused);
		call_fini(&c);
	}
	assert_int_equal(atomic_load(&r.server.n), 1);
	rig_stop(&r);
	free(big);
}

/* The machine behind the first connection fails, the others do not. */
static void
script_fails_first(struct connection *c)
{
	if (c->number > 0)
		script_ok(c);
	while (hear_request(c))
		say(c,
		    atomic_fetch_add(&answered, 1) == 0
			? "HTTP/1.1 429 Too Many Requests\r\n"
			  "Content-Length: 0\r\n\r\n"
			: "HTTP/1.1 503 Service Unavailable\r\n"
			  "Content-Length: 0\r\n\r\n");
}

static void
after_a_servers_error_another_connection_is_taken(void **state)
{
	static const int statuses[] = { 429, 503, 200, 200 };

	(void)state;
	start(NULL, script_fails_first);
	for (size_t i = 0; i < 4; i++) {
		struct call c;

		call_init(&c);
		call_run(&r.client, &c, &r.req);
		assert_int_equal(c.result.status, statuses[i]);
		call_fini(&c);
	}
	assert_int_equal(atomic_load(&r.server.n), 2);
	rig_stop(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_take_nothing_cost_a_second),
		cmocka_unit_test(who_thinks_or_does_not_read_is_waited_for),
		cmocka_unit_test(
		    after_a_servers_error_another_connection_is_taken),
	};

	return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
