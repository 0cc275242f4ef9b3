/* gateway/shared/redis_test.c - the connection to a server: its end, and a
 * server that is none. */
#include "gateway/shared/redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void
note_up(void *arg)
{
	(void)arg;
}

static void
note_down(void *arg, const char *why)
{
	unsigned *downs = arg;

	(void)why;
	++*downs;
}

static void
note_reply(void *arg, void *call, const struct resp_answer *reply)
{
	(void)arg;
	(void)call;
	(void)reply;
}

/* getaddrinfo() is ours within this program. */
static atomic_int lookups, answers;
static atomic_bool may_answer;

static void
await_leave(void)
{
	for (int i = 0; i < 10000 && !atomic_load(&may_answer); i++)
		usleep(1000);
}

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **out)
{
	struct addrinfo *a = calloc(1, sizeof(*a) + sizeof(struct sockaddr_in));
	struct sockaddr_in *at = (struct sockaddr_in *)(void *)(a + 1);

	(void)hints;
	atomic_fetch_add(&lookups, 1);
	if (strcmp(node, "slow.test") == 0)
		await_leave();
	uv_ip4_addr("127.0.0.1", (int)strtol(service, NULL, 10), at);
	a->ai_family = AF_INET;
	a->ai_socktype = SOCK_STREAM;
	a->ai_addrlen = sizeof(*at);
	a->ai_addr = (struct sockaddr *)at;
	*out = a;
	atomic_fetch_add(&answers, 1);
	return 0;
}

void
freeaddrinfo(struct addrinfo *a)
{
	free(a);
}

static void
await(atomic_int *count, int n)
{
	while (atomic_load(count) < n)
		clock_pause(USEC_MS);
}

static void
no_lookup_holds_up_the_end(void **state)
{
	static const struct redis_ops ops = { note_up, note_down, note_reply };
	const struct conf_shared_limits to = { .address = "slow.test",
		.port = 1 };
	unsigned downs = 0;
	struct redis *r;
	uv_loop_t loop;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	r = redis_new(&loop, "return {}", &ops, &downs);
	assert_non_null(r);
	redis_configure(r, &to);
	redis_tick(r, clock_now());
	await(&lookups, 1);
	redis_tick(r, clock_now());
	redis_stop(r);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	redis_free(&r);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(atomic_load(&answers), 0);
	assert_int_equal(downs, 0);
	atomic_store(&may_answer, true);
	await(&answers, 1);
}

/* --- a server that says what it was told to --- */

#define GREETING "+OK\r\n$6\r\ndigest\r\n"

struct bed {
	uv_loop_t loop;
	uv_tcp_t listener, peer;
	const char *password; /* or NULL */
	const char *greets;
	const char *says; /* to the first call */
	unsigned said;
	struct redis *r;
	char why[128]; /* "": it is not down */
	unsigned calls, answered, lost;
};

static void
on_room(uv_handle_t *handle, size_t hint, uv_buf_t *room)
{
	static char ignored[65536];

	(void)handle, (void)hint;
	*room = uv_buf_init(ignored, sizeof(ignored));
}

static void
say(uv_stream_t *to, const char *text)
{
	uv_buf_t out =
	    uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));

	assert_int_equal(uv_try_write(to, &out, 1), out.len);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *in)
{
	struct bed *b = stream->data;

	(void)in;
	if (n < 0)
		uv_close((uv_handle_t *)stream, NULL);
	else if (!redis_is_up(b->r) || !b->said++)
		say(stream, redis_is_up(b->r) ? b->says : b->greets);
}

static void
on_connection(uv_stream_t *listener, int status)
{
	struct bed *b = listener->data;

	assert_int_equal(status, 0);
	assert_int_equal(uv_tcp_init(&b->loop, &b->peer), 0);
	b->peer.data = b;
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&b->peer), 0);
	uv_read_start((uv_stream_t *)&b->peer, on_room, on_read);
	uv_close((uv_handle_t *)listener, NULL);
}

static void
call_twice(void *arg)
{
	const struct slice key = SLICE("k");
	struct bed *b = arg;

	for (; b->calls < 2; b->calls++)
		assert_true(redis_run(b->r, &key, 1, NULL, 0, b));
}

