/* gateway/upstream/tls_test.c - certificates. */
#include "gateway/upstream/testing.h"

#include "gateway/upstream/inner.h"
#include "gateway/upstream/tls_server.h"

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
	};

	return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
