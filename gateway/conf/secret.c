/* gateway/conf/secret.c - values that stand elsewhere: keys and URLs.
 *
 * A secret is never written in gateway.conf and never shown in a complaint. */
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "gateway/conf/loader.h"
#include "gateway/conf/source.h"
#include "gateway/lib/count.h"

#define SECRET_MAX ((size_t)64 << 10)
#define UNIX_URL "http://localhost/v1" /* a host for requests over a socket */

enum secret_kind {
	SECRET_WRONG, /* complained about */
	SECRET_UNSET, /* *text is the variable's name */
	SECRET_TEXT,
	SECRET_DIGEST, /* *text is 64 hexadecimal digits */
};

static bool
variable_ok(const char *s)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char others[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
	return strspn(s, letters) > 0 && strspn(s, others) == strlen(s);
}

bool
secret_fits_header(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] >= 0x7f)
			return false;
	return s.n > 0 && s.p[0] != ' ' && s.p[s.n - 1] != ' ';
}

/* A header may have a scheme and a token: "Bearer xyz". */
static bool
fits(const struct setting *row, struct slice s)
{
	return row->type == SETTING_HEADERS ? secret_fits_header(s)
					    : slice_is_word(s);
}

/* NULL: it is not set, or set to nothing. */
static const char *
variable_value(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static enum secret_kind
from_environment(struct loader *l, const config_setting_t *s,
    const struct setting *row, const char *name, const char **text)
{
	const char *value;

	if (!variable_ok(name)) {
		complain_value(
		    l, s, row, "letters, digits and \"_\" after \"env:\"");
		return SECRET_WRONG;
	}
	value = variable_value(name);
	if (value == NULL) {
		*text = name;
		return SECRET_UNSET;
	}
	if (!fits(row, slice_of(value))) {
		complain(l, s,
		    "want one word of visible characters in $%s, got something "
		    "else (not shown)",
		    name);
		return SECRET_WRONG;
	}
	*text = value;
	return SECRET_TEXT;
}

static enum secret_kind
from_file(struct loader *l, const config_setting_t *s,
    const struct setting *row, const char *name, const char **text)
{
	const char *path = loader_path(l, slice_of(name));
	enum secret_kind kind = SECRET_WRONG;
	struct slice secret;
	struct errmsg why;
	struct buf raw;

	if (path == NULL)
		return SECRET_WRONG;
	buf_init(&raw, SECRET_MAX);
	if (source_read(path, &raw, &why) != OK) {
		complain(l, s, "want a secret in the file %s, got an error: %s",
		    path, why.text);
		goto out;
	}
	secret = buf_slice(&raw);
	while (secret.n > 0 &&
	    (secret.p[secret.n - 1] == '\n' || secret.p[secret.n - 1] == '\r'))
		secret.n--;
	if (!fits(row, secret)) {
		complain(l, s,
		    "want one word of visible characters in the file %s, got "
		    "something else (not shown)",
		    path);
		goto out;
	}
	*text = arena_dup(&l->scratch, secret);
	if (*text == NULL)
		l->err = ERR_MEMORY;
	else
		kind = SECRET_TEXT;
out:
	buf_fini(&raw);
	return kind;
}

/* *text lives in the scratch arena or the environment. The backend is the one
 * that the secret is for; NULL: a tenant's. */
static enum secret_kind
secret_read(struct loader *l, const config_setting_t *s,
    const struct setting *row, const struct conf_backend *b, const char **text)
{
	const char *v = config_setting_get_string(s);
	const bool digest_ok =
	    row->type == SETTING_KEYS || row->type == SETTING_KEY;
	unsigned char digest[CONF_KEY_BYTES];

	if (v != NULL && l->env->secretless &&
	    (strncmp(v, "env:", 4) == 0 || strncmp(v, "file:", 5) == 0)) {
		*text = v;
		return SECRET_TEXT;
	}
	if (v != NULL && strncmp(v, "env:", 4) == 0) {
		variables_note(l, v + 4, b);
		return from_environment(l, s, row, v + 4, text);
	}
	if (v != NULL && strncmp(v, "file:", 5) == 0 && v[5] != '\0')
		return from_file(l, s, row, v + 5, text);
	if (v != NULL && digest_ok && strncmp(v, "sha256:", 7) == 0) {
		*text = v + 7;
		if (!conf_key_from_hex(*text, digest))
			complain_value(l, s, row,
			    "64 hexadecimal digits after \"sha256:\"");
		else if (conf_key_is_nothing(digest))
			complain(l, s,
			    "want the digest of a key, got that of nothing: "
			    "no key would be needed");
		else
			return SECRET_DIGEST;
		return SECRET_WRONG;
	}
	complain_value(l, s, row,
	    digest_ok ? "\"env:NAME\", \"file:PATH\" or \"sha256:HEX\""
		      : "\"env:NAME\" or \"file:PATH\"");
	return SECRET_WRONG;
}

const char *
secret_needed(
    struct loader *l, const config_setting_t *s, const struct setting *row)
{
	const char *text;

	switch (secret_read(l, s, row, NULL, &text)) {
	case SECRET_TEXT:
		return text;
	case SECRET_UNSET:
		complain(l, s,
		    "want %s to be set in the environment, got nothing", text);
		return NULL;
	case SECRET_DIGEST:
	case SECRET_WRONG:
		break;
	}
	return NULL;
}

void
read_secret(struct loader *l, const struct setting *row,
    const config_setting_t *s, void *base)
{
	const char *text = secret_needed(l, s, row);

	if (text != NULL)
		text = loader_dup(l, slice_of(text));
	memcpy((char *)base + row->at, &text, sizeof(text));
}

/* --- of a backend --- */

static void
turn_off(struct loader *l, const config_setting_t *s, struct conf_backend *b,
    const char *variable)
{
	struct errmsg m;

	if (b->off != NULL) /* one reason at a time */
		return;
	(void)fail(&m, OK, "%s is not set: export it to turn this backend on",
	    variable);
	b->off = loader_dup(l, slice_of(m.text));
	b->off_line = (int)config_setting_source_line(s);
}

static void
add_api_key(struct loader *l, const struct setting *row,
    const config_setting_t *s, struct conf_backend *b, const char **unset)
{
	const char *text;

	switch (secret_read(l, s, row, b, &text)) {
	case SECRET_UNSET:
		if (*unset == NULL)
			*unset = text;
		break;
	case SECRET_TEXT:
		text = loader_dup(l, slice_of(text));
		atomic_init(&b->api_keys[b->n_api_keys].refused_until, 0);
		b->api_keys[b->n_api_keys++].text = text;
		break;
	case SECRET_DIGEST:
	case SECRET_WRONG:
		break;
	}
}

/* A backend that has another key goes on without: nothing else would tell of a
 * name that was mistyped. */
static void
warn_unset(struct loader *l, const config_setting_t *s)
{
	const char *v = config_setting_get_string(s);

	if (v != NULL && strncmp(v, "env:", 4) == 0 && variable_ok(v + 4) &&
	    variable_value(v + 4) == NULL)
		warn(l, s,
		    "want %s to be set in the environment, got nothing: the "
		    "backend does without this key",
		    v + 4);
}

/* Of several, those that are there do. */
void
read_api_key(struct loader *l, const struct setting *row,
    const config_setting_t *s, void *backend)
{
	bool list = config_setting_is_array(s) || config_setting_is_list(s);
	unsigned n = list ? (unsigned)config_setting_length(s) : 1;
	struct conf_backend *b = backend;
	const char *unset = NULL;

	if (n == 0)
		complain_kind(l, s, row);
	b->api_keys = loader_alloc(l, n * sizeof(*b->api_keys));
	if (b->api_keys == NULL)
		return;
	for (unsigned i = 0; i < n; i++)
		add_api_key(l, row, list ? config_setting_get_elem(s, i) : s, b,
		    &unset);
	if (b->n_api_keys > 0)
		b->api_key = b->api_keys[0].text;
	else if (unset != NULL)
		turn_off(l, s, b, unset);
	for (unsigned i = 0; list && b->n_api_keys > 0 && i < n; i++)
		warn_unset(l, config_setting_get_elem(s, i));
}

static void
set_unix_path(struct loader *l, const struct setting *row,
    const config_setting_t *s, const char *path, struct conf_backend *b)
{
	struct sockaddr_un sun;

	b->unix_path = loader_path(l, slice_of(path));
	b->url = UNIX_URL;
	if (b->unix_path != NULL &&
	    (*path == '\0' || strlen(b->unix_path) >= sizeof(sun.sun_path)))
		complain_value(l, s, row,
		    "a path after \"unix:\", of 1..107 bytes in all");
}

/* A base URL, as an SDK has it. */
static void
warn_of_path(struct loader *l, const config_setting_t *s, struct slice url)
{
	static const char *const calls[] = { "/chat/completions",
		"/completions", "/embeddings", "/responses", "/messages" };
	struct slice end;

	if (slice_rfind(url, '/') < (ptrdiff_t)sizeof("https://") - 1)
		warn(l, s, "want a path after the host, mostly /v1, got none");
	for (size_t i = 0; i < COUNT(calls); i++) {
		end.n = strlen(calls[i]) < url.n ? strlen(calls[i]) : 0;
		end.p = url.p + url.n - end.n;
		if (slice_is(end, calls[i])) {
			warn(l, s,
			    "want a base URL, without %s at its end: the "
			    "gateway adds that",
			    calls[i]);
			return;
		}
	}
}

void
read_url(struct loader *l, const struct setting *row, const config_setting_t *s,
    void *backend)
{
	const char *text = config_setting_get_string(s), *flaw;
	struct conf_backend *b = backend;
	struct slice url;

	if (text != NULL && strncmp(text, "env:", 4) == 0) {
		switch (from_environment(l, s, row, text + 4, &text)) {
		case SECRET_UNSET:
			turn_off(l, s, b, text);
			return;
		case SECRET_TEXT:
			break;
		default:
			return;
		}
	}
	if (text == NULL) {
		complain_kind(l, s, row);
		return;
	}
	if (strncmp(text, "unix:", 5) == 0) {
		set_unix_path(l, row, s, text + 5, b);
		return;
	}
	url = slice_of(text);
	flaw = url_flaw(url,
	    "\"http://...\", \"https://...\", \"unix:/path\" or "
	    "\"env:NAME\"");
	if (flaw != NULL) {
		complain_value(l, s, row, flaw);
		return;
	}
	while (url.p[url.n - 1] == '/')
		url.n--;
	if (url.n > CONF_URL_MAX) {
		complain(l, s, "want a URL of at most %d bytes, got %zu",
		    CONF_URL_MAX, url.n);
		return;
	}
	warn_of_path(l, s, url);
	b->url = loader_dup(l, url);
}

/* --- of tenants and operators --- */

#define NAME_DIGITS 8 /* of a digest that has no other name */

/* What a key is called that has no name of its own: never what it is. */
static const char *
key_name(struct loader *l, const config_setting_t *s)
{
	struct slice text = slice_of(config_setting_get_string(s)), name;
	ptrdiff_t cut = slice_find(text, ':');

	name = slice_make(text.p + cut + 1, text.n - (size_t)(cut + 1));
	if (slice_starts(text, SLICE("sha256:")))
		name.n = NAME_DIGITS;
	cut = slice_rfind(name, '/');
	return loader_dup(
	    l, slice_make(name.p + cut + 1, name.n - (size_t)(cut + 1)));
}

static void
add_key(struct loader *l, const struct setting *row, const config_setting_t *s,
    struct conf_tenant *t, const struct setting_operator *o)
{
	struct loader_key *k = &l->keys[l->n_keys];
	const char *text;
	bool ok = false;

	switch (secret_read(l, s, row, NULL, &text)) {
	case SECRET_UNSET:
		complain(l, s,
		    "want %s to be set in the environment, got nothing", text);
		return;
	case SECRET_TEXT:
		ok = conf_key_digest(slice_of(text), k->key.digest);
		break;
	case SECRET_DIGEST:
		ok = conf_key_from_hex(text, k->key.digest);
		break;
	case SECRET_WRONG:
		return;
	}
	if (!ok) {
		l->err = ERR_MEMORY;
		return;
	}
	k->key.tenant = t;
	k->key.name = o->name != NULL ? o->name : key_name(l, s);
	k->key.role = o->role;
	k->at = s;
	l->n_keys++;
	if (t != NULL)
		t->n_keys++;
	else
		l->conf->n_admin_keys++;
}

static void
add_operator(
    struct loader *l, const struct setting *row, const config_setting_t *s)
{
	struct setting_operator o = { .key = NULL };
	const struct setting *key = setting_find(row->group, "key");

	read_group(l, row->group, s, &o);
	if (o.key != NULL)
		add_key(l, key, o.key, NULL, &o);
}

void
read_keys(struct loader *l, const struct setting *row,
    const config_setting_t *s, void *base)
{
	static const struct setting_operator plain = { .role = ROLE_ADMIN };
	struct conf_tenant *t = base == l->conf ? NULL : base;
	const config_setting_t *e;
	bool ok = config_setting_is_array(s) || config_setting_is_list(s);
	unsigned n = ok ? (unsigned)config_setting_length(s) : 0;

	if (n == 0)
		complain_kind(l, s, row);
	for (unsigned i = 0; i < n; i++) {
		e = config_setting_get_elem(s, i);
		if (row->group != NULL && config_setting_is_group(e))
			add_operator(l, row, e);
		else
			add_key(l, row, e, t, &plain);
	}
}
