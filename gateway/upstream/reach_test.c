/* gateway/upstream/reach_test.c - each way not to get to a backend has its own
 * name: no listener, no address, no answer from either. */
#include "gateway/upstream/testing.h"

#include <netdb.h>

#include "gateway/lib/count.h"
#include "gateway/upstream/inner.h"

static void
nobody_listening_is_refused(void **state)
{
	struct server s = { 0 };

	server_start(&s, NULL);
	server_stop(&s);
	assert_int_equal(fault_at(s.url, USEC_SEC), FAULT_REFUSED);
}

static void
no_such_socket_is_unreachable(void **state)
{
	struct client client;
	struct transfer_request req = post_to("http://localhost/v1");

	client_start(&client);
	req.unix_path = "/tmp/upstream-test-no-such-socket";
	assert_int_equal(fault_of_call(&client, &req), FAULT_UNREACHABLE);
	client_stop(&client);
}

static void
an_unknown_name_is_a_dns_fault(void **state)
{
	assert_int_equal(
	    fault_at("http://name.invalid/v1", USEC_SEC), FAULT_DNS);
}

static void
a_broken_url_is_not_our_own_fault(void **state)
{
	assert_int_equal(
	    fault_at("http://127.0.0.1:99999/", USEC_SEC), FAULT_UNREACHABLE);
	assert_int_equal(
	    fault_at("ftp://127.0.0.1/", USEC_SEC), FAULT_UNREACHABLE);
}

/* A listener whose queue is full: connections hang. */
struct hanging {
	int fd, filler[4];
};

/* False: there is no such address here. */
static bool
hanging_start(struct hanging *h, struct sockaddr *addr, socklen_t len)
{
	h->fd = socket(addr->sa_family, SOCK_STREAM, 0);
	if (h->fd < 0 || bind(h->fd, addr, len) != 0) {
		close(h->fd);
		return false;
	}
	assert_int_equal(listen(h->fd, 0), 0);
	getsockname(h->fd, addr, &len);
	for (int i = 0; i < 4; i++) {
		h->filler[i] =
		    socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(h->filler[i], addr, len);
	}
	return true;
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
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1) };
	struct hanging h = { 0 };
	char url[64];
	usec began;

	assert_true(hanging_start(&h, (struct sockaddr *)&addr, sizeof(addr)));
	snprintf(
	    url, sizeof(url), "http://127.0.0.2:%d/", ntohs(addr.sin_port));
	began = clock_now();
	assert_int_equal(fault_at(url, 200 * USEC_MS), FAULT_CONNECT_TIMEOUT);
	assert_in_range(clock_now() - began, 190 * USEC_MS, USEC_SEC);
	hanging_stop(&h);
}

/* getaddrinfo() is ours within this program: libcurl calls it from a thread
 * of its own. */
#define SLOW_NAME "slow.test"
#define TWO_NAME "two.test" /* 127.0.0.2, then 127.0.0.1 */
#define SIX_NAME "six.test" /* ::1, then 127.0.0.1 */
#define LOST_NAME "lost.test" /* 127.0.0.1, or as below */
static atomic_bool look_up_over;
/* 0: well, 1: says no, 2: says nothing, 3: says 127.0.0.3, where nobody is */
static atomic_int resolver;

static struct addrinfo *
address6(const char *port, struct addrinfo *next)
{
	struct addrinfo *a =
	    calloc(1, sizeof(*a) + sizeof(struct sockaddr_in6));
	struct sockaddr_in6 *sin = (struct sockaddr_in6 *)(void *)(a + 1);

	sin->sin6_family = AF_INET6;
	sin->sin6_addr = in6addr_loopback;
	sin->sin6_port = htons((uint16_t)strtoul(port, NULL, 10));
	a->ai_family = AF_INET6;
	a->ai_socktype = SOCK_STREAM;
	a->ai_addrlen = sizeof(*sin);
	a->ai_addr = (struct sockaddr *)sin;
	a->ai_next = next;
	return a;
}

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
	if (strcmp(node, LOST_NAME) == 0 && atomic_load(&resolver) == 3) {
		*out = address(INADDR_LOOPBACK + 2, service, NULL);
		return 0;
	}
	if (strcmp(node, LOST_NAME) == 0 && atomic_load(&resolver) > 0) {
		usleep(atomic_load(&resolver) > 1 ? 300000 : 0);
		return EAI_AGAIN;
	}
	if (strcmp(node, "localhost") != 0 && strcmp(node, LOST_NAME) != 0 &&
	    strcmp(node, TWO_NAME) != 0 && strcmp(node, SIX_NAME) != 0)
		return EAI_NONAME;
	*out = address(INADDR_LOOPBACK, service, NULL);
	if (strcmp(node, TWO_NAME) == 0)
		*out = address(INADDR_LOOPBACK + 1, service, *out);
	else if (strcmp(node, SIX_NAME) == 0)
		*out = address6(service, *out);
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

