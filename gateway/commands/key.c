/* gateway/commands/key.c - `pointsman key`: keys of tenants. `hash` prints one
 * as gateway.conf may hold it; `add`, `list` and `revoke` ask a running
 * gateway. A key that is hashed comes on standard input, so that it stays out
 * of the process list and the shell's history. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "gateway/commands/admin_client.h"
#include "gateway/commands/command.h"
#include "gateway/commands/doc.h"
#include "gateway/conf/conf.h"

#define PATH "/admin/v1/keys"

static const char usage[] =
    "pointsman key hash < FILE\n"
    "       pointsman key add --tenant NAME --name NAME [--expires 30d] "
    "[--models A,B] [LIMIT]... [--json]\n"
    "       pointsman key list [--tenant NAME] [--json]\n"
    "       pointsman key revoke --tenant NAME --name NAME\n\n"
    "hash prints sha256:HEX of the key on standard input, for gateway.conf.\n"
    "The others ask a running gateway that has a keys_file; add prints the "
    "new key, once.";

enum part {
	PART_TENANT,
	PART_NAME,
	PART_EXPIRES,
	PART_MODELS,
	PART_REQUESTS,
	PART_TOKENS,
	PART_CONCURRENT,
	PART_MAX_TOKENS,
	PART_DAILY,
	PART_MONTHLY,
	PARTS
};

struct wish {
	struct admin_where where;
	struct query_part parts[PARTS];
	bool raw;
};

/* The digest of what no client can send would let nobody in. */
static int
hash(void)
{
	char key[4096], hex[2 * CONF_KEY_BYTES + 1];
	const size_t n = fread(key, 1, sizeof(key), stdin);
	const struct slice s = slice_trim(slice_make(key, n));
	const bool good = n < sizeof(key) && slice_is_word(s);
	const bool hashed = good && conf_key_hash(s, hex);

	explicit_bzero(key, sizeof(key));
	if (hashed)
		printf("sha256:%s\n", hex);
	else if (good)
		fputs("pointsman key hash: OpenSSL has no SHA-256\n", stderr);
	else
		fputs("pointsman key hash: want one word of 1 to 4095 visible "
		      "characters on standard input, got something else (not "
		      "shown)\n",
		    stderr);
	return hashed ? EXIT_GOOD : EXIT_BAD;
}

/* NULL: it is said what is wrong. */
static json_t *
ask(struct wish *w, const char *method)
{
	return admin_ask_with(&w->where, method, PATH, w->parts, PARTS);
}

/* Nothing is known of what a key without limits spent. */
static const char *
usd(const json_t *key, const char *name, char out[32])
{
	if (!doc_has(key, name))
		return "-";
	snprintf(out, 32, "%.6f", doc_number(key, name));
	return out;
}

static void
print_list(const json_t *doc)
{
	const json_t *keys = doc_get(doc, "keys"), *k;
	char day[32], month[32];
	size_t i;

	printf("%-20s %-24s %-14s %-5s %12s %12s\n", "tenant", "key", "from",
	    "good", "today USD", "month USD");
	json_array_foreach (keys, i, k)
		printf("%-20s %-24s %-14s %-5s %12s %12s\n",
		    doc_text(k, "tenant"), doc_text(k, "name"),
		    doc_text(k, "source"),
		    json_is_true(doc_get(k, "good")) ? "yes" : "no",
		    usd(k, "spent_today_usd", day),
		    usd(k, "spent_month_usd", month));
}

static bool
is_named(const struct wish *w)
{
	return w->parts[PART_TENANT].value != NULL &&
	    w->parts[PART_NAME].value != NULL;
}

static int
finish(json_t *doc, const struct wish *w, void (*print)(const json_t *))
{
	if (doc == NULL)
		return admin_exit(&w->where);
	if (w->raw)
		doc_print(doc);
	else
		print(doc);
	json_decref(doc);
	return EXIT_GOOD;
}

/* --- the words --- */

static int
hash_key(void *wish, int n, char **operands)
{
	(void)wish;
	(void)operands;
	return n == 1 ? hash() : command_misused(usage);
}

static void
print_new(const json_t *doc)
{
	puts(doc_text(doc, "key"));
}

