/* tests/fuzz/head_fuzz.c - whatever a client sends before, and as, a body.
 *
 * The first byte picks an open gateway or one with a tenant; the rest is sent
 * over a connection to a real front. No header has a byte in it that could end
 * a line; nobody is let in without the key, or as a page from elsewhere; each
 * refusal is one well-formed answer; every exchange that began ends, and what
 * was held for it is given back. */
#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "gateway/app.h"
#include "gateway/head.h"
#include "gateway/lib/count.h"
#include "gateway/lib/log.h"
#include "policies/slo.h"
#include "tests/fuzz/conf.h"

#define SPINS_MAX 10000
#define QUIET 3 /* turns without anything to do */

static const char open_conf[] =
    "cors_origins = [ \"https://app.example\" ];\n"
    "backends = ( { name = \"b\"; adapter = \"openai\"; "
    "url = \"http://127.0.0.1:9/v1\"; price = { hourly = 1; }; } );\n"
    "models = ( { name = \"m\"; serve = ( { backend = \"b\"; } ); } );\n";
static const char closed_conf[] = /* printf key | sha256sum */
    "tenants = ( { name = \"t\"; keys = [ \"sha256:"
    "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"
    "\" ]; } );\n";

static struct stand {
	struct conf *conf[2]; /* open, closed */
	uv_loop_t loop;
	struct front *front;
	struct front_budget budget;
	struct conf_listen listen;
	struct app app;
	struct worker worker;
	int fd;
	unsigned begun, ended;
} stand;

/* --- the core --- */

static void
check_header(const struct exchange *x, const char *name)
{
	struct slice v = exchange_header(x, name);

	FUZZ_REQUIRE(slice_find(v, '\n') < 0 && slice_find(v, '\r') < 0 &&
	    slice_find(v, '\0') < 0);
}

static void
check_slo(const struct request *r)
{
	const struct exchange *x = r->exchange;
	struct slo_headers asked = {
		.slo_class = exchange_header(x, "x-slo-class"),
		.ttft_ms = exchange_header(x, "x-slo-ttft-ms"),
		.itl_ms = exchange_header(x, "x-slo-itl-ms"),
		.total_ms = exchange_header(x, "x-slo-total-ms"),
	};
	struct errmsg why = { "" };
	struct slo slo;

	if (slo_resolve(r->conf, r->tenant, &asked, NULL, &slo, &why) == OK)
		FUZZ_REQUIRE(slo.ttft >= 0 && slo.itl >= 0 && slo.total >= 0);
	else
		FUZZ_REQUIRE(why.text[0] != '\0');
}

/* Another reading of who may come in, in plain words. */
static bool
may_enter(const struct request *r)
{
	static const char *const own[] = { "localhost", "127.0.0.1", "[::1]",
		"::1" };
	struct slice host = exchange_header(r->exchange, "host");
	struct slice origin = exchange_header(r->exchange, "origin");
	ptrdiff_t colon;

	if (r->conf->n_tenants > 0)
		return r->tenant != NULL &&
		    (slice_rfind(exchange_header(r->exchange, "authorization"),
			 'y') >= 0 ||
			exchange_header(r->exchange, "x-api-key").n > 0 ||
			exchange_header(r->exchange, "api-key").n > 0);
	if (origin.n > 0 && !slice_is(origin, "https://app.example") &&
	    (origin.n < host.n ||
		!slice_ieq(
		    slice_make(origin.p + origin.n - host.n, host.n), host)))
		return false;
	colon = slice_rfind(host, ':');
	if (colon >= 0 && host.p[host.n - 1] != ']')
		host.n = (size_t)colon;
	for (size_t i = 0; i < COUNT(own); i++)
		if (slice_iis(host, own[i]))
			return true;
	return host.n == 0;
}

static enum front_verdict
on_headers(void *arg, struct exchange *x)
{
	static const char *const names[] = { "host", "origin", "authorization",
		"x-api-key", "idempotency-key",
		"access-control-request-headers" };
	struct request *r = calloc(1, sizeof(*r));

	FUZZ_REQUIRE(r != NULL);
	r->worker = &stand.worker;
	r->conf = arg != NULL ? stand.worker.conf : NULL;
	r->exchange = x;
	r->sink = exchange_sink(x);
	snprintf(r->id, sizeof(r->id), "req_%024d", 1);
	exchange_set_arg(x, r);
	stand.begun++;
	for (size_t i = 0; i < COUNT(names); i++)
		if (exchange_refusal(x)->status == 0)
			check_header(x, names[i]);
	head_judge(r);
	if (r->verdict == HEAD_INFERENCE) {
		FUZZ_REQUIRE(may_enter(r));
		FUZZ_REQUIRE(exchange_refusal(x)->status == 0);
		check_slo(r);
	} else if (r->verdict == HEAD_REFUSED) {
		FUZZ_REQUIRE(
		    r->refusal.status >= 400 && r->refusal.message != NULL);
	}
	return r->verdict == HEAD_INFERENCE ? FRONT_READ : FRONT_REFUSE;
}

