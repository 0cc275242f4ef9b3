/* tests/fuzz/query_fuzz.c - what an operator, or whoever got in as one, asks
 * of the admin API.
 *
 * The input is "METHOD /path?query". Whatever it is, there is one answer: JSON
 * where it says so, a 4xx that says what is wrong, or an act that names only
 * what is configured and stays within its bounds. */
#include <jansson.h>
#include <string.h>

#include "gateway/admin/drill.h"
#include "gateway/admin/labels.h"
#include "gateway/admin/receipts.h"
#include "gateway/admin/slo_book.h"
#include "gateway/app.h"
#include "gateway/keys_admin.h"
#include "gateway/lib/log.h"
#include "tests/fuzz/conf.h"

#define SERVINGS 2
#define ID "0123456789abcdef01234567"

static const char text[] =
    "backends = ( { name = \"a\"; adapter = \"openai\"; slots = 4; "
    "url = \"http://127.0.0.1:9/v1\"; price = { hourly = 1; }; }, "
    "{ name = \"b\"; adapter = \"vllm\"; slots = 4; "
    "url = \"http://127.0.0.1:9/v1\"; price = { hourly = 1; }; } );\n"
    "models = ( { name = \"m\"; serve = ( { backend = \"a\"; }, "
    "{ backend = \"b\"; } ); } );\n"
    "tenants = ( { name = \"t\"; keys = [ \"sha256:"
    "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"
    "\" ]; } );\n";

static struct desk {
	struct app app;
	struct serving_view views[SERVINGS];
	struct admin_picture picture;
} desk;

/* --- the desk --- */

static void
add_receipt(struct receipts *store)
{
	const struct outcome o = { .id = "req_" ID,
		.tenant = "t",
		.model = "m",
		.slo = "default",
		.path = "/v1/chat/completions",
		.cost = -1 };
	struct receipt *r = receipt_take(store, 0, SERVINGS);

	FUZZ_REQUIRE(r != NULL);
	receipt_name(r->id, o.id);
	receipt_add_outcome(r, &o);
	receipt_file(store, 0, &r);
}

static void
desk_open(void)
{
	struct admin_picture *p = &desk.picture;

	log_set_level(LOG_ERROR);
	desk.app.conf = desk.app.bound = fuzz_conf(text, "");
	*p = (struct admin_picture){ .conf = desk.app.conf,
		.telemetry = telemetry_new(1),
		.servings = desk.views,
		.n_servings = SERVINGS,
		.receipts = receipts_new(4, 1),
		.book = slo_book_new(),
		.labels = labels_new(),
		.drill = drill_new(),
		.ledger = "usage.db",
		.listen = &desk.app.bound->listen,
		.ready = true };
	FUZZ_REQUIRE(p->telemetry != NULL && p->receipts != NULL &&
	    p->book != NULL && p->labels != NULL && p->drill != NULL);
	FUZZ_REQUIRE(p->conf->n_servings == SERVINGS);
	for (size_t i = 0; i < SERVINGS; i++) {
		desk.views[i].serving = p->conf->servings[i].id;
		desk.views[i].backend = p->conf->servings[i].backend->id;
		desk.views[i].ceiling = 4;
	}
	add_receipt(p->receipts);
}

/* --- what has to hold --- */

static bool
is_backend(const struct conf_backend *b)
{
	const struct conf *c = desk.app.conf;

	return b >= c->backends && b < c->backends + c->n_backends;
}

static void
check_act(const struct admin_reply *r)
{
	const struct admin_restraint *s = &r->restraint;
	const struct conf *c = desk.app.conf;

	FUZZ_REQUIRE(r->status == 200);
	switch (r->action) {
	case ADMIN_RESTRAIN:
		FUZZ_REQUIRE(is_backend(s->backend));
		FUZZ_REQUIRE(s->model == NULL || s->model == &c->models[0]);
		FUZZ_REQUIRE(s->weight >= 0 && s->weight <= 1);
		break;
	case ADMIN_DRILL:
		FUZZ_REQUIRE(is_backend(r->drill.backend));
		FUZZ_REQUIRE(r->drill.tenant == NULL ||
		    r->drill.tenant == &c->tenants[0]);
		FUZZ_REQUIRE(r->drill.span >= USEC_SEC &&
		    r->drill.span <= 3600 * USEC_SEC);
		break;
	case ADMIN_USAGE:
		FUZZ_REQUIRE(
		    memchr(r->usage.receipt, '\0', sizeof(r->usage.receipt)));
		if (r->usage.receipt[0] != '\0') /* one row's, of any time */
			break;
		FUZZ_REQUIRE(r->usage.query.since < r->usage.query.until);
		FUZZ_REQUIRE(r->usage.query.n_by <= USAGE_BY_MAX);
		FUZZ_REQUIRE(
		    memchr(r->usage.query.tenant, '\0', USAGE_NAME_MAX));
		break;
	default:
		break;
	}
}

static void
check_answer(const struct admin_reply *r)
{
	bool is_json = strcmp(r->content_type, "application/json") == 0;
	const json_t *error;
	json_t *doc;

	FUZZ_REQUIRE(buf_err(&r->body) == OK);
	FUZZ_REQUIRE(r->status == 200 || r->status == 304 || is_json);
	if (!is_json || r->status == 304)
		return;
	doc = json_loadb(r->body.p, r->body.n, 0, NULL);
	FUZZ_REQUIRE(doc != NULL);
	error = json_object_get(doc, "error");
	FUZZ_REQUIRE((error != NULL) == (r->status != 200));
	FUZZ_REQUIRE(error == NULL ||
	    json_string_length(json_object_get(error, "message")) > 0);
	json_decref(doc);
}

static void
ask(struct slice method, struct slice path, struct slice query)
{
	struct admin_reply r;

	desk.picture.path = path;
	desk.picture.query = query;
	admin_reply_init(&r);
	admin_handle(&desk.picture, method, &r);
	if (r.action == ADMIN_KEYS && !slice_is(method, "GET")) {
		/* without a keys_file none is made, however it is asked */
		keys_admin(&desk.app, method, query, &r);
		FUZZ_REQUIRE(r.status >= 400 && r.status < 500);
		check_answer(&r);
	} else if (r.action != ADMIN_NOTHING) {
		check_act(&r);
	} else {
		check_answer(&r);
	}
	admin_reply_fini(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice query = slice_make((const char *)data, size), method, path;

	if (desk.app.conf == NULL)
		desk_open();
	if (!slice_next(&query, ' ', &method) ||
	    !slice_next(&query, '?', &path))
		return 0;
	ask(method, path, query);
	return 0;
}
