/* gateway/import/inner.h - what the files of an import share: what has been
 * read, as far as gateway.conf has a place for it. */
#ifndef GATEWAY_IMPORT_INNER_H
#define GATEWAY_IMPORT_INNER_H

#include <math.h>

#include "gateway/conf/conf.h"
#include "gateway/import/import.h"
#include "gateway/import/yaml.h"
#include "gateway/lib/arena.h"
#include "gateway/lib/list.h"
#include "gateway/lib/map.h"

/* All text lies in the arena; NULL: not said. */

struct im_backend {
	struct list node;
	char name[64]; /* empty until all models are known */
	const char *provider;
	const char *adapter, *url, *api_key;
	double timeout, stream_timeout; /* seconds; 0: not said */
	unsigned slots; /* 0: not said */
	const char *const *strip; /* NULL at the end */
};

/* As a group `price` has them; what is not said is negative. */
enum im_price {
	IM_PRICE_INPUT,
	IM_PRICE_OUTPUT,
	IM_PRICE_CACHED,
	IM_PRICE_CACHE_WRITE,
	IM_PRICE_REQUEST,
	IM_PRICE_IMAGE,
	IM_PRICE_CHARACTERS,
	IM_PRICE_MINUTE,
	IM_PRICE_COUNT
};

#define ORDER_NONE HUGE_VAL

struct im_serving {
	struct list node;
	const struct im_backend *backend;
	const char *upstream;
	double price[IM_PRICE_COUNT]; /* USD */
	double order; /* the lower go first; ORDER_NONE: not said */
	unsigned context, caps; /* 0: not said */
	bool fallback;
};

struct im_model {
	struct list node;
	const char *name;
	const yaml_node_t *at; /* its first deployment */
	struct list servings;
	size_t n_servings; /* at most CONF_SERVINGS_MAX */
	struct list aliases; /* struct im_name */
	bool has_fallbacks;
};

struct im_name {
	struct list node;
	const char *text;
	const yaml_node_t *at;
};

struct import {
	const char *file;
	yaml_document_t *doc;
	struct arena arena;
	struct imported *out;
	struct list backends, models;
	struct map names; /* of models, and aliases -> struct im_model */
	struct map places; /* what is said of a backend -> struct im_backend */
	struct map variables; /* that the file speaks of */
	struct map given; /* to text that is not copied: "env:NAME" */
	unsigned n_given;
	const char *tenant_key; /* as gateway.conf has it */
	double timeout, stream_timeout; /* of all backends, as one's */
	/* requests and tokens a minute of all deployments together; what one
	 * lets through without a bound has none */
	double rpm, tpm;
	bool rpm_open, tpm_open;
	bool *kept; /* of each deployment: whether it is carried over */
	const char *budget; /* which of the tenant's it is, or NULL */
	double budget_usd;
	bool out_of_memory;
};

/* --- inner.c --- */

/* What becomes of a key of some section. */
struct key_fate {
	const char *key;
	const char *why; /* why it is not carried over; NULL: it is */
};

/* All that are there, by line; those of a line as they came. */
void notes_sort(struct import *);
/* A note for each key of the map that is not carried over. */
void note_keys(struct import *, const yaml_node_t *map, const char *path,
    const struct key_fate *, size_t n);
