/* bench/sim/scenario.c - a fleet, its truth, its traffic and its mishaps. */
#include "bench/sim/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sim/fleet.h"
#include "bench/sim/group.h"
#include "bench/sim/scenario_parts.h"
#include "gateway/lib/count.h"

#define SPEED 1.8
#define AT(type, member) .at = offsetof(struct type, member)

static const struct field top_fields[] = {
	{ "summary", FIELD_TEXT, AT(scenario, summary), 0, 0, true },
	{ "fleet", FIELD_OTHER, 0, 0, 0, true },
	{ "traffic", FIELD_OTHER, 0, 0, 0, false },
	{ "backends", FIELD_OTHER, 0, 0, 0, false },
	{ "incidents", FIELD_OTHER, 0, 0, 0, false },
};

/* The fleet's path is relative to the scenario's file. */
static enum err
place_fleet(struct reading *r, const config_setting_t *top, const char *config)
{
	const config_setting_t *at = config_setting_get_member(top, "fleet");
	const char *name = at != NULL ? config_setting_get_string(at) : NULL;
	const char *slash = strrchr(r->path, '/');
	int n = 0;

	if (config != NULL) {
		n = snprintf(r->s->fleet_path, SCENARIO_TEXT, "%s", config);
	} else {
		if (name == NULL)
			return group_fail(top, r->path, r->why,
			    "fleet: want the name of a file");
		if (slash != NULL && name[0] != '/')
			n = (int)(slash - r->path) + 1;
		n = snprintf(r->s->fleet_path, SCENARIO_TEXT, "%.*s%s", n,
		    r->path, name);
	}
	if (n >= SCENARIO_TEXT)
		return fail(r->why, ERR_LIMIT,
		    "%s: its fleet's path is too "
		    "long",
		    r->path);
	return OK;
}

static enum err
read_top(struct reading *r, const config_setting_t *top, const char *config)
{
	const config_setting_t *traffic;
	enum err rc = group_read(
	    top, top_fields, COUNT(top_fields), r->s, r->path, r->why);

	if (rc == OK)
		rc = place_fleet(r, top, config);
	if (rc == OK)
		rc = fleet_load(r->s, r->why);
	if (rc == OK)
		rc = read_backends(r, top);
	if (rc == OK)
		rc = read_incidents(r, top);
	traffic = config_setting_get_member(top, "traffic");
	if (rc == OK && traffic != NULL)
		rc = read_traffic(r, traffic);
	return rc;
}

/* "bench/scenarios/steady.conf" is called steady. */
static void
take_name(struct scenario *s)
{
	const char *slash = strrchr(s->path, '/');
	char *dot;

	snprintf(s->name, sizeof(s->name), "%s",
	    slash != NULL ? slash + 1 : s->path);
	dot = strrchr(s->name, '.');
	if (dot != NULL)
		*dot = '\0';
}

static enum err
measure(struct scenario *s, struct measured_fleet *m, struct buf *notes,
    struct errmsg *why)
{
	s->measured = m;
	s->speeds = speeds_new(s->fleet, m, s->truth);
	if (s->speeds == NULL)
		return fail(why, ERR_MEMORY, "out of memory");
	speeds_build(s->fleet, s->speeds, s->truth);
	speeds_notes(m, s->fleet_path, notes);
	return OK;
}

enum err
scenario_load(struct scenario *s, const struct scenario_options *o,
    struct buf *notes, struct errmsg *why)
{
	struct reading r = {
		.s = s, .foreign = o->config != NULL, .notes = notes, .why = why
	};
	config_t *tree;
	enum err rc;

	*s = (struct scenario){ .seed = o->seed,
		.load = 1,
		/* a fleet of one's own sees its traffic as it was */
		.traffic = { .speed = r.foreign && o->trace != NULL ? 1 : SPEED,
		    .cv = 1,
		    .requests = WORKLOAD_REQUESTS,
		    .flood_at = 0.4,
		    .flood_for = 0.25,
		    .mix = { 0.2, 0.5, 0.3 },
		    .trace = o->trace,
		    .seed = o->seed } };
	if (!scenario_find(o->name, s->path))
		return fail(why, ERR_NOT_FOUND,
		    "--scenario: no file and no scenario \"%s\"; --list has "
		    "them",
		    o->name);
	r.path = s->path;
	take_name(s);
	tree = calloc(1, sizeof(*tree));
	if (tree == NULL)
		return fail(why, ERR_MEMORY, "out of memory");
	s->tree = tree;
	config_init(tree);
	if (config_read_file(tree, s->path) != CONFIG_TRUE)
		rc = fail(why, ERR_SYNTAX, "%s:%d: %s", s->path,
		    config_error_line(tree), config_error_text(tree));
	else
		rc = read_top(&r, config_root_setting(tree), o->config);
	if (rc == OK && o->measured != NULL)
		rc = measure(s, o->measured, notes, why);
	if (rc != OK) {
		scenario_fini(s);
		return rc;
	}
	if (o->speed > 0)
		s->traffic.speed = o->speed;
	s->traffic.speed *= s->load;
	fleet_settle(s);
	return OK;
}

void
scenario_fini(struct scenario *s)
{
	config_t *tree = s->tree;

	if (tree != NULL)
		config_destroy(tree);
	free(tree);
	s->tree = NULL;
	free(s->truth);
	s->truth = NULL;
	free(s->speeds);
	s->speeds = NULL;
	conf_unref(&s->fleet);
	conf_unref(&s->told);
}
