/* gateway/upstream/fault_test.c - each way to fail has its own name. */
#include "gateway/upstream/scripted.h"

#include <netdb.h>

static enum fault_kind
fault_at(const char *url, usec connect_timeout)
{
	struct client client;
	struct transfer_request req = post_to(url);
	enum fault_kind fault;

	req.connect_timeout = connect_timeout;
	client_start(&client);
	fault = fault_of_call(&client, &req);
	client_stop(&client);
	return fault;
}

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

/* --- getting there --- */

static void
nobody_listening_is_refused(void **state)
{
	struct server s = { 0 };

	(void)state;
	server_start(&s, NULL);
	server_stop(&s);
	assert_int_equal(fault_at(s.url, USEC_SEC), FAULT_REFUSED);
}

static void
no_such_socket_is_unreachable(void **state)
{
	struct client client;
	struct transfer_request req = post_to("http://localhost/v1");

	(void)state;
	client_start(&client);
	req.unix_path = "/tmp/upstream-test-no-such-socket";
	assert_int_equal(fault_of_call(&client, &req), FAULT_UNREACHABLE);
	client_stop(&client);
}

static void
an_unknown_name_is_a_dns_fault(void **state)
{
	(void)state;
	assert_int_equal(
	    fault_at("http://name.invalid/v1", USEC_SEC), FAULT_DNS);
}

static void
a_broken_url_is_not_our_own_fault(void **state)
{
	(void)state;
	assert_int_equal(
	    fault_at("http://127.0.0.1:99999/", USEC_SEC), FAULT_UNREACHABLE);
	assert_int_equal(
	    fault_at("ftp://127.0.0.1/", USEC_SEC), FAULT_UNREACHABLE);
}

/* A listener on 127.0.0.2 whose queue is full: connections hang. */
struct hanging {
	int fd, filler[4];
	struct sockaddr_in addr;
};

static void
hanging_start(struct hanging *h, uint16_t port)
{
	socklen_t len = sizeof(h->addr);

	h->addr = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1) };
	h->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(
	    bind(h->fd, (struct sockaddr *)&h->addr, sizeof(h->addr)), 0);
	assert_int_equal(listen(h->fd, 0), 0);
	getsockname(h->fd, (struct sockaddr *)&h->addr, &len);
	for (int i = 0; i < 4; i++) {
		h->filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(
		    h->filler[i], (struct sockaddr *)&h->addr, sizeof(h->addr));
	}
}

static void
hanging_stop(struct hanging *h)
{
	for (int i = 0; i < 4; i++)
		close(h->filler[i]);
	close(h->fd);
}

static void
a_connection_that_hangs_times_out(void **state)
{
	struct hanging h;
	char url[64];
	usec began;

	(void)state;
	hanging_start(&h, 0);
	snprintf(
	    url, sizeof(url), "http://127.0.0.2:%d/", ntohs(h.addr.sin_port));
	began = clock_now();
	assert_int_equal(fault_at(url, 200 * USEC_MS), FAULT_CONNECT_TIMEOUT);
	assert_in_range(clock_now() - began, 190 * USEC_MS, USEC_SEC);
	hanging_stop(&h);
}

/* getaddrinfo() is ours within this program: libcurl calls it from a thread
 * of its own. */
#define SLOW_NAME "slow.test"
#define TWO_NAME "two.test" /* 127.0.0.2, then 127.0.0.1 */
static atomic_bool look_up_over;

static struct addrinfo *
address(uint32_t ip, const char *port, struct addrinfo *next)
{
	struct addrinfo *a = calloc(1, sizeof(*a) + sizeof(struct sockaddr_in));
	struct sockaddr_in *sin = (struct sockaddr_in *)(void *)(a + 1);

	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(ip);
	sin->sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	a->ai_family = AF_INET;
	a->ai_socktype = SOCK_STREAM;
	a->ai_addrlen = sizeof(*sin);
	a->ai_addr = (struct sockaddr *)sin;
	a->ai_next = next;
	return a;
}

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **out)
{
	(void)hints;
	if (strcmp(node, SLOW_NAME) == 0) {
		usleep(600000);
		atomic_store(&look_up_over, true);
		return EAI_NONAME;
	}
	if (strcmp(node, "localhost") != 0 && strcmp(node, TWO_NAME) != 0)
		return EAI_NONAME;
	*out = address(INADDR_LOOPBACK, service, NULL);
	if (strcmp(node, TWO_NAME) == 0)
		*out = address(INADDR_LOOPBACK + 1, service, *out);
	return 0;
}

void
freeaddrinfo(struct addrinfo *list)
{
	struct addrinfo *next;

	for (; list != NULL; list = next) {
		next = list->ai_next;
		free(list);
	}
}

static void
script_ok(struct connection *c)
{
	while (hear_request(c))
		say(c, OK_2);
}

/* Handles rest in a stack: a spoilt one would spoil all that comes after. */
static void
a_failed_look_up_does_not_spoil_the_next_call(void **state)
{
	struct client client;
	struct server s = { 0 };
	struct transfer_request lost = post_to("http://name.invalid/v1");
	struct transfer_request found;

	(void)state;
	server_start(&s, script_ok);
	found = post_to(s.url);
	found.tls_insecure = true; /* another peer: all options are set anew */
	client_start(&client);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fault_of_call(&client, &lost), FAULT_DNS);
		assert_int_equal(fault_of_call(&client, &found), FAULT_NONE);
	}
	client_stop(&client);
	server_stop(&s);
}

