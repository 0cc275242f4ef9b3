/* gateway/conf/loader.h - a configuration being loaded; private to this folder.
 *
 * The steps, each of which complains and goes on, so that one run finds all
 * that is wrong: read (libconfig's tree into structs, by the table of
 * settings), names (tables of names; references become pointers), settle (what
 * follows from the settings), check (what no single setting can know), ids.
 * Running out of memory sticks in `err` and makes the rest idle. */
#ifndef GATEWAY_CONF_LOADER_H
#define GATEWAY_CONF_LOADER_H

#include <libconfig.h>
#include <openssl/types.h>

#include "gateway/conf/conf.h"
#include "gateway/conf/settings.h"
#include "gateway/conf/suggest.h"

struct complaint {
	unsigned line, order;
	bool warning;
	const char *text;
};

/* A name that stands for something else in the file. */
struct ref {
	struct ref *next;
	const struct setting *row;
	const config_setting_t *at;
	void *field; /* of the pointer to set; REFS: of the name in its list */
};

struct loader_key {
	struct conf_key key;
	const config_setting_t *at;
};

struct loader {
	struct conf *conf; /* not yet shared */
	const struct conf_env *env;
	struct slice folder; /* of the file; empty or ending in '/' */
	config_t tree;
	struct arena scratch;
	struct complaint *complaints; /* heap */
	size_t n_complaints, cap_complaints;
	struct ref *refs;
	struct map regions;
	struct conf_serving *servings; /* places, of which n_servings are */
	struct loader_key *keys; /* taken; the same for keys */
	size_t n_servings, n_keys;
	enum err err;
};

/* What the snapshot holds is const to its readers; until it is shared, it is
 * the loader's to write. */
#define UNCONST(p) ((void *)(uintptr_t)(p))

/* Zeroed, from the snapshot's arena or from what goes after loading. NULL sets
 * l->err. */
void *loader_alloc(struct loader *, size_t n);
void *loader_scratch(struct loader *, size_t n);
const char *loader_dup(struct loader *, struct slice);
/* The n bytes if the path is absolute; else behind the file's folder. */
const char *loader_path(struct loader *, struct slice);

/* The place of an element of a list at the top, or of one of its members;
 * the element itself where it has no such member. */
const config_setting_t *loader_at(
    const struct loader *, const char *list, size_t i, const char *member);
const config_setting_t *loader_member(
    const config_setting_t *group, const char *member);
const struct conf_adapter *loader_adapter(
    const struct loader *, const char *name);
bool loader_is_set(const config_setting_t *group, const char *member);

/* --- complain.c --- */

/* About a setting: its file, line and path come first. */
void complain(struct loader *, const config_setting_t *, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void warn(struct loader *, const config_setting_t *, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Whether there was more than warnings. */
bool has_errors(const struct loader *);
/* About a member that is not there. */
void complain_missing(
    struct loader *, const config_setting_t *group, const struct setting *);
/* "want KIND or BOUNDS, got VALUE"; the value of a secret is not shown. */
void complain_kind(
    struct loader *, const config_setting_t *, const struct setting *);
/* The same with words of its own for what is wanted; no row: no secret. */
void complain_value(struct loader *, const config_setting_t *,
    const struct setting *, const char *want);
void complain_bounds(
    struct loader *, const config_setting_t *, const struct setting *);
/* "want KIND, got "x": did you mean "y"?" */
void complain_unknown(struct loader *, const config_setting_t *,
    const struct setting *, const struct suggest *);
/* A setting that does not exist. */
void complain_setting(
    struct loader *, const config_setting_t *, const struct setting_group *);
/* All in order of lines. */
void complaints_write(struct loader *, const char *path, struct complaints *);

/* --- the steps --- */

/* Fills the struct at base from a group of the file, defaults first. */
void read_group(struct loader *, const struct setting_group *,
    const config_setting_t *, void *base);
void names_resolve(struct loader *);
void keys_settle(struct loader *);
/* tls.c: what its files hold, and whose certificates are known. */
void tls_settle(struct loader *);
/* tls_trial.c: why no client will come to speak with it; why its clients can
 * not be told; and why many refuse the certificate. NULL: they will do. */
const char *tls_pair_flaw(const struct conf_tls *);
const char *tls_authorities_flaw(const struct conf_tls *);
const char *tls_weakness(const X509 *);
/* tls.c: whether libcurl can take it for the authorities of a backend. */
bool tls_are_authorities(const char *path);
/* What follows from the settings: defaults that depend on others, back
 * pointers, which backends are off. */
void settle_before_names(struct loader *);
void settle(struct loader *);

/* --- patterns.c --- */
void settle_patterns(struct loader *);
void check(struct loader *);
/* listen.c: a part of it. */
void check_listeners(struct loader *);
/* Whether that is where the URL leads, as far as its host shows. */
bool listens_at(const struct conf_listen *, const char *url);
/* prices.c: what is said of them. */
void check_prices(struct loader *);
/* doubts.c: what is hardly meant. */
void check_doubts(struct loader *);
void check_places(struct loader *);
void ids_assign(struct loader *, const struct conf *previous);

/* A secret is read from it; NULL: a tenant's. And those of before. */
void variables_note(
    struct loader *, const char *name, const struct conf_backend *);
void variables_keep(struct loader *, const struct conf *previous);

/* --- url.c --- */

/* NULL when it will do, "?" and "#" left out; else what it is not, which is
 * `schemes` where it begins with neither http:// nor https://. */
const char *url_flaw(struct slice, const char *schemes);
/* Of one that will do: its host, without brackets, and its port. */
void url_place(struct slice url, struct slice *host, unsigned *port);

/* --- secret.c --- */

/* Whether it can stand in a header: visible characters, and spaces within. */
bool secret_fits_header(struct slice);
/* The text of one that the configuration is wrong without; NULL: complained. */
const char *secret_needed(
    struct loader *, const config_setting_t *, const struct setting *);
void read_secret(struct loader *, const struct setting *,
    const config_setting_t *, void *base);
void read_url(struct loader *, const struct setting *, const config_setting_t *,
    void *backend);
void read_api_key(struct loader *, const struct setting *,
    const config_setting_t *, void *backend);
void read_keys(struct loader *, const struct setting *,
    const config_setting_t *, void *tenant_or_conf);

/* --- headers.c --- */

void read_headers(struct loader *, const struct setting *,
    const config_setting_t *, void *base);

/* --- text.c --- */

/* No control characters, and UTF-8. */
bool text_ok(const char *);
/* Letters, digits and "._-", of which none comes first. */
bool name_ok(const char *);
/* Visible characters only; no '*' but at its end. */
bool model_name_ok(const char *);

#endif
