/* gateway/import/write.c - what was read, as the text of a gateway.conf. */
#include <math.h>
#include <string.h>

#include "gateway/conf/value.h"
#include "gateway/import/inner.h"
#include "gateway/lib/count.h"
#include "gateway/lib/inference.h"
#include "gateway/lib/utf8.h"

#define SPAN_MAX (24 * 3600.0) /* seconds; no timeout may be longer */
#define DEADLINE_DEFAULT 600.0

static void
add_quoted(struct buf *b, const char *text)
{
	size_t before;

	buf_add_char(b, '"');
	before = b->n;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			buf_add_char(b, '\\');
		buf_add_char(
		    b, (unsigned char)*p < ' ' || *p == 0x7f ? ' ' : *p);
	}
	if (b->n > before)
		utf8_calm(b->p + before, b->n - before, "");
	buf_add_char(b, '"');
}

static void
add_text(struct buf *b, const char *key, const char *value)
{
	if (value == NULL)
		return;
	buf_addf(b, " %s = ", key);
	add_quoted(b, value);
	buf_add_char(b, ';');
}

static void
add_list(struct buf *b, const char *key, const char *const *values)
{
	if (values == NULL)
		return;
	buf_addf(b, " %s = [ ", key);
	for (size_t i = 0; values[i] != NULL; i++) {
		buf_add_str(b, i > 0 ? ", " : "");
		add_quoted(b, values[i]);
	}
	buf_add_str(b, " ];");
}

static void
add_span(struct buf *b, const char *key, double seconds)
{
	double ms = round(fmin(seconds, SPAN_MAX) * 1000);

	buf_addf(b, "%s = \"", key);
	duration_write((usec)fmax(1, ms) * USEC_MS, b);
	buf_add_str(b, "\";");
}

/* There a timeout ends what is not streamed, and a stream in which nothing
 * comes for so long; ours for the whole would end streams that go well. So it
 * is of the pieces alone, where it is shorter than what we have for them, and
 * of the whole where it is longer. A wait for a piece longer than that for the
 * whole means nothing. */
static void
add_timeouts(struct buf *b, double timeout, double stream, double all)
{
	double total = timeout > IM_TOTAL_DEFAULT ? timeout : 0;
	double bound = total > 0 ? total : fmax(all, IM_TOTAL_DEFAULT);
	double piece =
	    stream > 0 ? fmin(stream, bound) : fmin(timeout, IM_PIECE_DEFAULT);

	if (total <= 0 && piece <= 0)
		return;
	buf_add_str(b, "timeouts = {");
	if (total > 0)
		add_span(b, " total", total);
	if (piece > 0) {
		add_span(b, " ttft", piece);
		add_span(b, " gap", piece);
	}
	buf_add_str(b, " };");
}

static void
write_backend(
    const struct import *im, struct buf *b, const struct im_backend *e)
{
	buf_add_str(b, "  {");
	add_text(b, "name", e->name);
	add_text(b, "adapter", e->adapter);
	add_text(b, "url", e->url);
	add_text(b, "api_key", e->api_key);
	if (e->slots > 0)
		buf_addf(b, " slots = %u;", e->slots);
	if (e->timeout > 0 || e->stream_timeout > 0) {
		buf_add_char(b, ' ');
		add_timeouts(b, e->timeout,
		    e->stream_timeout > 0 ? e->stream_timeout
					  : im->stream_timeout,
		    im->timeout);
	}
	add_list(b, "strip", e->strip);
	buf_addf(b, " }%s\n", e->node.next != &im->backends ? "," : "");
}

static void
add_caps(struct buf *b, unsigned caps)
{
	const char *comma = "";

	if (caps == 0)
		return;
	buf_add_str(b, " caps = [ ");
	for (unsigned bit = 1; bit < CAP_ALL; bit <<= 1)
		if (caps & bit) {
			buf_addf(b, "%s\"%s\"", comma, cap_name((enum cap)bit));
			comma = ", ";
		}
	buf_add_str(b, " ];");
}

