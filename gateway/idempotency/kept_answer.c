/* gateway/idempotency/kept_answer.c - a whole answer, shared; what names its
 * request. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/idempotency/idempotency.h"
#include "gateway/lib/count.h"
#include "gateway/lib/hex.h"

/* --- digests --- */

static bool
add_bytes(EVP_MD_CTX *ctx, struct slice s)
{
	return s.n == 0 || EVP_DigestUpdate(ctx, s.p, s.n) == 1;
}

/* Before each part, so that no two lists read alike. */
static bool
add_length(EVP_MD_CTX *ctx, uint64_t n)
{
	return EVP_DigestUpdate(ctx, &n, sizeof(n)) == 1;
}

static EVP_MD_CTX *
digest_begin(const struct slice *parts, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good =
	    ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; i < n && good; i++)
		good = add_length(ctx, parts[i].n) && add_bytes(ctx, parts[i]);
	if (good)
		return ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

static bool
digest(
    const struct slice *parts, size_t n, unsigned char out[IDEMPOTENCY_DIGEST])
{
	EVP_MD_CTX *ctx = digest_begin(parts, n);
	bool done = ctx != NULL && EVP_DigestFinal_ex(ctx, out, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return done;
}

static bool
begin_name(struct claim *c, struct slice tenant, struct slice key,
    struct slice path, uint64_t body)
{
	const struct slice who[] = { tenant, key };

	list_init(&c->on);
	c->hash = digest_begin(&path, 1);
	return c->hash != NULL && digest(who, 2, c->key) &&
	    add_length(c->hash, body);
}

enum claim_naming
claim_name(struct claim *c, struct slice tenant, struct slice key,
    struct slice path, struct slice body)
{
	bool good = c->hash != NULL || begin_name(c, tenant, key, path, body.n);
	size_t n = body.n - c->hashed;

	if (n > CLAIM_SLICE)
		n = CLAIM_SLICE;
	good = good && add_bytes(c->hash, slice_make(body.p + c->hashed, n));
	c->hashed += n;
	if (good && c->hashed < body.n)
		return CLAIM_NAMING;
	c->named = good && EVP_DigestFinal_ex(c->hash, c->request, NULL) == 1;
	claim_name_end(c);
	return c->named ? CLAIM_NAMED : CLAIM_NAMELESS;
}

void
claim_name_end(struct claim *c)
{
	EVP_MD_CTX_free(c->hash);
	c->hash = NULL;
}

bool
idempotency_key_for(struct slice tenant, struct slice key, struct slice backend,
    struct slice model, struct slice format,
    char hex[2 * IDEMPOTENCY_DIGEST + 1])
{
	const struct slice parts[] = { tenant, key, backend, model, format };
	unsigned char out[IDEMPOTENCY_DIGEST];

	if (!digest(parts, COUNT(parts), out))
		return false;
	hex_write(out, sizeof(out), hex);
	return true;
}

/* --- answers --- */

static struct slice
copy(char **p, struct slice from)
{
	struct slice to = slice_make(*p, from.n);

	if (from.n > 0)
		memcpy(*p, from.p, from.n);
	*p += from.n;
	return to;
}

size_t
kept_answer_size(const struct kept_answer *a)
{
	return sizeof(*a) + a->body.n + a->left_out.n + strlen(a->backend) +
	    strlen(a->model) + 2;
}

struct kept_answer *
kept_answer_copy(const struct kept_answer *from)
{
	size_t backend = strlen(from->backend) + 1;
	size_t model = strlen(from->model) + 1;
	struct kept_answer *a = malloc(kept_answer_size(from));
	char *p;

	if (a == NULL)
		return NULL;
	p = (char *)(a + 1);
	atomic_init(&a->refs, 1);
	a->body = copy(&p, from->body);
	a->left_out = copy(&p, from->left_out);
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
