/* bench/fake_script.c - fakellm's scripts in, its account of events out. */
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "bench/fake.h"
#include "gateway/lib/scan.h"

static const char *const names[FAKE_FAULT_COUNT] = { "none", "reset", "close",
	"hang", "headers", "stall", "cut", "cut_reset", "cut_inside", "no_done",
	"no_finish", "empty", "html", "error_200", "error_first", "error_later",
	"no_tokens", "bad_chunk", "short", "status" };

bool
fake_fault_parse(struct slice s, enum fake_fault *fault, int *status)
{
	uint64_t number;

	if (slice_u64(s, &number) && number >= 200 && number < 600) {
		*fault = FAKE_STATUS;
		*status = (int)number;
		return true;
	}
	for (int i = 0; i < FAKE_STATUS; i++)
		if (slice_is(s, names[i])) {
			*fault = (enum fake_fault)i;
			return true;
		}
	return false;
}

static double
number(const json_t *o, const char *name, double otherwise)
{
	const json_t *v = json_object_get(o, name);

	return json_is_number(v) ? json_number_value(v) : otherwise;
}

static double
scanned_number(struct slice object, const char *name, double otherwise)
{
	struct scan_member m;
	double v;

	if (object.n > 0 && scan_get(object, name, &m) &&
	    m.type == SCAN_NUMBER && slice_double(m.value, &v))
		return v;
	return otherwise;
}

/* What is no count, like -1 for "no limit", is not said. */
static unsigned
scanned_count(struct slice object, const char *name, unsigned otherwise)
{
	struct scan_member m;
	uint64_t n;

	if (object.n > 0 && scan_get(object, name, &m) &&
	    m.type == SCAN_NUMBER && scan_u64(m.value, &n) && n <= UINT_MAX)
		return (unsigned)n;
	return otherwise;
}

static bool
scanned_true(struct slice object, const char *name)
{
	struct scan_member m;

	return object.n > 0 && scan_get(object, name, &m) &&
	    m.type == SCAN_TRUE;
}

/* The member's object; empty where there is none. */
static struct slice
scanned_object(struct slice object, const char *name)
{
	struct scan_member m;

	if (object.n > 0 && scan_get(object, name, &m) && m.type == SCAN_OBJECT)
		return m.value;
	return SLICE("");
}

static bool
scanned_text(struct slice object, const char *name, char *out, size_t size)
{
	struct scan_member m;
	struct buf text;

	if (object.n == 0 || !scan_get(object, name, &m) ||
	    m.type != SCAN_STRING)
		return false;
	buf_init(&text, m.value.n);
	scan_unescape(m.value, &text);
	snprintf(out, size, "%.*s", SLICE_ARG(buf_slice(&text)));
	buf_fini(&text);
	return true;
}

static unsigned
count_inputs(struct slice object)
{
	struct scan_member m;
	enum scan_type type;
	struct slice one;
	unsigned n = 0;

	if (object.n == 0 || !scan_get(object, "input", &m) ||
	    m.type != SCAN_ARRAY)
		return 1;
	while (scan_next_element(&m.value, &one, &type))
		n++;
	return n;
}

/* At four bytes a token; of a chat what its messages say alone. */
static unsigned
count_prompt(struct slice object, size_t whole)
{
	struct scan_member m;
	enum scan_type type;
	struct slice one;
	size_t bytes = 0;

	if (object.n == 0 || !scan_get(object, "messages", &m) ||
	    m.type != SCAN_ARRAY)
		return (unsigned)(whole / 4 + 1);
	while (scan_next_element(&m.value, &one, &type)) {
		struct scan_member content;

		if (type == SCAN_OBJECT && scan_get(one, "content", &content))
			bytes += content.value.n;
	}
	return (unsigned)(bytes / 4 + 1);
}

/* The call's script: the member "fake", or what "user" says as text, which
 * `text` then holds. */
static struct slice
find_script(struct slice doc, struct buf *text)
{
	struct slice s = scanned_object(doc, "fake");
	struct scan_member m;
	struct errmsg why;
	size_t n;

	if (s.n > 0 || doc.n == 0 || !scan_get(doc, "user", &m) ||
	    m.type != SCAN_STRING)
		return s;
	scan_unescape(m.value, text);
	if (scan_object(buf_slice(text), NULL, 0, &n, &why) != OK)
		return s;
	return buf_slice(text);
}

