/* gateway/commands/profiles.c - what a gateway has measured of its servings. */
#include "gateway/commands/profiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/commands/admin_client.h"
#include "gateway/lib/count.h"
#include "gateway/lib/uri.h"

#define PATH "/admin/v1/backends"
#define PLACE 192

/* Where something is wrong: "backends[1].servings[0].profile.step_ms". */
struct place {
	const char *source;
	char in[PLACE]; /* the object; empty: the document */
};

static bool
complain(const struct place *p, const char *member, const char *want)
{
	fprintf(stderr, "simulate: --profiles: %s: %s%s%s: want %s\n",
	    p->source, p->in, p->in[0] != '\0' ? "." : "", member, want);
	return false;
}

static struct place
inside(const struct place *p, const char *member)
{
	struct place in = { .source = p->source };

	snprintf(in.in, PLACE, "%.120s%s%.60s", p->in,
	    p->in[0] != '\0' ? "." : "", member);
	return in;
}

static struct place
element(const struct place *p, const char *list, size_t i)
{
	char member[64];

	snprintf(member, sizeof(member), "%s[%zu]", list, i);
	return inside(p, member);
}

/* --- members --- */

struct member {
	const char *name;
	double *to;
	double scale, most;
	bool may_lack; /* null, or not there: 0 */
};

static bool
read_numbers(
    const struct place *p, const json_t *o, const struct member *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_object_get(o, m[i].name);
		double value = json_number_value(v);

		if (m[i].may_lack && (v == NULL || json_is_null(v)))
			continue;
		if (!json_is_number(v) || value < 0 || value > m[i].most)
			return complain(p, m[i].name, "a number, 0 or more");
		*m[i].to = value * m[i].scale;
	}
	return true;
}

static bool
read_text(
    const struct place *p, const json_t *o, const char *name, const char **to)
{
	*to = json_string_value(json_object_get(o, name));
	return *to != NULL || complain(p, name, "a name");
}

/* --- a serving --- */

static bool
read_times(const struct place *outer, const json_t *profile, const char *name,
    struct measured_times *t)
{
	const json_t *o = json_object_get(profile, name);
	const struct place p = inside(outer, name);
	char rank[MEASURED_RANKS][8];
	struct member members[MEASURED_RANKS + 2];
	double samples = 0;
	size_t n = 0;

	if (!json_is_object(o))
		return complain(outer, name, "an object");
	members[n++] = (struct member){ "samples", &samples, 1, 1e15, false };
	members[n++] = (struct member){ "recent", &t->recent, 1, 1e15, true };
	for (unsigned i = 0; i < MEASURED_RANKS; i++) {
		snprintf(
		    rank[i], sizeof(rank[i]), "p%.0f", 100 * measured_ranks[i]);
		members[n++] =
		    (struct member){ rank[i], &t->ratio[i], 1, 1e6, true };
	}
	if (!read_numbers(&p, o, members, n))
		return false;
	t->samples = (uint64_t)samples;
	for (unsigned i = 1; i < MEASURED_RANKS; i++)
		if (t->ratio[i] < t->ratio[i - 1])
			return complain(
			    &p, rank[i], "no less than the one before it");
	return true;
}

static bool
read_profile(
    const struct place *outer, const json_t *serving, struct measured *m)
{
	const json_t *o = json_object_get(serving, "profile");
	const struct place p = inside(outer, "profile");
	double slots = 0;
	const struct member members[] = {
		{ "rtt_ms", &m->rtt, 1e3, 1e7, false },
		{ "step_ms", &m->step, 1e3, 1e7, false },
		{ "per_sequence_ms", &m->per_sequence, 1e3, 1e7, false },
		{ "per_token_ms", &m->per_token, 1e3, 1e7, false },
		{ "slots", &slots, 1, 65536, true },
		{ "others_at_work", &m->sequences, 1, 1e6, false },
		{ "prompt_tokens_ahead", &m->tokens, 1, 1e9, false },
		{ "reckoned_per_prompt_token", &m->reckoned, 1, 1e3, true },
	};

	if (!json_is_object(o))
		return complain(outer, "profile",
		    "an object, as a gateway of this version tells it");
	if (!read_numbers(&p, o, members, COUNT(members)))
		return false;
	m->slots = (unsigned)slots;
	m->ailing = json_is_true(json_object_get(o, "ailing"));
	return read_times(&p, o, "ttft_ratio", &m->ttft) &&
	    read_times(&p, o, "itl_ratio", &m->itl);
}