static void
write_serving(struct buf *b, const struct im_serving *s, bool last)
{
	buf_add_str(b, "      {");
	add_text(b, "backend", s->backend->name);
	add_text(b, "model", s->upstream);
	if (s->fallback)
		buf_add_str(b, " fallback = true;");
	if (s->context > 0)
		buf_addf(b, " context = %u;", s->context);
	add_caps(b, s->caps);
	write_price(b, s);
	buf_addf(b, " }%s\n", last ? "" : ",");
}

static void
write_model(const struct import *im, struct buf *b, const struct im_model *m)
{
	struct list *l;
	const struct im_name *alias;

	buf_add_str(b, "  {");
	add_text(b, "name", m->name);
	if (!list_empty(&m->aliases)) {
		buf_add_str(b, " aliases = [ ");
		for (l = m->aliases.next; l != &m->aliases; l = l->next) {
			alias = CONTAINER_OF(l, struct im_name, node);
			buf_add_str(b, l->prev != &m->aliases ? ", " : "");
			add_quoted(b, alias->text);
		}
		buf_add_str(b, " ];");
	}
	buf_add_str(b, " serve = (\n");
	for (l = m->servings.next; l != &m->servings; l = l->next)
		write_serving(b, CONTAINER_OF(l, struct im_serving, node),
		    l->next == &m->servings);
	buf_addf(b, "    ); }%s\n", m->node.next != &im->models ? "," : "");
}

bool
has_rpm(const struct import *im)
{
	return !im->rpm_open && im->rpm >= 1;
}

bool
has_tpm(const struct import *im)
{
	return !im->tpm_open && im->tpm >= 1;
}

/* More than all deployments let through together, nobody got before; and all of
 * a minute's at once, as LiteLLM counts by minutes. */
static void
write_limits(const struct import *im, struct buf *b)
{
	bool rpm = has_rpm(im), tpm = has_tpm(im);

	if (!rpm && !tpm && im->budget == NULL)
		return;
	buf_add_str(b, "\n    limits = {");
	if (rpm)
		buf_addf(b, " requests_per_minute = %.0f;", fmin(im->rpm, 1e9));
	if (tpm)
		buf_addf(b, " tokens_per_minute = %.0f;", fmin(im->tpm, 1e12));
	if (rpm || tpm)
		buf_add_str(b, " burst = \"1m\";");
	if (im->budget != NULL)
		buf_addf(b, " %s = %.9g;", im->budget, im->budget_usd);
	buf_add_str(b, " };");
}

/* An attempt ends with its request, however long it may take by itself. */
static void
write_times(const struct import *im, struct buf *b)
{
	double longest = im->timeout;

	if (im->timeout > 0 || im->stream_timeout > 0) {
		add_timeouts(b, im->timeout, im->stream_timeout, 0);
		buf_add_char(b, '\n');
	}
	for (struct list *l = im->backends.next; l != &im->backends;
	     l = l->next)
		longest = fmax(
		    longest, CONTAINER_OF(l, struct im_backend, node)->timeout);
	if (longest <= DEADLINE_DEFAULT)
		return;
	add_span(b, "deadline", longest);
	buf_add_char(b, '\n');
}

void
write_conf(const struct import *im, struct buf *b, const char *tenant_key)
{
	struct list *l;

	buf_addf(b, "# Imported by pointsman from ");
	add_quoted(b, im->file);
	buf_add_str(b,
	    ". `pointsman check` says what is doubtful.\n\n"
	    "listen = { address = \"127.0.0.1\"; port = 7070; };\n"
	    "admin  = { address = \"127.0.0.1\"; port = 7071; };\n");
	write_times(im, b);
	buf_add_str(b, "\nbackends = (\n");
	for (l = im->backends.next; l != &im->backends; l = l->next)
		write_backend(im, b, CONTAINER_OF(l, struct im_backend, node));
	buf_add_str(b, ");\n\nmodels = (\n");
	for (l = im->models.next; l != &im->models; l = l->next)
		write_model(im, b, CONTAINER_OF(l, struct im_model, node));
	buf_add_str(b, ");\n");
	if (tenant_key == NULL)
		return;
	buf_add_str(b, "\ntenants = (\n  { name = \"litellm\"; keys = [ ");
	add_quoted(b, tenant_key);
	buf_add_str(b, " ]; may_pin = true;");
	write_limits(im, b);
	buf_add_str(b, " }\n);\n");
}