/* Without a tree: this is on the path of every benchmark. */
void
fake_read_script(struct fake_call *c, struct slice body)
{
	struct slice doc = slice_trim(body), s;
	struct errmsg why;
	struct buf unescaped;
	char text[32];
	size_t n;

	buf_init(&unescaped, body.n);
	if (scan_object(doc, NULL, 0, &n, &why) != OK)
		doc = SLICE("");
	s = find_script(doc, &unescaped);
	c->stream = scanned_true(doc, "stream");
	c->usage = scanned_true(
	    scanned_object(doc, "stream_options"), "include_usage");
	c->inputs = count_inputs(doc);
	c->prompt = count_prompt(doc, body.n);
	c->tokens = scanned_count(doc, "max_tokens",
	    scanned_count(doc, "max_completion_tokens", c->tokens));
	c->tokens = scanned_count(s, "tokens", c->tokens);
	c->after = scanned_count(s, "after", c->after);
	c->ttft_ms = scanned_number(s, "ttft_ms", -1);
	c->itl_ms = scanned_number(s, "itl_ms", -1);
	c->retry_after_ms = scanned_number(s, "retry_after_ms", -1);
	if (scanned_text(s, "fault", text, sizeof(text)))
		fake_fault_parse(slice_of(text), &c->fault, &c->status);
	scanned_text(s, "id", c->id, sizeof(c->id));
	buf_fini(&unescaped);
}

bool
fake_configure(struct fake *f, struct slice body)
{
	json_t *doc = json_loadb(body.p != NULL ? body.p : "", body.n, 0, NULL);
	const char *fault = json_string_value(json_object_get(doc, "fault"));
	const char *keys = json_string_value(json_object_get(doc, "keys"));
	bool good = json_is_object(doc);

	if (fault != NULL)
		good = good &&
		    fake_fault_parse(slice_of(fault), &f->fault, &f->status);
	if (keys != NULL)
		snprintf(f->keys, sizeof(f->keys), "%s", keys);
	f->slow = number(doc, "slow", f->slow);
	f->after = (unsigned)number(doc, "after", f->after);
	f->o.ttft_ms.low = number(doc, "ttft_low_ms", f->o.ttft_ms.low);
	f->o.ttft_ms.high = number(doc, "ttft_high_ms", f->o.ttft_ms.high);
	json_decref(doc);
	return good;
}

bool
fake_lets_in(const struct fake *f, struct slice authorization)
{
	struct slice keys = slice_of(f->keys), key;

	if (keys.n == 0)
		return true;
	if (!slice_istarts(authorization, SLICE("bearer ")))
		return false;
	authorization = slice_make(authorization.p + strlen("bearer "),
	    authorization.n - strlen("bearer "));
	while (slice_next(&keys, ' ', &key))
		if (slice_eq(key, authorization))
			return true;
	return false;
}

void
fake_render_stats(struct fake *f, struct buf *out)
{
	buf_addf(out,
	    "{\"name\":\"%s\",\"requests\":%llu,\"finished\":%llu,"
	    "\"cancelled\":%llu,\"running\":%u,\"queued\":%u,"
	    "\"connections\":%u,\"tokens\":%llu,\"fault\":\"%s\"}",
	    f->o.name, (unsigned long long)f->requests,
	    (unsigned long long)f->finished, (unsigned long long)f->cancelled,
	    f->busy, f->queued, f->open, (unsigned long long)f->tokens,
	    names[f->fault]);
}

static void
render_hash(struct fake_call *c, struct buf *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	EVP_MD_CTX *copy = EVP_MD_CTX_new();

	if (c->hash != NULL && EVP_MD_CTX_copy_ex(copy, c->hash) == 1)
		EVP_DigestFinal_ex(copy, digest, &n);
	for (unsigned i = 0; i < n; i++)
		buf_addf(out, "%02x", digest[i]);
	EVP_MD_CTX_free(copy);
}

void
fake_render_calls(struct fake *f, struct buf *out)
{
	const char *comma = "";
	struct fake_call *c;

	buf_add_char(out, '[');
	for (struct list *n = f->calls.next; n != &f->calls; n = n->next) {
		c = CONTAINER_OF(n, struct fake_call, on_line);
		buf_addf(out, "%s{\"id\":", comma);
		buf_add_json(out, slice_of(c->id));
		buf_addf(out,
		    ",\"path\":\"%s\",\"arrived_us\":%lld,\"began_us\":%lld,"
		    "\"gone_us\":%lld,\"ended_us\":%lld,\"cancelled\":%s,"
		    "\"sent_tokens\":%u,\"bytes\":%llu,\"sha256\":\"",
		    c->path, (long long)c->arrived, (long long)c->began_at,
		    (long long)c->gone_at, (long long)c->ended_at,
		    c->cancelled ? "true" : "false", c->sent,
		    (unsigned long long)c->bytes);
		render_hash(c, out);
		buf_add_str(out, "\"}");
		comma = ",";
	}
	buf_add_char(out, ']');
}
