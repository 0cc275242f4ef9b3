/* gateway/commands/admin_client.c - one question to a running gateway. */
#include "gateway/commands/admin_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/commands/address.h"
#include "gateway/commands/client.h"
#include "gateway/commands/command.h"
#include "gateway/lib/utf8.h"

#define ANSWER_MAX ((size_t)64 << 20)
#define ANSWER_TIMEOUT (5 * USEC_SEC)
#define URL_MOST ((size_t)16384) /* bytes */
#define PATH_MOST ((size_t)8192) /* with what is asked */
#define KEY_VARIABLE "POINTSMAN_ADMIN_KEY"
#define CA_VARIABLE "POINTSMAN_ADMIN_CA"

static void
keep(void *arg, struct slice bytes)
{
	buf_add(arg, bytes);
}

/* The other listener, mostly, knows neither the path nor the key. */
static void
print_refusal(const struct admin_where *where, const char *url, int status,
    const char *words, const char *code)
{
	bool elsewhere = code != NULL &&
	    (strcmp(code, "unknown_url") == 0 ||
		strcmp(code, "invalid_api_key") == 0);

	if (status == 404 && where->unfound != NULL && !elsewhere)
		(void)fail(where->unfound, ERR_NOT_FOUND, "%s", words);
	else if (elsewhere)
		fprintf(stderr,
		    "pointsman: %s: %s: is that the admin listener?\n", url,
		    words);
	else
		fprintf(stderr, "pointsman: %s\n", words);
}

/* Of whoever answers there: nothing in them is a command to a terminal. NULL:
 * it gave none, or there is no memory. */
static char *
words_of(const json_t *error)
{
	const char *said = json_string_value(json_object_get(error, "message"));
	char *words = said != NULL ? strdup(said) : NULL;

	if (words != NULL)
		utf8_calm(words, strlen(words), "\n");
	return words;
}

static json_t *
read_answer(const struct admin_where *where, const char *method,
    const char *url, const struct transfer_result *result,
    const struct buf *body)
{
	json_t *doc = json_loadb(body->n > 0 ? body->p : "", body->n, 0, NULL);
	const json_t *error = json_object_get(doc, "error");
	char *words;

	if (result->fault == FAULT_NONE && result->status == 200 && doc != NULL)
		return doc;
	words = words_of(error);
	if (words != NULL)
		print_refusal(where, url, result->status, words,
		    json_string_value(json_object_get(error, "code")));
	else if (result->fault == FAULT_TLS)
		fprintf(stderr,
		    "pointsman: %s: %s: -c FILE trusts the certificate of that "
		    "file's gateway, $" CA_VARIABLE " names a file of "
		    "authorities\n",
		    url, result->message);
	else if (result->fault != FAULT_NONE)
		fprintf(stderr,
		    "pointsman: no gateway answers at %s (%s): is it running, "
		    "and is that its admin listener?%s%s\n",
		    url, fault_rule(result->fault)->name,
		    where->url == NULL && where->config == NULL
			? " (-c gateway.conf asks where that file says)"
			: "",
		    strncmp(url, "http://", 7) == 0 &&
			    result->fault == FAULT_RESET
			? " One that speaks TLS wants https://"
			: "");
	else
		fprintf(stderr,
		    "pointsman: %s %s: want JSON with status 200, got status "
		    "%d: is that the admin listener of a gateway?\n",
		    method, url, result->status);
	free(words);
	json_decref(doc);
	return NULL;
}

static json_t *
ask(struct admin_where *where, const struct address *a, const char *method,
    const char *path, struct slice headers)
{
	usec patience = where->patience > 0 ? where->patience : ANSWER_TIMEOUT;
	const struct client_ops ops = { .on_bytes = keep };
	struct errmsg why = { "" };
	struct transfer_result result;
	struct client *c = client_new(&why);
	struct buf body, url;
	json_t *doc;

	if (c == NULL) {
		fprintf(stderr, "pointsman: %s\n", why.text);
		return NULL;
	}
	buf_init(&url, URL_MOST);
	buf_addf(&url, "%s%s", a->base, path);
	buf_add_char(&url, '\0');
	if (buf_err(&url) != OK) {
		fprintf(stderr, "pointsman: the options are too long\n");
		buf_fini(&url);
		client_free(&c);
		return NULL;
	}
	buf_init(&body, ANSWER_MAX);
	client_send(c,
	    &(struct transfer_request){ .method = method,
		.url = url.p,
		.unix_path = a->unix_path[0] != '\0' ? a->unix_path : NULL,
		.ca_file = getenv(CA_VARIABLE),
		.pin = a->pin[0] != '\0' ? a->pin : NULL,
		.headers = headers,
		.local = true,
		.connect_timeout = CLIENT_CONNECT_TIMEOUT },
	    &ops, &body, patience, &result);
	where->misused = result.status == 400;
	doc = read_answer(where, method, url.p, &result, &body);
	buf_fini(&url);
	buf_fini(&body);
	client_free(&c);
	return doc;
}

json_t *
admin_ask(struct admin_where *where, const char *method, const char *path)
{
	struct address a;
	struct buf headers;
	json_t *doc = NULL;

	buf_init(&headers, CLIENT_HEADERS_MAX);
	if (address_find(where->url, where->config, ADDRESS_ADMIN, &a) &&
	    client_add_key(KEY_VARIABLE, &headers))
		doc = ask(where, &a, method, path, buf_slice(&headers));
	buf_fini(&headers);
	return doc;
}

json_t *
admin_ask_with(struct admin_where *where, const char *method, const char *path,
    const struct query_part *list, size_t n)
{
	json_t *doc = NULL;
	struct buf all;

	buf_init(&all, PATH_MOST);
	buf_addf(&all, "%s?", path);
	query_write(list, n, &all);
	buf_add_char(&all, '\0');
	if (buf_err(&all) == OK)
		doc = admin_ask(where, method, all.p);
	else
		fprintf(stderr, "pointsman: the options are too long\n");
	buf_fini(&all);
	return doc;
}

json_t *
admin_get(struct admin_where *where, const char *path)
{
	return admin_ask(where, "GET", path);
}

int
admin_exit(const struct admin_where *where)
{
	return where->misused ? EXIT_USAGE : EXIT_BAD;
}
