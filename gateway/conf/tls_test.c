/* gateway/conf/tls_test.c - the files of the TLS listener: what is taken, what
 * is refused and in which words, and whom a client's certificate stands for. */
#include "gateway/conf/testing.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#define DAY (24L * 3600)
#define TLS(rest) BASE "tls = { " rest " };"
#define PAIR "certificate = \"server.pem\"; key = \"server.key\"; "

/* --- certificates, each signed by itself --- */

static EVP_PKEY *
new_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	assert_non_null(key);
	return key;
}

static void
write_key(const struct fixture *f, const char *name, EVP_PKEY *key,
    const char *passphrase)
{
	char path[192];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(
	    PEM_write_PrivateKey(file, key,
		passphrase != NULL ? EVP_aes_128_cbc() : NULL,
		(const unsigned char *)passphrase,
		passphrase != NULL ? (int)strlen(passphrase) : 0, NULL, NULL),
	    1);
	fclose(file);
}

/* Good from so many seconds from now to so many. */
static void
write_certificate(const struct fixture *f, const char *name, EVP_PKEY *key,
    long from, long until)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);
	char path[192];
	FILE *file;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), from);
	X509_gmtime_adj(X509_getm_notAfter(x), until);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, subject);
	assert_true(
	    X509_sign(x, key,
		EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()) > 0);
	snprintf(path, sizeof(path), "%s/%s", f->folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, x), 1);
	fclose(file);
	X509_free(x);
}

static const char *const names[] = { "server.pem", "server.key", "other.key",
	"locked.key", "old.pem", "early.pem", "soon.pem", "text.pem",
	"half.pem", "issuer.pem", "reversed.pem" };

/* A folder with a good pair, and with what may be wrong with one. */
static void
bench_init(struct fixture *f)
{
	EVP_PKEY *key = new_key(), *other = new_key();
	char path[192], *pem, *text, *issuer;

	fixture_init(f);
	write_certificate(f, "server.pem", key, -60, 90 * DAY);
	write_certificate(f, "old.pem", key, -2 * DAY, -DAY);
	write_certificate(f, "early.pem", key, DAY, 90 * DAY);
	write_certificate(f, "soon.pem", key, -60, DAY);
	write_key(f, "server.key", key, NULL);
	write_key(f, "other.key", other, NULL);
	write_key(f, "locked.key", key, "secret");
	fixture_write(f, "text.pem", "hunter2: no certificate\n");
	snprintf(path, sizeof(path), "%s/server.pem", f->folder);
	pem = read_whole(path);
	text = malloc(2 * strlen(pem));
	assert_non_null(text);
	/* a good one, and one that breaks off */
	snprintf(
	    text, 2 * strlen(pem), "%s%.*s", pem, (int)strlen(pem) / 2, pem);
	fixture_write(f, "half.pem", text);
	free(text);
	write_certificate(f, "issuer.pem", other, -60, 90 * DAY);
	snprintf(path, sizeof(path), "%s/issuer.pem", f->folder);
	issuer = read_whole(path);
	text = malloc(strlen(issuer) + strlen(pem) + 1);
	assert_non_null(text);
	snprintf(text, strlen(issuer) + strlen(pem) + 1, "%s%s", issuer, pem);
	fixture_write(f, "reversed.pem", text);
	free(issuer);
	free(pem);
	free(text);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

static void
bench_fini(struct fixture *f)
{
	char path[192];

	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->folder, names[i]);
		unlink(path);
	}
	fixture_fini(f);
}

/* Loads the text where those files are. */
static void
load(struct fixture *f, const char *text)
{
	free(f->text);
	conf_unref(&f->conf);
	fixture_load(f, text, NULL);
}

#define assert_says(f, text, complaint)                                        \
	do {                                                                   \
		load(f, text);                                                 \
		assert_true(fixture_says(f, "gateway.conf:3: " complaint));    \
	} while (0)

/* --- the listener --- */

static void
a_pair_is_taken_whole(void **state)
{
	struct fixture f;

	bench_init(&f);
	load(&f, TLS(PAIR));
	assert_int_equal(f.rc, OK);
	assert_int_equal(f.complaints.warnings, 0);
	assert_non_null(strstr(f.conf->tls.certificate_pem, "BEGIN CERT"));
	assert_non_null(strstr(f.conf->tls.key_pem, "PRIVATE KEY"));
	assert_null(f.conf->tls.client_ca_pem);
	assert_string_equal(f.conf->tls.min_version, "1.2");
	bench_fini(&f);
}