/* libcurl 7.88 turns to the next address of a family only when half of the
 * time has passed, even where the first refused at once. */
static void
a_second_address_is_tried_when_the_first_refuses(void **state)
{
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;
	char url[64];

	(void)state;
	server_start(&s, script_ok);
	client_start(&client);
	snprintf(
	    url, sizeof(url), "http://" TWO_NAME "%s", strrchr(s.url, ':'));
	req = post_to(url);
	req.connect_timeout = 400 * USEC_MS;
	for (int i = 0; i < 3; i++) {
		call_init(&c);
		call_run(&client, &c, &req);
		assert_string_equal(c.result.message, "");
		assert_int_equal(c.result.reused, i > 0);
		call_fini(&c);
	}
	client_stop(&client);
	server_stop(&s);
}

static void
a_slow_name_look_up_holds_nobody_up(void **state)
{
	struct client client;
	struct transfer_request req = post_to("http://" SLOW_NAME ":9/");
	struct call c;
	usec began;

	(void)state;
	client_start(&client);
	call_init(&c);
	req.connect_timeout = 50 * USEC_MS;
	began = clock_now();
	call_run(&client, &c, &req);
	assert_int_equal(c.result.fault, FAULT_CONNECT_TIMEOUT);
	assert_in_range(clock_now() - began, 0, 300 * USEC_MS);
	assert_false(atomic_load(&look_up_over));
	call_fini(&c);

	call_init(&c);
	req.connect_timeout = 5 * USEC_SEC;
	call_start(&client, &c, &req);
	run_for(&client, 20 * USEC_MS);
	began = clock_now();
	transfer_cancel(&c.transfer);
	run_for(&client, 10 * USEC_MS);
	assert_in_range(clock_now() - began, 0, 200 * USEC_MS);
	call_fini(&c);
	client_stop(&client);
	while (!atomic_load(&look_up_over))
		usleep(1000);
	usleep(50000); /* its thread frees what is left */
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
	(void)state;
	assert_int_equal(fault_of_script(script_hang_up), FAULT_RESET);
	assert_int_equal(
	    fault_of_script(script_hang_up_after_request), FAULT_RESET);
	assert_int_equal(fault_of_script(script_slam), FAULT_RESET);
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
	(void)state;
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
	(void)state;
	assert_int_equal(fault_of_script(script_bad_chunk), FAULT_FRAMING);
	assert_int_equal(fault_of_script(script_bad_length), FAULT_FRAMING);
	assert_int_equal(fault_of_script(script_unknown_coding), FAULT_FRAMING);
	assert_int_equal(fault_of_script(script_not_http), FAULT_FRAMING);
}

static void
a_fault_behind_a_pause_is_not_lost(void **state)
{
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;

	(void)state;
	server_start(&s, script_bad_chunk);
	client_start(&client);
	call_init(&c);
	c.pause_every = 1;
	req = post_to(s.url);
	call_start(&client, &c, &req);
	resume_and_run(&client, &c);
	assert_int_equal(c.result.fault, FAULT_FRAMING);
	assert_body(&c, "data: 1\n\n");
	call_fini(&c);
	client_stop(&client);
	server_stop(&s);
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
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;

	(void)state;
	server_start(&s, script_too_much);
	client_start(&client);
	req = post_to(s.url);
	for (int i = 0; i < 2; i++) {
		call_init(&c);
		call_run(&client, &c, &req);
		assert_int_equal(c.result.fault, FAULT_NONE);
		assert_false(c.result.reused);
		assert_body(&c, "ok");
		call_fini(&c);
	}
	client_stop(&client);
	server_stop(&s);
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
	struct server s = { 0 };
	struct client client;
	struct transfer_request req;
	struct call c;

	server_start(&s, script);
	client_start(&client);
	req = post_to(s.url);
	assert_int_equal(fault_of_call(&client, &req), FAULT_NONE);
	usleep(50000);
	call_init(&c);
	req.body = body;
	req.n_body = 1;
	call_run(&client, &c, &req);
	*second = c.result;
	call_fini(&c);
	client_stop(&client);
	server_stop(&s);
}

static void
a_connection_that_was_closed_is_replaced(void **state)
{
	const struct slice body = SLICE("x");
	struct transfer_result r;

	(void)state;
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

	(void)state;
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

	(void)state;
	two_calls(script_die_on_second, &body, &r);
	assert_int_equal(r.fault, FAULT_NONE);
	assert_false(r.reused);
	free(big);
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

	(void)state;
	two_calls(script_die_always, &body, &r);
	assert_int_equal(r.fault, FAULT_RESET);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_listening_is_refused),
		cmocka_unit_test(no_such_socket_is_unreachable),
		cmocka_unit_test(an_unknown_name_is_a_dns_fault),
		cmocka_unit_test(a_failed_look_up_does_not_spoil_the_next_call),
		cmocka_unit_test(a_broken_url_is_not_our_own_fault),
		cmocka_unit_test(a_connection_that_hangs_times_out),
		cmocka_unit_test(
		    a_second_address_is_tried_when_the_first_refuses),
		cmocka_unit_test(a_slow_name_look_up_holds_nobody_up),
		cmocka_unit_test(no_answer_is_a_reset),
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
		    a_dead_backend_behind_a_dead_connection_is_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