static void
keep_why(void *arg, const char *why)
{
	struct bed *b = arg;

	slice_copy(b->why, sizeof(b->why), slice_of(why));
}

static void
count_reply(void *arg, void *call, const struct resp_answer *a)
{
	struct bed *b = arg;

	assert_ptr_equal(call, b);
	if (a == NULL) {
		b->lost++;
		return;
	}
	b->answered++;
	if (a->error.p != NULL)
		redis_fail_as_told(b->r, a->error);
	else if (b->answered == 2 && strstr(b->says, "nobody") == NULL)
		redis_fail(b->r, "enough");
}

static void
run_bed(struct bed *b)
{
	static const struct redis_ops ops = { call_twice, keep_why,
		count_reply };
	struct sockaddr_in at;
	int size = sizeof(at);
	struct conf_shared_limits to = { .address = "127.0.0.1",
		.password = b->password };

	assert_int_equal(uv_loop_init(&b->loop), 0);
	assert_int_equal(uv_tcp_init(&b->loop, &b->listener), 0);
	b->listener.data = b;
	uv_ip4_addr("127.0.0.1", 0, &at);
	assert_int_equal(
	    uv_tcp_bind(&b->listener, (const struct sockaddr *)&at, 0), 0);
	assert_int_equal(
	    uv_listen((uv_stream_t *)&b->listener, 1, on_connection), 0);
	uv_tcp_getsockname(&b->listener, (struct sockaddr *)&at, &size);
	to.port = ntohs(at.sin_port);
	b->r = redis_new(&b->loop, "return {}", &ops, b);
	assert_non_null(b->r);
	redis_configure(b->r, &to);
	do {
		redis_tick(b->r, clock_now());
		clock_pause(USEC_MS / 10);
	} while (uv_run(&b->loop, UV_RUN_NOWAIT) != 0);
	redis_stop(b->r);
	assert_int_equal(uv_run(&b->loop, UV_RUN_DEFAULT), 0);
	redis_free(&b->r);
	assert_int_equal(uv_loop_close(&b->loop), 0);
}

static void
whatever_it_answers_it_is_left(void **state)
{
	static const struct {
		const char *says, *why;
		unsigned answered, lost;
	} cases[] = {
		{ "*1\r\n:1\r\n*1\r\n:2\r\n", "enough", 2, 0 },
		{ ":1\r\n+\r\n+nobody\r\n", "an answer that nobody asked for",
		    2, 0 },
		{ ":1\r\n-ERR gone\r\n", "ERR gone", 2, 0 },
		{ "-NOSCRIPT\r\n:2\r\n", "NOSCRIPT", 1, 1 },
		{ "*1000000000\r\n", "another answer than the script's", 0, 2 },
		{ ":1\r\nHTTP/1.1 400\r\n", "another answer than the script's",
		    1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bed b = { .greets = GREETING, .says = cases[i].says };

		run_bed(&b);
		assert_string_equal(b.why, cases[i].why);
		assert_int_equal(b.answered, cases[i].answered);
		assert_int_equal(b.lost, cases[i].lost);
	}
}

/* It is not kept until there is no memory. */
static void
an_answer_without_end_is_left(void **state)
{
	static char text[40000];
	struct bed b = { .greets = GREETING, .says = text };

	(void)state;
	memset(text, '+', sizeof(text) - 1);
	run_bed(&b);
	assert_string_equal(b.why, "another answer than the script's");
	assert_int_equal(b.lost, 2);
}

/* As one does whose AUTH has another name. */
static void
a_server_that_quotes_the_password_is_not_quoted(void **state)
{
	struct bed b = { .password = "tell-nobody",
		.greets = "-ERR unknown command 'AUTH', with args beginning "
			  "with: 'tell-nobody' \r\n" };

	(void)state;
	run_bed(&b);
	assert_string_equal(b.why,
	    "ERR unknown command 'AUTH', with args beginning with: '***' ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_lookup_holds_up_the_end),
		cmocka_unit_test(whatever_it_answers_it_is_left),
		cmocka_unit_test(an_answer_without_end_is_left),
		cmocka_unit_test(
		    a_server_that_quotes_the_password_is_not_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
