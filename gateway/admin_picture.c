/* gateway/admin_picture.c - a picture of the process. */
#include "gateway/admin_picture.h"

#include <stdlib.h>

#include "gateway/app.h"
#include "gateway/children.h"
#include "gateway/ledger/ledger.h"

void
admin_snapshot_servings(struct app *app, struct admin_snapshot *s)
{
	struct admin_picture *p = &s->picture;

	p->n_servings = 0;
	for (size_t i = 0; i < app->conf->n_servings; i++)
		if (switchboard_view(app->board, app->conf->servings[i].id,
			p->now, &s->servings[p->n_servings]))
			p->n_servings++;
}

bool
admin_snapshot_take(struct app *app, struct admin_snapshot *s)
{
	struct admin_picture *p = &s->picture;

	*s = (struct admin_snapshot){ .servings =
					  calloc(app->conf->n_servings + 1,
					      sizeof(*s->servings)) };
	*p = (struct admin_picture){ .conf = app->conf,
		.telemetry = app->telemetry,
		.receipts = app->receipts,
		.book = app->book,
		.ledger = app->ledger != NULL ? ledger_path(app->ledger) : NULL,
		.labels = app->labels,
		.drill = app->drill,
		.listen = &app->bound->listen,
		.ready = app->ready && !app->draining,
		.draining = app->draining,
		.now = clock_now(),
		.wall = clock_wall() };
	p->n_children = children_picture(app->children, &s->children);
	if (s->servings == NULL || (s->children == NULL && p->n_children > 0))
		return false;
	p->servings = s->servings;
	p->children = s->children;
	admin_snapshot_servings(app, s);
	app_gauges(app, &p->gauges);
	return true;
}

void
admin_snapshot_drop(struct admin_snapshot *s)
{
	free(s->servings);
	free(s->children);
}