static void
what_cannot_be_served_is_refused(void **state)
{
	struct fixture f;

	bench_init(&f);
	assert_says(&f, TLS("certificate = \"server.pem\";"),
	    "tls: want certificate and key, got one of two");
	assert_says(&f, TLS("min_version = \"1.3\";"),
	    "tls: want certificate and key, got neither");
	load(&f, TLS("certificate = \"text.pem\"; key = \"server.key\";"));
	assert_non_null(strstr(f.text,
	    "tls.certificate: want a certificate in PEM, got none in "));
	assert_null(strstr(f.text, "hunter2"));
	load(&f, TLS("certificate = \"half.pem\"; key = \"server.key\";"));
	assert_non_null(strstr(f.text, "got a broken one behind the first"));
	load(&f, TLS("certificate = \"server.pem\"; key = \"text.pem\";"));
	assert_non_null(strstr(f.text,
	    "tls.key: want a private key in PEM without a passphrase, got "
	    "none in "));
	/* nobody is asked for it, neither here nor at the next reload */
	load(&f, TLS("certificate = \"server.pem\"; key = \"locked.key\";"));
	assert_non_null(strstr(f.text, "without a passphrase"));
	assert_says(&f,
	    TLS("certificate = \"server.pem\"; key = \"other.key\";"),
	    "tls.key: want the private key of the certificate, got another");
	load(&f, TLS("certificate = \"reversed.pem\"; key = \"server.key\";"));
	assert_non_null(strstr(f.text,
	    "tls.certificate: want the certificate of tls.key first, got "
	    "another before it in "));
	load(&f, TLS("certificate = \"none.pem\"; key = \"server.key\";"));
	assert_non_null(
	    strstr(f.text, "tls.certificate: want a PEM file, got an error"));
	bench_fini(&f);
}

/* Each of its own kind, and signed by itself. */
static void
load_pair_of(struct fixture *f, EVP_PKEY *key, const char *more)
{
	char text[512];

	assert_non_null(key);
	write_certificate(f, "server.pem", key, -60, 90 * DAY);
	write_key(f, "server.key", key, NULL);
	snprintf(text, sizeof(text), TLS(PAIR "%s"), more);
	load(f, text);
	EVP_PKEY_free(key);
}

/* Half a kilobit is too short for the signatures of a handshake, and nobody
 * offers that curve. */
static void
what_no_client_can_speak_with_is_refused(void **state)
{
	struct fixture f;

	bench_init(&f);
	load_pair_of(&f, EVP_RSA_gen(512), "");
	assert_int_equal(f.rc, ERR_INVALID);
	assert_non_null(strstr(f.text,
	    "gateway.conf:3: tls.certificate: want a chain and a key that TLS "
	    "can use, got those of "));
	assert_non_null(strstr(f.text, "/server.pem: "));
	load_pair_of(&f, EVP_EC_gen("secp256k1"), "");
	assert_int_equal(f.rc, ERR_INVALID);
	load_pair_of(&f, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
	    "min_version = \"1.3\";");
	assert_int_equal(f.rc, OK);
	assert_int_equal(f.complaints.warnings, 0);
	bench_fini(&f);
}

static void
what_many_clients_refuse_is_worth_a_warning(void **state)
{
	struct fixture f;

	bench_init(&f);
	load_pair_of(&f, EVP_RSA_gen(1024), "");
	assert_int_equal(f.rc, OK);
	assert_int_equal(f.complaints.warnings, 1);
	assert_non_null(strstr(f.text,
	    "gateway.conf:3: warning: tls.certificate: want a certificate that "
	    "clients take, got one that OpenSSL's refuse, unless they are told "
	    "not to, in "));
	assert_non_null(strstr(f.text, "/server.pem: ee key too small"));
	load_pair_of(&f, EVP_RSA_gen(2048), "");
	assert_int_equal(f.complaints.warnings, 0);
	bench_fini(&f);
}

static void
dates_are_worth_a_warning(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ TLS("certificate = \"old.pem\"; key = \"server.key\";"),
		    "got one that has expired" },
		{ TLS("certificate = \"early.pem\"; key = \"server.key\";"),
		    "got one that is not yet" },
		{ TLS("certificate = \"soon.pem\"; key = \"server.key\";"),
		    "got one that expires before" },
	};
	struct fixture f;

	bench_init(&f);
	for (size_t i = 0; i < COUNT(rows); i++) {
		load(&f, rows[i].text);
		assert_int_equal(f.rc, OK);
		assert_int_equal(f.complaints.warnings, 1);
		assert_non_null(strstr(f.text, rows[i].words));
	}
	bench_fini(&f);
}

static void
it_has_another_id_when_anything_differs(void **state)
{
	static const char *const texts[] = { TLS(PAIR),
		TLS(PAIR "min_version = \"1.3\";"),
		TLS(PAIR "client_ca = \"server.pem\";") };
	unsigned char ids[COUNT(texts)][CONF_KEY_BYTES];
	static const unsigned char none[CONF_KEY_BYTES];
	struct fixture f;

	bench_init(&f);
	for (size_t i = 0; i < COUNT(texts); i++) {
		load(&f, texts[i]);
		assert_int_equal(f.rc, OK);
		memcpy(ids[i], f.conf->tls.id, CONF_KEY_BYTES);
		assert_memory_not_equal(ids[i], none, CONF_KEY_BYTES);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(ids[i], ids[k], CONF_KEY_BYTES);
	}
	load(&f, texts[0]);
	assert_memory_equal(f.conf->tls.id, ids[0], CONF_KEY_BYTES);
	bench_fini(&f);
}

