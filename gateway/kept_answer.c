/* gateway/kept_answer.c - a whole answer, shared; and what names its request. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/idempotency.h"

/* --- digests --- */

static bool
add_part(EVP_MD_CTX *ctx, struct slice part)
{
	uint64_t n = part.n; /* first, so that no two lists read alike */

	return EVP_DigestUpdate(ctx, &n, sizeof(n)) == 1 &&
	    (part.n == 0 || EVP_DigestUpdate(ctx, part.p, part.n) == 1);
}

static bool
digest(struct slice a, struct slice b, unsigned char out[IDEMPOTENCY_DIGEST])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done = ctx != NULL &&
	    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	    add_part(ctx, a) && add_part(ctx, b) &&
	    EVP_DigestFinal_ex(ctx, out, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return done;
}

bool
claim_name(struct claim *c, struct slice tenant, struct slice key,
    struct slice path, struct slice body)
{
	list_init(&c->on);
	c->named =
	    digest(tenant, key, c->key) && digest(path, body, c->request);
	return c->named;
}

/* --- answers --- */

size_t
kept_answer_size(const struct kept_answer *a)
{
	return sizeof(*a) + a->body.n + strlen(a->backend) + strlen(a->model) +
	    2;
}

struct kept_answer *
kept_answer_copy(const struct kept_answer *from)
{
	size_t backend = strlen(from->backend) + 1;
	size_t model = strlen(from->model) + 1;
	struct kept_answer *a =
	    malloc(sizeof(*a) + from->body.n + backend + model);
	char *p;

	if (a == NULL)
		return NULL;
	p = (char *)(a + 1);
	atomic_init(&a->refs, 1);
	if (from->body.n > 0)
		memcpy(p, from->body.p, from->body.n);
	a->body = slice_make(p, from->body.n);
	p += from->body.n;
	a->backend = memcpy(p, from->backend, backend);
	a->model = memcpy(p + backend, from->model, model);
	return a;
}

void
kept_answer_unref(struct kept_answer **ap)
{
	struct kept_answer *a = *ap;

	*ap = NULL;
	if (a != NULL &&
	    atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) == 1)
		free(a);
}