/* Handles rest in a stack: a spoilt one would spoil all that comes after. */
static void
a_failed_look_up_does_not_spoil_the_next_call(void **state)
{
	struct client client;
	struct server s = { 0 };
	struct transfer_request lost = post_to("http://name.invalid/v1");
	struct transfer_request found;

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

/* libcurl 7.88 turns to the next address of a family only when it is told to go
 * on: else when half of the time has passed, though the first refused at once,
 * and not at all where the first says nothing. */
static void
a_second_address_is_tried_when_the_first_refuses(void **state)
{
	struct rig r;
	struct call c;
	char url[64];
	usec began;

	rig_start(&r, script_ok);
	snprintf(url, sizeof(url), "http://" TWO_NAME "%s",
	    strrchr(r.server.url, ':'));
	r.req = post_to(url);
	r.req.connect_timeout = USEC_SEC;
	for (int i = 0; i < 3; i++) {
		began = clock_now();
		call_init(&c);
		call_run(&r.client, &c, &r.req);
		assert_in_range(clock_now() - began, 0, 150 * USEC_MS);
		assert_string_equal(c.result.message, "");
		assert_int_equal(c.result.reused, i > 0);
		call_fini(&c);
	}
	rig_stop(&r);
}

static void
a_second_address_is_tried_when_the_first_is_dead(void **state)
{
	struct sockaddr_in dead = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1) };
	struct hanging h = { 0 };
	char url[64];
	struct rig r;

	rig_start(&r, script_ok);
	snprintf(url, sizeof(url), "http://" TWO_NAME "%s",
	    strrchr(r.server.url, ':'));
	dead.sin_port =
	    htons((uint16_t)strtoul(strrchr(r.server.url, ':') + 1, NULL, 10));
	assert_true(hanging_start(&h, (struct sockaddr *)&dead, sizeof(dead)));
	assert_int_equal(fault_at(url, USEC_SEC), FAULT_NONE);
	hanging_stop(&h);
	rig_stop(&r);
}

/* libcurl waits 200 ms for the first address before it tries one of the other
 * family. */
static void
a_dead_address_of_one_family_leaves_time_for_the_other(void **state)
{
	static const usec spans[] = { 150 * USEC_MS, 190 * USEC_MS, USEC_SEC };
	struct sockaddr_in6 dead = { .sin6_family = AF_INET6,
		.sin6_addr = in6addr_loopback };
	struct hanging h = { 0 };
	char url[64];
	struct rig r;

	for (size_t i = 0; i < COUNT(spans); i++) {
		rig_start(&r, script_ok);
		snprintf(url, sizeof(url), "http://" SIX_NAME "%s",
		    strrchr(r.server.url, ':'));
		dead.sin6_port = htons((uint16_t)strtoul(
		    strrchr(r.server.url, ':') + 1, NULL, 10));
		if (!hanging_start(
			&h, (struct sockaddr *)&dead, sizeof(dead))) {
			rig_stop(&r);
			skip();
		}
		assert_int_equal(fault_at(url, spans[i]), FAULT_NONE);
		hanging_stop(&h);
		rig_stop(&r);
	}
}

/* As libcurl does after a minute. */
static void
forget_name(struct client *c, const char *port)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *list;
	char text[64];

	snprintf(text, sizeof(text), "-" LOST_NAME ":%s", port);
	list = curl_slist_append(NULL, text);
	curl_easy_setopt(curl, CURLOPT_SHARE, c->up->share);
	curl_easy_setopt(curl, CURLOPT_RESOLVE, list);
	curl_easy_setopt(curl, CURLOPT_URL, "http://127.0.0.1:1/");
	curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	curl_slist_free_all(list);
}

/* Each asks on a connection of its own. */
static void
a_name_that_is_lost_leads_where_it_led(void **state)
{
	struct client client;
	struct server s = { 0 };
	struct transfer_request req;
	char url[64];
	const char *port;

	server_start(&s, script_ok);
	client_start(&client);
	port = strrchr(s.url, ':') + 1;
	snprintf(url, sizeof(url), "http://" LOST_NAME ":%s", port);
	req = post_to(url);
	req.peer = 7;
	req.fresh = true;
	req.connect_timeout = 150 * USEC_MS;
	for (int well = 0; well < 2; well++) {
		atomic_store(&resolver, 0);
		assert_int_equal(fault_of_call(&client, &req), FAULT_NONE);
		for (int how = 1; how <= 2; how++) {
			atomic_store(&resolver, how);
			forget_name(&client, port);
			assert_int_equal(
			    fault_of_call(&client, &req), FAULT_NONE);
		}
	}
	/* nobody else's name leads there */
	forget_name(&client, port);
	req.peer = 8;
	atomic_store(&resolver, 1);
	assert_int_equal(fault_of_call(&client, &req), FAULT_DNS);
	usleep(350000); /* a look-up's thread frees what is left */
	client_stop(&client);
	server_stop(&s);
}

/* libcurl would ask there for a minute. */
static void
a_backend_that_has_moved_is_found_by_the_next_call(void **state)
{
	struct client client;
	struct server s = { 0 };
	struct transfer_request req;
	char url[64];

	server_start(&s, script_ok);
	client_start(&client);
	snprintf(
	    url, sizeof(url), "http://" LOST_NAME "%s", strrchr(s.url, ':'));
	req = post_to(url);
	req.peer = 7;
	req.fresh = true;
	atomic_store(&resolver, 3);
	assert_int_equal(fault_of_call(&client, &req), FAULT_REFUSED);
	atomic_store(&resolver, 0);
	assert_int_equal(fault_of_call(&client, &req), FAULT_NONE);
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
		cmocka_unit_test(
		    a_second_address_is_tried_when_the_first_is_dead),
		cmocka_unit_test(
		    a_dead_address_of_one_family_leaves_time_for_the_other),
		cmocka_unit_test(a_name_that_is_lost_leads_where_it_led),
		cmocka_unit_test(
		    a_backend_that_has_moved_is_found_by_the_next_call),
		cmocka_unit_test(a_slow_name_look_up_holds_nobody_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