/* --- backends --- */

#define TRUSTS(file)                                                           \
	"backends = ( { name = \"gpu\"; adapter = \"ollama\";\n"               \
	"ca_file = \"" file "\"; } );\n"                                       \
	"models = ( { name = \"m\"; serve = ( { backend = \"gpu\"; } ); } );"

static void
authorities_without_a_certificate_are_refused(void **state)
{
	static const char *const bad[] = { TRUSTS("text.pem"),
		TRUSTS("server.key"), TRUSTS("half.pem") };
	struct fixture f;

	bench_init(&f);
	for (size_t i = 0; i < COUNT(bad); i++) {
		load(&f, bad[i]);
		assert_non_null(strstr(f.text,
		    "gateway.conf:2: backends.gpu.ca_file: want certificates "
		    "in PEM, got none or a broken one in \""));
		assert_null(strstr(f.text, "hunter2"));
	}
	load(&f, TRUSTS("server.pem"));
	assert_int_equal(f.rc, OK);
	bench_fini(&f);
}

/* --- clients --- */

#define DIGEST                                                                 \
	"00112233445566778899aabbccddeeff"                                     \
	"00112233445566778899aabbccddeeff"
#define SHOUTED                                                                \
	"00112233445566778899AABBCCDDEEFF"                                     \
	"00112233445566778899AABBCCDDEEFF"
#define TENANT(name, list)                                                     \
	"{ name = \"" name "\"; certificates = [ " list " ]; }"
#define CLIENTS(tenants)                                                       \
	TLS(PAIR "client_ca = \"server.pem\";") " tenants = ( " tenants " );"

static const char *
tenant_of(const struct fixture *f, struct slice certificate)
{
	const struct conf_tenant *t =
	    conf_authenticate_certificate(f->conf, certificate);

	return t != NULL ? t->name : "nobody";
}

static void
a_certificate_stands_for_its_tenant(void **state)
{
	struct fixture f;

	bench_init(&f);
	load(&f,
	    CLIENTS(TENANT("a",
		"\"ci.example\", \"SHA256:" SHOUTED
		"\"") ", " TENANT("b", "\"spiffe://b\"")));
	assert_int_equal(f.rc, OK);
	assert_string_equal(tenant_of(&f, SLICE("ci.example\0")), "a");
	assert_string_equal(
	    tenant_of(&f, SLICE("other\0sha256:" DIGEST "\0")), "a");
	assert_string_equal(
	    tenant_of(&f, SLICE("sha256:" SHOUTED "\0")), "nobody");
	assert_string_equal(tenant_of(&f, SLICE("spiffe://b\0")), "b");
	/* whole names alone, and none of none */
	assert_string_equal(tenant_of(&f, SLICE("ci.example.org\0")), "nobody");
	assert_string_equal(tenant_of(&f, SLICE("ci\0")), "nobody");
	assert_string_equal(tenant_of(&f, SLICE("")), "nobody");
	bench_fini(&f);
}

static void
names_are_nobody_elses(void **state)
{
	struct fixture f;

	bench_init(&f);
	assert_says(&f, CLIENTS(TENANT("a", "\"x\"") ", " TENANT("b", "\"x\"")),
	    "tenants.b.certificates[0]: want a name of its own, got \"x\", "
	    "which is taken");
	assert_says(&f,
	    CLIENTS(TENANT("a", "\"sha256:" DIGEST "\"") ", " TENANT(
		"b", "\"SHA256:" SHOUTED "\"")),
	    "tenants.b.certificates[0]: want a name of its own, got "
	    "\"sha256:" DIGEST "\", which is taken");
	assert_says(&f, CLIENTS(TENANT("a", "\"sha256:12\"")),
	    "tenants.a.certificates[0]: want 64 hexadecimal digits after "
	    "\"sha256:\", got \"sha256:12\"");
	assert_says(&f, CLIENTS(TENANT("a", "\"\"")),
	    "tenants.a.certificates[0]: want a name, got nothing");
	assert_says(&f, TLS(PAIR) " tenants = ( " TENANT("a", "\"x\"") " );",
	    "tenants.a.certificates: want tls.client_ca, which vouches for "
	    "them, got none");
	assert_says(&f, TLS(PAIR "require_client = true;"),
	    "tls.require_client: want client_ca, which vouches for clients, "
	    "got none");
	bench_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pair_is_taken_whole),
		cmocka_unit_test(what_cannot_be_served_is_refused),
		cmocka_unit_test(what_no_client_can_speak_with_is_refused),
		cmocka_unit_test(what_many_clients_refuse_is_worth_a_warning),
		cmocka_unit_test(dates_are_worth_a_warning),
		cmocka_unit_test(it_has_another_id_when_anything_differs),
		cmocka_unit_test(authorities_without_a_certificate_are_refused),
		cmocka_unit_test(a_certificate_stands_for_its_tenant),
		cmocka_unit_test(names_are_nobody_elses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
