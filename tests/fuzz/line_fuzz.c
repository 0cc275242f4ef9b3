/* tests/fuzz/line_fuzz.c - names and texts from strangers, on their way to
 * logs, errors and receipts.
 *
 * The first byte says where to. A line stays one line of printable characters;
 * a document stays JSON. */
#include <jansson.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/admin/receipt_render.h"
#include "gateway/lib/log.h"
#include "gateway/refusals.h"
#include "gateway/telemetry/access_line.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX 4096

/* One line: a newline at its end and nothing below a space before it. */
static void
check_line(const char *line, size_t n)
{
	FUZZ_REQUIRE(n > 0 && line[n - 1] == '\n');
	for (size_t i = 0; i + 1 < n; i++)
		FUZZ_REQUIRE((unsigned char)line[i] >= ' ' && line[i] != 0x7f);
}

/* Standard error is a file for the while. */
static void
fuzz_log(const char *text)
{
	static char line[2 * TEXT_MAX];
	int own = dup(STDERR_FILENO), file = memfd_create("log", 0);
	ssize_t n;

	FUZZ_REQUIRE(own >= 0 && file >= 0);
	FUZZ_REQUIRE(dup2(file, STDERR_FILENO) >= 0);
	log_error("event value=\"%s\"", text);
	dup2(own, STDERR_FILENO);
	n = pread(file, line, sizeof(line), 0);
	close(own);
	close(file);
	FUZZ_REQUIRE(n > 0);
	check_line(line, (size_t)n);
}

static struct outcome
outcome_of(const char *text)
{
	struct outcome o = { .id = "req_0123456789abcdef01234567",
		.tenant = text,
		.model = text,
		.slo = text,
		.reason = text,
		.path = "/v1/chat/completions",
		.result = RESULT_ERROR,
		.status = 502,
		.cost = -1,
		.n_attempts = 1 };

	o.attempts[0] = (struct attempt_report){
		.backend = text, .model = text, .fault = FAULT_CUT
	};
	return o;
}

static void
fuzz_access(const char *text)
{
	struct outcome o = outcome_of(text);
	struct access_line line;

	access_line(&o, 1784000000 * USEC_SEC, &line);
	check_line(line.p, line.n);
	for (size_t i = 0; i < line.n; i++)
		FUZZ_REQUIRE((unsigned char)line.p[i] < 0x80);
}

static void
check_json(json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT);

	FUZZ_REQUIRE(text != NULL);
	FUZZ_REQUIRE(json_is_string(json_object_get(doc, "tenant")));
	FUZZ_REQUIRE(json_is_string(json_object_get(doc, "model")));
	for (const char *p = text; *p != '\0'; p++)
		FUZZ_REQUIRE((unsigned char)*p >= ' ');
	free(text);
	json_decref(doc);
}

/* Its names are those of the configuration, which has none but plain ones. */
static void
fuzz_receipt(char *text)
{
	struct outcome o = outcome_of(text);
	struct receipts *store = receipts_new(1, 1);
	struct receipt *r = receipt_take(store, 0, 1);
	struct labels *labels = labels_new();

	for (char *p = text; *p != '\0'; p++)
		*p = (char)(' ' + (unsigned char)*p % ('~' - ' ' + 1));
	receipt_name(r->id, o.id);
	receipt_add_outcome(r, &o);
	check_json(receipt_json(r, labels));
	check_json(receipt_line_json(r, labels));
	receipt_file(store, 0, &r);
	labels_free(&labels);
	receipts_free(&store);
}

/* A backend's error body, quoted to the client. */
static void
fuzz_upstream_error(struct slice body)
{
	const struct fault fault = { .kind = FAULT_REQUEST, .status = 409 };
	struct upstream_error said;
	struct error_reply e = { 0 };
	struct buf out;
	json_t *doc;

	upstream_error_read(&said, body, "it said no");
	FUZZ_REQUIRE(said.message != NULL && said.message[0] != '\0');
	refusal_of_fault(&fault, NULL, false, &said, &e);
	FUZZ_REQUIRE(e.status == 409 && e.message != NULL);
	buf_init(&out, (size_t)1 << 20);
	dialect_get(DIALECT_CHAT)->render_error_event(&e, &out);
	FUZZ_REQUIRE(buf_err(&out) == OK);
	FUZZ_REQUIRE(memchr(out.p, '\n', out.n) == out.p + out.n - 2);
	doc = json_loadb(out.p + 6, out.n - 8, 0, NULL); /* "data: " */
	FUZZ_REQUIRE(doc != NULL);
	json_decref(doc);
	buf_fini(&out);
	upstream_error_fini(&said);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX];
	size_t n = size - 1 < sizeof(text) ? size - 1 : sizeof(text) - 1;

	if (size == 0)
		return 0;
	memcpy(text, data + 1, n);
	text[n] = '\0';
	switch (data[0] % 4) {
	case 0:
		fuzz_log(text);
		break;
	case 1:
		fuzz_access(text);
		break;
	case 2:
		fuzz_receipt(text);
		break;
	case 3:
		fuzz_upstream_error(
		    slice_make((const char *)data + 1, size - 1));
		break;
	}
	return 0;
}
