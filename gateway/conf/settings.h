/* gateway/conf/settings.h - the table of all settings.
 *
 * One row per setting drives reading, checking, the dump and the generated
 * documentation: what is not a row does not exist. */
#ifndef GATEWAY_CONF_SETTINGS_H
#define GATEWAY_CONF_SETTINGS_H

#include "gateway/conf/conf.h"
#include "gateway/lib/buf.h"

/* In brackets: what the field at `at` is. */
enum setting_type {
	SETTING_GROUP, /* { ... } (a struct, of `group`) */
	SETTING_LIST, /* ( { ... }, ... ) (a pointer to structs of `group`;
			 how many goes to `count_at`, a size_t) */
	SETTING_BOOL, /* (bool) */
	SETTING_INT, /* (unsigned, `width` bytes) */
	SETTING_NUMBER, /* (double) */
	SETTING_DURATION, /* (usec) */
	SETTING_SIZE, /* (uint64_t) */
	SETTING_STRING, /* (const char *) */
	SETTING_NAME, /* what others refer to (const char *) */
	SETTING_MODEL_NAME, /* the same, and may hold more characters */
	SETTING_PATH, /* or one of `words` (const char *) */
	SETTING_WORD, /* one of `words` (const char *) */
	SETTING_ENUM, /* one of `words` (an enum, in their order) */
	SETTING_STRINGS, /* (const char *const *, NULL at the end) */
	SETTING_COMMAND, /* the same; the first is a program */
	SETTING_CAPS, /* (unsigned, enum cap bits) */
	SETTING_REF, /* a name (pointer to what it names; REF_ADAPTER: const
			char *) */
	SETTING_REFS, /* names (const char *const *, NULL at the end) */
	SETTING_URL, /* of a backend (its members url, unix_path, off) */
	SETTING_API_KEY, /* of a backend (its members api_key, off) */
	SETTING_SECRET, /* one that stands elsewhere (const char *) */
	SETTING_HEADERS, /* { name = value; } (const char *: a line for each) */
	SETTING_KEYS, /* of a tenant or, at the top, of operators (kept apart,
			 in conf.keys), where `group` may stand for one */
	SETTING_KEY, /* one of those (where it stands in the file) */
};

enum setting_ref {
	REF_ADAPTER,
	REF_SLO,
	REF_BACKEND,
	REF_MODEL,
	REF_REGION,
};

enum setting_flag {
	SETTING_REQUIRED = 1 << 0,
	SETTING_RESTART = 1 << 1, /* a reload does not change it */
	SETTING_NONEMPTY = 1 << 2, /* a list has at least one element */
	SETTING_NO_NULL = 1 << 3, /* an unset list is empty, not NULL */
	SETTING_OR_ZERO = 1 << 4, /* 0 is allowed below min */
	SETTING_UNSET_NEGATIVE = 1 << 5, /* an unset number is -1 */
	SETTING_RELOADED = 1 << 6, /* of a group that a reload does not change:
				      it does change this */
};

struct setting_group;

/* A group of admin_keys, while it is read. */
struct setting_operator {
	const void *key; /* where its secret stands */
	enum conf_role role;
	const char *name; /* NULL: as the secret is called */
};

struct setting {
	const char *name;
	enum setting_type type;
	unsigned flags;
	size_t at, width; /* the field in the group's struct */
	size_t count_at;
	double min, max; /* both allowed; equal: not bounded */
	const char *value; /* default, as written without quotes; or NULL */
	const char *otherwise; /* default, in words; or NULL */
	const char *const *words; /* NULL at the end */
	enum setting_ref ref;
	const struct setting_group *group;
	const char *help; /* Markdown */
};

struct setting_group {
	const char *title; /* "backends[].price", "" for the top */
	const char *intro; /* Markdown */
	const struct setting *rows;
	size_t n;
	size_t size; /* of its struct */
};

extern const struct setting_group settings_top; /* of struct conf */
extern const struct setting_group settings_servings; /* conf_serving */
extern const struct setting_group settings_key_limits; /* conf_quota */

/* NULL: no such setting. */
const struct setting *setting_find(
    const struct setting_group *, const char *name);

/* A number of the row's unit, in the struct that its group fills. */
double setting_number(const struct setting *, const void *base);
void setting_set_number(const struct setting *, void *base, double);
/* What a file that says nothing of it comes to. */
void settings_set_defaults(const struct setting_group *, void *base);

#define MODEL_NAME_WANTED                                                      \
	"the name of a model, of 1..255 visible characters of ASCII without "  \
	"quotation marks and with no \"*\" but at its end"

/* What is wanted, to follow "want ": "a duration such as \"100ms\"". */
void setting_write_kind(const struct setting *, struct buf *);
/* The same of one element where the setting is a list of names; else of the
 * setting. */
void setting_write_element(const struct setting *, struct buf *);
/* What is wanted, in Markdown. */
void setting_write_docs(const struct setting *, struct buf *);
/* "1..65536", "1ms..1h", "0s or 100ms..1h"; nothing where not bounded. */
void setting_write_bounds(const struct setting *, struct buf *);
/* A value of the row's unit. */
void setting_write_number(const struct setting *, double, struct buf *);

#endif