/* Which of two would count, nobody could say. */
static bool
is_new(const struct place *p, const struct measured_fleet *f)
{
	const struct measured_serving *s = &f->list[f->n - 1], *o;

	for (o = f->list; o < s; o++) {
		if (strcmp(o->backend, s->backend) != 0 ||
		    strcmp(o->model, s->model) != 0 ||
		    (o->upstream != NULL && s->upstream != NULL &&
			strcmp(o->upstream, s->upstream) != 0))
			continue;
		fprintf(stderr,
		    "simulate: --profiles: %s: %s: \"%s\" at \"%s\" is in it "
		    "twice\n",
		    p->source, p->in, s->model, s->backend);
		return false;
	}
	return true;
}

static bool
read_serving(const struct place *p, const char *backend, const json_t *o,
    struct measured_fleet *f)
{
	struct measured_serving *s = &f->list[f->n++];

	*s = (struct measured_serving){
		.backend = backend,
		.upstream =
		    json_string_value(json_object_get(o, "upstream_model")),
	};
	return read_text(p, o, "model", &s->model) && is_new(p, f) &&
	    read_profile(p, o, &s->measured);
}

/* --- all of them --- */

static bool
read_backend(const struct place *p, const json_t *o, struct measured_fleet *f)
{
	const json_t *list = json_object_get(o, "servings"), *one;
	struct measured_serving *more;
	struct place at;
	const char *name;
	size_t i;

	if (!read_text(p, o, "name", &name))
		return false;
	if (!json_is_array(list))
		return complain(p, "servings", "a list");
	more = realloc(
	    f->list, (f->n + json_array_size(list) + 1) * sizeof(*f->list));
	if (more == NULL)
		return complain(p, "servings", "memory for them");
	f->list = more;
	json_array_foreach (list, i, one) {
		at = element(p, "servings", i);
		if (!read_serving(&at, name, one, f))
			return false;
	}
	return true;
}

static bool
read_fleet(const char *source, const json_t *doc, struct measured_fleet *f)
{
	const json_t *list = json_object_get(doc, "backends"), *one;
	const struct place top = { .source = source };
	struct place at;
	size_t i;

	if (!json_is_array(list))
		return complain(&top, "backends",
		    "a list, as GET " PATH " of a gateway answers it");
	f->at = json_string_value(json_object_get(doc, "at"));
	if (f->at == NULL)
		f->at = "an unknown time";
	json_array_foreach (list, i, one) {
		at = element(&top, "backends", i);
		if (!read_backend(&at, one, f))
			return false;
	}
	return true;
}

static json_t *
read_file(const char *path)
{
	json_error_t e;
	json_t *doc = json_load_file(path, 0, &e);

	if (doc == NULL && e.line > 0)
		fprintf(stderr, "simulate: --profiles: %s:%d:%d: %s\n", path,
		    e.line, e.column, e.text);
	else if (doc == NULL)
		fprintf(stderr, "simulate: --profiles: %s\n", e.text);
	return doc;
}

static bool
is_address(const char *source)
{
	struct slice rest;

	return uri_after_scheme(slice_of(source), &rest, NULL);
}

bool
profiles_load(struct profiles *p, const char *source)
{
	struct admin_where where = { .url = source };

	*p = (struct profiles){ .fleet = { .source = source } };
	p->doc =
	    is_address(source) ? admin_get(&where, PATH) : read_file(source);
	return p->doc != NULL && read_fleet(source, p->doc, &p->fleet);
}

void
profiles_free(struct profiles *p)
{
	free(p->fleet.list);
	json_decref(p->doc);
	*p = (struct profiles){ .doc = NULL };
}
