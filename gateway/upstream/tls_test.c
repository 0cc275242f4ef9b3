/* gateway/upstream/tls_test.c - certificates, and HTTP/2 where there is a
 * server for it (nghttpd, of Debian's nghttp2-server). */
#include "gateway/upstream/testing.h"

#include "gateway/upstream/inner.h"
#include "gateway/upstream/tls_server.h"

#include <sys/wait.h>

static void
script_cut(struct connection *c)
{
	hear_request(c);
	say(c, OK_CHUNKED);
	say_chunk(c, "data: 1\n\n");
}

static void
an_unknown_certificate_is_refused(void **state)
{
	struct rig r;

	rig_start_tls(
	    &r, tls_of(*state, ((struct pki *)*state)->cert), script_ok);
	assert_int_equal(rig_fault(&r), FAULT_TLS);
	rig_stop(&r);
}

static void
a_certificate_of_our_ca_is_accepted(void **state)
{
	struct pki *p = *state;
	struct rig r;
	struct call c;

	rig_start_tls(&r, tls_of(p, p->cert), script_ok);
	assert_int_equal(rig_fault(&r), FAULT_TLS);
	r.req.ca_file = p->ca;
	for (int i = 0; i < 2; i++) {
		call_init(&c);
		call_run(&r.client, &c, &r.req);
		assert_string_equal(c.result.message, "");
		assert_body(&c, "ok");
		assert_int_equal(c.result.reused, i > 0);
		assert_int_equal(c.result.tls > 0, i == 0);
		call_fini(&c);
	}
	/* and by this request alone, connection and session included */
	r.req.ca_file = NULL;
	assert_int_equal(rig_fault(&r), FAULT_TLS);
	rig_stop(&r);
}

static void
script_once(struct connection *c)
{
	hear_request(c);
	say(c, OK_2);
}

struct looks {
	uint32_t peer; /* the last one */
	usec until;
	unsigned n;
};

static void
note_look(void *arg, uint32_t peer, usec until)
{
	struct looks *l = arg;

	*l = (struct looks){ peer, until, l->n + 1 };
}

/* A session is resumed, but not by another backend at the same place, whose
 * certificate nobody has looked at, nor past the end of it. */
static void
an_expired_certificate_ends_its_sessions(void **state)
{
	struct pki *p = *state;
	SSL_CTX *tls = tls_of(p, p->brief);
	usec made = clock_wall();
	struct looks l = { 0 };
	struct rig r;

	rig_start_tls(&r, tls, script_once);
	upstream_on_certificate(r.client.up, note_look, &l);
	r.req.ca_file = p->ca;
	r.req.peer = 7;
	assert_int_equal(rig_fault(&r), FAULT_NONE);
	assert_in_range(
	    l.until, made - 10 * USEC_SEC, made + BRIEF_S * USEC_SEC);
	assert_int_equal(rig_fault(&r), FAULT_NONE);
	assert_true(SSL_CTX_sess_hits(tls) > 0);
	assert_int_equal(l.n, 1);
	r.req.peer = 8;
	assert_int_equal(rig_fault(&r), FAULT_NONE);
	assert_int_equal(l.peer, 8);
	while (clock_wall() < l.until)
		run_for(&r.client, 100 * USEC_MS);
	assert_int_equal(rig_fault(&r), FAULT_TLS);
	rig_stop(&r);
}

/* The system's bundle, for the length of this test, is our CA; many multis
 * share it. */
static void
a_certificate_of_a_system_ca_is_accepted(void **state)
{
	struct pki *p = *state;
	struct rig r;
	struct call c[40];

	rig_start_tls(&r, tls_of(p, p->cert), script_ok);
	if (r.client.up->trust.bundle == NULL)
		skip(); /* libcurl uses another TLS library */
	free(r.client.up->trust.bundle);
	r.client.up->trust.bundle = strdup(p->ca);
	for (int i = 0; i < 40; i++) {
		call_init(&c[i]);
		call_start(&r.client, &c[i], &r.req);
	}
	for (int i = 0; i < 40; i++) {
		run_until(&r.client, &c[i].done);
		assert_string_equal(c[i].result.message, "");
		call_fini(&c[i]);
	}
	rig_stop(&r);
}

static void
a_certificate_of_another_host_is_refused(void **state)
{
	struct pki *p = *state;
	struct rig r;

	rig_start_tls(&r, tls_of(p, p->wrong), script_ok);
	r.req.ca_file = p->ca;
	assert_int_equal(rig_fault(&r), FAULT_TLS);
	rig_stop(&r);
}

/* The exception for one backend holds for that backend only, though the same
 * handles serve all. */
/* The next request finds it dead. */
static void
script_one_and_slam(struct connection *c)
{
	hear_request(c);
	say(c, OK_2);
	hear_head(c);
	slam(c);
}