static void
on_request(void *arg, struct exchange *x)
{
	struct request *r = exchange_arg(x);

	(void)arg;
	if (r->verdict == HEAD_REFUSED) {
		reply_error(r, &r->refusal);
		return;
	}
	reply_headers(r, 200, "text/plain", 2, NULL);
	r->sink->ops->write(r->sink, SLICE("ok"));
	r->sink->ops->end(r->sink, SINK_CLEAN);
}

static void
on_closed(void *arg, struct exchange *x)
{
	struct request *r = exchange_arg(x);

	(void)arg;
	stand.ended++;
	free(r->said);
	free(r);
}

static const struct front_ops ops = { on_headers, on_request, on_closed };

/* --- the stand --- */

static void
stand_open(void)
{
	const struct front_settings settings = {
		.limits = { .header = 4096, .body = 4096, .bodies = 1 << 20 },
		.header_timeout = USEC_SEC,
		.body_timeout = USEC_SEC,
		.idle_timeout = USEC_SEC,
		.client_stall = USEC_SEC,
	};
	static char path[100];
	struct errmsg why = { "" };

	log_set_level(LOG_ERROR);
	stand.conf[0] = fuzz_conf(open_conf, "");
	stand.conf[1] = fuzz_conf(open_conf, closed_conf);
	stand.worker.app = &stand.app;
	snprintf(path, sizeof(path), "%s.sock", fuzz_path);
	stand.listen.path = path;
	FUZZ_REQUIRE(front_listen(&stand.listen, &stand.fd, &why) == OK);
	FUZZ_REQUIRE(uv_loop_init(&stand.loop) == 0);
	stand.front = front_new(&stand.loop, stand.fd, &settings, &stand.budget,
	    &ops, &stand, &why);
	FUZZ_REQUIRE(stand.front != NULL);
}

/* --- the client --- */

static int
join(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	FUZZ_REQUIRE(fd >= 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", stand.listen.path);
	FUZZ_REQUIRE(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	return fd;
}

/* Until nothing more is to do. */
static void
turn(int fd, struct buf *heard, bool gone)
{
	char bytes[4096];
	unsigned quiet = 0;
	ssize_t n;

	for (int i = 0; i < SPINS_MAX && quiet < QUIET; i++) {
		quiet++;
		uv_run(&stand.loop, UV_RUN_NOWAIT);
		if (front_settle(stand.front))
			quiet = 0;
		if (!gone &&
		    (n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
			buf_add(heard, slice_make(bytes, (size_t)n));
			quiet = 0;
		}
		if (gone && front_connections(stand.front) > 0)
			quiet = 0;
	}
}

/* The first answer; what follows belongs to later requests. */
static void
check_answer(struct slice heard)
{
	static const char end[] = "\r\n\r\n";
	const char *body = memmem(heard.p, heard.n, end, sizeof(end) - 1);
	const char *length = memmem(heard.p, heard.n, "Content-Length: ", 16);
	size_t n;
	json_t *doc;

	FUZZ_REQUIRE(slice_starts(heard, SLICE("HTTP/1.1 ")) ||
	    slice_starts(heard, SLICE("HTTP/1.0 ")));
	FUZZ_REQUIRE(body != NULL);
	if (memmem(heard.p, (size_t)(body - heard.p), "application/json", 16) ==
		NULL ||
	    length == NULL || length > body)
		return;
	body += sizeof(end) - 1;
	n = strtoul(length + 16, NULL, 10);
	if (heard.p + heard.n == body ||
	    memcmp(body, "HTTP/", 5) == 0) /* that was to a HEAD */
		return;
	FUZZ_REQUIRE((size_t)(heard.p + heard.n - body) >= n);
	doc = json_loadb(body, n, 0, NULL);
	FUZZ_REQUIRE(doc != NULL);
	json_decref(doc);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf heard;
	int fd;

	if (size == 0)
		return 0;
	if (stand.front == NULL)
		stand_open();
	stand.worker.conf = stand.app.bound = stand.conf[data[0] % 2];
	buf_init(&heard, (size_t)16 << 20);
	fd = join();
	(void)!send(fd, data + 1, size - 1, MSG_NOSIGNAL);
	turn(fd, &heard, false);
	close(fd);
	turn(fd, NULL, true);
	if (heard.n > 0)
		check_answer(buf_slice(&heard));
	buf_fini(&heard);
	FUZZ_REQUIRE(front_connections(stand.front) == 0);
	FUZZ_REQUIRE(stand.begun == stand.ended);
	FUZZ_REQUIRE(atomic_load(&stand.budget.held) == 0);
	return 0;
}