/* A key that nobody has seen would be good for whoever finds half of it. */
static void
take_back(const struct wish *made, int error)
{
	struct wish w = { .where = made->where,
		.parts = { made->parts[PART_TENANT], made->parts[PART_NAME] } };
	json_t *doc;

	fprintf(stderr,
	    "pointsman key add: the key was made, but not shown: "
	    "%s\n",
	    strerror(error));
	doc = ask(&w, "DELETE");
	if (doc != NULL)
		fprintf(stderr, "pointsman key add: it is revoked again\n");
	else
		fprintf(stderr,
		    "pointsman key add: it is still good: pointsman key revoke "
		    "--tenant %s --name %s\n",
		    w.parts[PART_TENANT].value, w.parts[PART_NAME].value);
	json_decref(doc);
}

/* Said where it is not so. */
static bool
is_good(const struct wish *w, bool named, int n, char **operands)
{
	if (n > 1)
		fprintf(stderr,
		    "pointsman key %s: want options only, got \"%s\"\n",
		    operands[0], operands[1]);
	else if (named && !is_named(w))
		fprintf(stderr, "pointsman key %s: want --tenant and --name\n",
		    operands[0]);
	else
		return true;
	return false;
}

static int
add_key(void *wish, int n, char **operands)
{
	struct wish *w = wish;
	int code;

	if (!is_good(w, true, n, operands))
		return EXIT_USAGE;
	signal(SIGPIPE, SIG_IGN); /* it ends with an answer of its own */
	code = finish(ask(w, "POST"), w, print_new);
	if (code == EXIT_GOOD && (fflush(stdout) != 0 || ferror(stdout))) {
		take_back(w, errno);
		code = EXIT_BAD;
	}
	return code;
}

static int
list_keys(void *wish, int n, char **operands)
{
	struct wish *w = wish;

	return is_good(w, false, n, operands)
	    ? finish(ask(w, "GET"), w, print_list)
	    : EXIT_USAGE;
}

static void
print_revoked(const json_t *doc)
{
	printf("revoked %s\n", doc_text(doc, "revoked"));
}

static int
revoke_key(void *wish, int n, char **operands)
{
	struct wish *w = wish;

	return is_good(w, true, n, operands)
	    ? finish(ask(w, "DELETE"), w, print_revoked)
	    : EXIT_USAGE;
}

int
command_key(int argc, char **argv)
{
	static const struct command_word words[] = { { "add", add_key },
		{ "list", list_keys }, { "revoke", revoke_key },
		{ "hash", hash_key } };
	struct wish w = {
		.parts = { [PART_TENANT] = { .name = "tenant" },
		    [PART_NAME] = { .name = "name" },
		    [PART_EXPIRES] = { .name = "expires" },
		    [PART_MODELS] = { .name = "models" },
		    [PART_REQUESTS] = { .name = "requests_per_minute" },
		    [PART_TOKENS] = { .name = "tokens_per_minute" },
		    [PART_CONCURRENT] = { .name = "concurrent" },
		    [PART_MAX_TOKENS] = { .name = "max_tokens" },
		    [PART_DAILY] = { .name = "daily_budget" },
		    [PART_MONTHLY] = { .name = "monthly_budget" } },
	};
	const struct command_option options[] = {
		{ "tenant", 0, "NAME", "whose key", &w.parts[PART_TENANT].value,
		    NULL },
		{ "name", 0, "NAME", "the key's own", &w.parts[PART_NAME].value,
		    NULL },
		{ "expires", 0, "TIME", "how long it is good, as 30d (always)",
		    &w.parts[PART_EXPIRES].value, NULL },
		{ "models", 0, "A,B", "these alone (all of its tenant's)",
		    &w.parts[PART_MODELS].value, NULL },
		{ "requests-per-minute", 0, "N", "a limit of its own",
		    &w.parts[PART_REQUESTS].value, NULL },
		{ "tokens-per-minute", 0, "N", "a limit of its own",
		    &w.parts[PART_TOKENS].value, NULL },
		{ "concurrent", 0, "N", "a limit of its own",
		    &w.parts[PART_CONCURRENT].value, NULL },
		{ "max-tokens", 0, "N", "the longest answer",
		    &w.parts[PART_MAX_TOKENS].value, NULL },
		{ "daily-budget", 0, "USD", "a limit of its own",
		    &w.parts[PART_DAILY].value, NULL },
		{ "monthly-budget", 0, "USD", "a limit of its own",
		    &w.parts[PART_MONTHLY].value, NULL },
		ADMIN_WHERE_OPTIONS(w.where),
		{ "json", 0, NULL, "as JSON", NULL, &w.raw },
	};

	return command_words(argc, argv, usage, COMMAND_OPTIONS(options),
	    COMMAND_WORDS(words), &w);
}
