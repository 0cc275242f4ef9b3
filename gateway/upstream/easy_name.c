/* gateway/upstream/easy_name.c - where a name led to, for when nobody can say.
 *
 * A resolver that is out takes no backend with it: for a while a connection is
 * made to where the last one went, as HAProxy ("hold") and Envoy do. libcurl
 * keeps such a name as long as others, so that after a minute it is asked for
 * again; sooner where nobody is reached there. */
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/log.h"
#include "gateway/upstream/easy_parts.h"

#define HELD_MAX (10 * 60 * USEC_SEC)
#define NAME_KEPT (60 * USEC_SEC) /* by libcurl */
#define HELD_BYTES 512
#define DOUBT_EVERY USEC_SEC

static bool
add_part(struct easy *e, struct buf *out, CURLUPart which)
{
	char *part = NULL;

	if (e->parsed == NULL ||
	    curl_url_get(e->parsed, which, &part, CURLU_DEFAULT_PORT) !=
		CURLUE_OK)
		return false;
	buf_add_str(out, part);
	buf_add_str(out, ":");
	curl_free(part);
	return true;
}

/* "+name:port:", as CURLOPT_RESOLVE wants it; false: nothing is looked up
 * here. */
static bool
add_name(struct easy *e, struct buf *out)
{
	if (e->proxied || e->unix_path != NULL)
		return false;
	buf_add_str(out, "+");
	return add_part(e, out, CURLUPART_HOST) &&
	    add_part(e, out, CURLUPART_PORT) &&
	    !slice_starts(buf_slice(out), SLICE("+[")) && buf_err(out) == OK;
}

void
easy_note_address(struct easy *e, struct held_address *h, usec now)
{
	char *address = NULL;
	struct buf text;
	bool six;

	if (h == NULL)
		return;
	if (h->used_at != 0 && now - h->used_at < NAME_KEPT)
		return; /* that is where this one comes from */
	curl_easy_getinfo(e->curl, CURLINFO_PRIMARY_IP, &address);
	if (address == NULL || address[0] == '\0')
		return;
	six = strchr(address, ':') != NULL;
	buf_init(&text, HELD_BYTES);
	if (add_name(e, &text)) {
		buf_add_str(&text, six ? "[" : "");
		buf_add_str(&text, address);
		buf_add_str(&text, six ? "]" : "");
		free(h->text);
		h->text = buf_take(&text, NULL);
		h->at = now;
	}
	buf_fini(&text);
}

static bool
lacks_address(const struct easy *e, CURLcode code)
{
	curl_off_t found = 0;

	curl_easy_getinfo(e->curl, CURLINFO_NAMELOOKUP_TIME_T, &found);
	return code == CURLE_COULDNT_RESOLVE_HOST ||
	    (code == CURLE_OPERATION_TIMEDOUT && found == 0);
}

bool
easy_use_address(
    struct easy *e, struct held_address *h, CURLcode code, usec now)
{
	struct curl_slist *list = NULL;
	struct buf name;

	if (h == NULL)
		return false;
	if (!lacks_address(e, code)) {
		h->doubted |= code == CURLE_COULDNT_CONNECT ||
		    code == CURLE_OPERATION_TIMEDOUT;
		return false;
	}
	buf_init(&name, HELD_BYTES);
	if (h->text != NULL && now - h->at < HELD_MAX && add_name(e, &name) &&
	    slice_starts(slice_of(h->text), buf_slice(&name)))
		list = curl_slist_append(NULL, h->text);
	buf_fini(&name);
	if (list == NULL)
		return false;
	(void)curl_easy_setopt(e->curl, CURLOPT_RESOLVE, list);
	curl_slist_free_all(e->resolve);
	e->resolve = list;
	h->used_at = now;
	log_warn("name_lost held=\"%s\" reason=\"%s\"", h->text, e->error);
	return true;
}

void
easy_doubt_address(struct easy *e, struct held_address *h, usec now)
{
	struct curl_slist *list = NULL;
	struct buf name;

	if (h == NULL || !h->doubted || e->resolve != NULL ||
	    (h->doubted_at != 0 && now - h->doubted_at < DOUBT_EVERY))
		return;
	buf_init(&name, HELD_BYTES);
	if (add_name(e, &name)) {
		name.p[0] = '-';
		name.p[name.n - 1] = '\0'; /* the last colon */
		list = curl_slist_append(NULL, name.p);
	}
	buf_fini(&name);
	if (list == NULL)
		return;
	(void)curl_easy_setopt(e->curl, CURLOPT_RESOLVE, list);
	e->resolve = list;
	h->doubted = false;
	h->doubted_at = now;
}

void
easy_drop_address(struct easy *e)
{
	if (e->resolve == NULL)
		return;
	(void)curl_easy_setopt(e->curl, CURLOPT_RESOLVE, NULL);
	curl_slist_free_all(e->resolve);
	e->resolve = NULL;
}