/* It was restarted, with a certificate that nobody can check. */
static void
the_words_are_those_of_the_last_connection(void **state)
{
	struct pki *p = *state;
	SSL_CTX *good = tls_of(p, p->cert);
	struct rig r;
	struct call c;

	rig_start_tls(&r, good, script_one_and_slam);
	SSL_CTX_set_session_cache_mode(good, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(good, 0);
	r.req.ca_file = p->ca;
	rig_run(&r);
	assert_body(&r.call, "ok");
	r.server.tls = tls_of(p, p->wrong);
	call_init(&c);
	call_run(&r.client, &c, &r.req);
	assert_int_equal(c.result.fault, FAULT_TLS);
	assert_null(strstr(c.result.message, "failure"));
	assert_non_null(strstr(c.result.message, "certificate"));
	call_fini(&c);
	rig_stop(&r);
	SSL_CTX_free(good);
}

static void
an_insecure_backend_does_not_weaken_the_others(void **state)
{
	struct pki *p = *state;
	struct rig r;

	rig_start_tls(&r, tls_of(p, p->wrong), script_ok);
	for (int i = 0; i < 2; i++) {
		r.req.tls_insecure = true;
		r.req.ca_file = NULL;
		assert_int_equal(rig_fault(&r), FAULT_NONE);
		r.req.tls_insecure = false;
		assert_int_equal(rig_fault(&r), FAULT_TLS);
		r.req.ca_file = p->ca;
		assert_int_equal(rig_fault(&r), FAULT_TLS);
	}
	rig_stop(&r);
}

static void
a_missing_ca_file_is_a_tls_fault(void **state)
{
	struct pki *p = *state;
	struct rig r;

	rig_start_tls(&r, tls_of(p, p->cert), script_ok);
	r.req.ca_file = "/tmp/tls-test-no-such-file";
	assert_int_equal(rig_fault(&r), FAULT_TLS);
	rig_stop(&r);
}

static void
write_other_ca(const char *path)
{
	EVP_PKEY *key = new_key();
	X509 *ca = new_cert("another CA", key, NULL, NULL);

	write_cert(path, ca);
	X509_free(ca);
	EVP_PKEY_free(key);
}

static void
copy_file(const char *from, const char *to)
{
	char bytes[65536];
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	size_t n = fread(bytes, 1, sizeof(bytes), in);

	assert_int_equal(fwrite(bytes, 1, n, out), n);
	fclose(in);
	fclose(out);
}

/* Who is trusted no more is so at once: neither connections nor sessions that
 * were made under the file as it was are used. */
static void
a_ca_file_that_changes_is_read_again(void **state)
{
	struct pki *p = *state;
	struct rig r;
	char path[128];

	snprintf(path, sizeof(path), "%s/changing.pem", p->dir);
	write_other_ca(path);
	rig_start_tls(&r, tls_of(p, p->cert), script_ok);
	r.req.ca_file = path;
	assert_int_equal(rig_fault(&r), FAULT_TLS);
	copy_file(p->ca, path);
	run_for(&r.client, 1100 * USEC_MS);
	assert_int_equal(rig_fault(&r), FAULT_NONE);
	assert_int_equal(rig_fault(&r), FAULT_NONE);
	assert_int_equal(atomic_load(&r.server.n), 2);
	write_other_ca(path);
	run_for(&r.client, 1100 * USEC_MS);
	assert_int_equal(rig_fault(&r), FAULT_TLS);
	rig_stop(&r);
	unlink(path);
}

static void
a_stream_cut_short_is_cut_under_tls_too(void **state)
{
	struct pki *p = *state;
	struct rig r;

	rig_start_tls(&r, tls_of(p, p->cert), script_cut);
	r.req.ca_file = p->ca;
	assert_int_equal(rig_fault(&r), FAULT_CUT);
	rig_stop(&r);
}

static void
a_handshake_without_an_answer_times_out(void **state)
{
	struct pki *p = *state;
	struct rig r;
	char url[64];

	rig_start(&r, script_ok);
	snprintf(url, sizeof(url), "https://localhost%s",
	    strrchr(r.server.url, ':'));
	r.req = post_to(url);
	r.req.ca_file = p->ca;
	/* the script takes the hello for a request and waits for more */
	r.req.connect_timeout = 100 * USEC_MS;
	assert_int_equal(rig_fault(&r), FAULT_CONNECT_TIMEOUT);
	rig_stop(&r);
}

/* --- HTTP/2 --- */

struct nghttpd {
	pid_t pid;
	char url[96];
};

static const char *
nghttpd_path(void)
{
	const char *places[] = { getenv("NGHTTPD"), "/usr/sbin/nghttpd",
		"/usr/bin/nghttpd" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i] != NULL && access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

static uint16_t
free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	close(fd);
	return ntohs(a.sin_port);
}

static bool
answers(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int rc = connect(fd, (struct sockaddr *)&a, sizeof(a));

	close(fd);
	return rc == 0;
}

static void
nghttpd_start(struct nghttpd *n, const struct pki *p)
{
	uint16_t port = free_port();
	char number[16];
	usec end = clock_now() + PATIENCE;

	snprintf(number, sizeof(number), "%d", port);
	snprintf(n->url, sizeof(n->url), "https://localhost:%d", port);
	n->pid = fork();
	assert_true(n->pid >= 0);
	if (n->pid == 0) {
		execl(nghttpd_path(), "nghttpd", "-a", "127.0.0.1", "-d",
		    p->dir, "--echo-upload", "-m", "100", number, p->key,
		    p->cert, (char *)NULL);
		_exit(127);
	}
	while (!answers(port) && clock_now() < end)
		usleep(10000);
}

static void
nghttpd_stop(struct nghttpd *n)
{
	kill(n->pid, SIGKILL);
	waitpid(n->pid, NULL, 0);
}

static bool
lacks_nghttpd(void)
{
	if (nghttpd_path() != NULL)
		return false;
	print_message("skipped: no nghttpd (Debian: nghttp2-server)\n");
	return true;
}

static void
http2_carries_calls_at_once(void **state)
{
	struct pki *p = *state;
	const struct slice pieces[] = { SLICE("a"), SLICE("bc"), SLICE("d") };
	struct upstream_stats stats;
	struct nghttpd n;
	struct client client;
	struct transfer_request req;
	struct call c[8];
	char url[128];

	if (lacks_nghttpd())
		skip();
	nghttpd_start(&n, p);
	client_start(&client);
	snprintf(url, sizeof(url), "%s/echo", n.url);
	req = post_to(url);
	req.ca_file = p->ca;
	req.body = pieces;
	req.n_body = 3;
	for (int i = 0; i < 8; i++) {
		call_init(&c[i]);
		call_start(&client, &c[i], &req);
		if (i == 0)
			run_until(&client, &c[i].done);
	}
	for (int i = 0; i < 8; i++) {
		run_until(&client, &c[i].done);
		assert_string_equal(c[i].result.message, "");
		assert_int_equal(c[i].status, 200);
		assert_body(&c[i], "abcd");
		call_fini(&c[i]);
	}
	upstream_stats(client.up, &stats);
	assert_int_equal(stats.connections_made, multi_shares() ? 1 : 7);
	client_stop(&client);
	nghttpd_stop(&n);
}

/* The far end may send what its window allows (32 MB in libcurl 7.88), which
 * is kept; others on the connection are not held up by it. */
static void
a_paused_http2_stream_lets_its_neighbours_pass(void **state)
{
	struct pki *p = *state;
	size_t n_big = (size_t)4 << 20;
	char *big, path[128], url[128], other_url[128];
	struct nghttpd n;
	struct client client;
	struct transfer_request req, other_req;
	struct call c, other;
	FILE *f;

	if (lacks_nghttpd())
		skip();
	big = calloc(1, n_big);
	for (size_t i = 0; i < n_big; i++)
		big[i] = (char)('a' + i / 1024 % 26);
	snprintf(path, sizeof(path), "%s/big", p->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(big, 1, n_big, f), n_big);
	fclose(f);
	nghttpd_start(&n, p);
	client_start(&client);
	snprintf(url, sizeof(url), "%s/big", n.url);
	snprintf(other_url, sizeof(other_url), "%s/ca.pem", n.url);
	req = post_to(url);
	req.method = "GET";
	req.ca_file = p->ca;
	other_req = req;
	other_req.url = other_url;
	call_init(&c);
	c.pause_every = 100000;
	call_start(&client, &c, &req);
	run_until(&client, &c.paused);
	for (int i = 0; i < 3; i++) {
		call_init(&other);
		call_run(&client, &other, &other_req);
		assert_string_equal(other.result.message, "");
		assert_int_equal(other.result.reused, multi_shares() || i > 0);
		call_fini(&other);
	}
	assert_false(c.done);
	resume_and_run(&client, &c);
	assert_string_equal(c.result.message, "");
	assert_int_equal(c.body.n, n_big);
	assert_memory_equal(c.body.p, big, n_big);
	call_fini(&c);
	client_stop(&client);
	nghttpd_stop(&n);
	unlink(path);
	free(big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* the first: time passes */
		cmocka_unit_test(an_expired_certificate_ends_its_sessions),
		cmocka_unit_test(an_unknown_certificate_is_refused),
		cmocka_unit_test(a_certificate_of_our_ca_is_accepted),
		cmocka_unit_test(a_certificate_of_a_system_ca_is_accepted),
		cmocka_unit_test(a_certificate_of_another_host_is_refused),
		cmocka_unit_test(the_words_are_those_of_the_last_connection),
		cmocka_unit_test(
		    an_insecure_backend_does_not_weaken_the_others),
		cmocka_unit_test(a_missing_ca_file_is_a_tls_fault),
		cmocka_unit_test(a_ca_file_that_changes_is_read_again),
		cmocka_unit_test(a_stream_cut_short_is_cut_under_tls_too),
		cmocka_unit_test(a_handshake_without_an_answer_times_out),
		cmocka_unit_test(http2_carries_calls_at_once),
		cmocka_unit_test(
		    a_paused_http2_stream_lets_its_neighbours_pass),
	};

	return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