void note(struct import *, const yaml_node_t *at, const char *path,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
void *im_alloc(struct import *, size_t n); /* NULL: out_of_memory is set */
const char *im_dup(struct import *, struct slice);
/* Whether gateway.conf takes it for a model's name, stars aside. */
bool is_plain(struct slice name);
struct im_model *find_model(const struct import *, struct slice name);
/* That it goes by the name, which has to last. */
void name_model(struct import *, struct im_model *, const char *name);
/* The same model at the same place. */
bool has_serving(const struct im_model *, const struct im_serving *);
/* False where it has as many servings as a model can have. */
bool add_serving(struct import *, struct im_model *, const struct im_serving *);
/* What litellm_credential_name stands for: a map, or NULL. */
const yaml_node_t *credential_of(struct import *, const yaml_node_t *params);
/* A member of litellm_params, or of the credential that they name. */
const yaml_node_t *param_member(
    struct import *, const yaml_node_t *params, const char *key);
/* A number of the file that is not negative; false where it is not there, or
 * something else, which is noted. */
bool find_number(struct import *, const yaml_node_t *map, const char *path,
    const char *key, double *out);
/* The same; 0: none. */
double get_number(
    struct import *, const yaml_node_t *map, const char *path, const char *key);

/* --- variable.c --- */
/* Those that the file has, so that ours have other names. */
void read_variables(struct import *);
/* "os.environ/NAME" as "env:NAME"; NULL: it is something else. */
const char *env_reference(struct import *, struct slice);
/* "env:AZURE_API_KEY_2" to stand for that text wherever it comes; NULL:
 * out_of_memory is set. */
const char *give_variable(
    struct import *, const char *provider, const char *what, struct slice text);
/* That the key there goes by the name that it was given. */
void tell_variable(struct import *, const yaml_node_t *at, const char *path,
    const char *key, const char *given);

/* --- deployment.c --- */
#define IM_DROP                                                                \
	"what a backend's kind is known to refuse is taken out; for more see " \
	"backends[].strip"
/* An element of model_list. False: it is not carried over. */
bool read_deployment(struct import *, const yaml_node_t *, size_t index);
/* What can be said once all are known. */
void tell_deployment(
    struct import *, const yaml_node_t *, size_t index, bool kept);

/* --- place.c --- */
struct provider;
/* The provider as it is where the deployment asks. NULL: none. */
const struct provider *provider_there(
    struct import *, const yaml_node_t *params, const struct provider *);
/* NULL: the adapter's own. */
const char *deployment_url(struct import *, const yaml_node_t *params,
    const char *path, const struct provider *);
/* What the provider calls the model there. */
struct slice deployment_model(struct import *, const yaml_node_t *params,
    const struct provider *, struct slice model);

/* --- backend.c --- */
/* Of timeouts, in seconds: total; ttft and gap. */
#define IM_TOTAL_DEFAULT 600.0
#define IM_PIECE_DEFAULT 30.0
/* Seconds; 0: none. Says what it does not bound. */
double read_timeout(
    struct import *, const yaml_node_t *map, const char *path, const char *key);
/* Where the deployment asks, and how; out of litellm_params. */
void read_backend(struct import *, const yaml_node_t *params, const char *path,
    const struct provider *, struct im_backend *);
/* A backend; one that is like it in all, if there is one. */
struct im_backend *backend_like(struct import *, const struct im_backend *);

/* --- price.c --- */

/* What the deployment says that it costs there; once its caps are known. */
void read_price(struct import *, const yaml_node_t *params,
    const yaml_node_t *info, const char *path, struct im_serving *);
void write_price(struct buf *, const struct im_serving *);

/* --- relations.c --- */
void read_fallbacks(
    struct import *, const yaml_node_t *section, const char *path);
void read_aliases(
    struct import *, const yaml_node_t *aliases, const char *path);
/* Deployments of a higher `order` than another of their model. */
void settle_orders(struct import *);

/* --- names.c --- */
/* Leaves out models whose name means something else, too, and gives backends
 * names. */
void settle_names(struct import *);

/* --- provider.c --- */
struct provider {
	const char *prefix; /* of a model's name, before '/' */
	const char *adapter; /* NULL: it speaks no API that an adapter does */
	const char *url; /* NULL: the adapter's own; "env:NAME": each
			    customer has another */
	const char *key; /* variable that its key is looked for in, or NULL */
	const char *suffix; /* what its URL needs to end in, or NULL */
	const char *word; /* what should be known about it, or NULL */
};
/* The one that is named, else that of "groq/llama-3", else of a name that goes
 * without one. *model is the name without the provider. NULL: unknown. */
const struct provider *provider_find(
    struct slice name, struct slice explicit_provider, struct slice *model);

/* --- write.c --- */
/* A gateway.conf whose one tenant has that key; NULL: without tenants. */
void write_conf(const struct import *, struct buf *, const char *tenant_key);
/* Whether a tenant has the sum of them as its limit. */
bool has_rpm(const struct import *);
bool has_tpm(const struct import *);

/* --- proof.c --- */
/* Notes what is wrong with what write_conf() makes. */
void prove(struct import *);

#endif
