/* router/hush.h - whether silence says more of who asks than of who should
 * answer.
 *
 * That a first token does not come says nothing of a serving where another
 * tenant has been answered in time that asked later, and no other is silent
 * there. In an outage nobody is answered who asks after its beginning, so that
 * what is late then counts at once; and where one tenant is all there is, it
 * always does. Who is silent like that over and over is believed without such a
 * proof of each, as long as others are answered now and then: the first of them
 * that is not ends that. A request that comes again, and is silent again, is
 * known in the same way among others of its own tenant. */
#ifndef ROUTER_HUSH_H
#define ROUTER_HUSH_H

#include "router/latest.h"
#include "router/suspect.h"

#define HUSH_LONG 4 /* times what is late: that is silence */
#define HUSH_ALONE 20 /* answers since another was silent */
#define HUSH_APART USEC_SEC /* before another may find out, and the next */
#define HUSH_KNOWN 5 /* times, to be believed */
#define HUSH_MEMORY (30 * USEC_SEC) /* of the last of them */

/* Of a serving. All zeros: nobody. */
struct hush {
	usec answers; /* in time, so many */
	usec explored_at; /* when another than the silent one last found out */
	struct hushed {
		struct latest well; /* sent then, and answered in time */
		struct latest silent; /* at so many answers */
		usec silent_since, silent_at; /* the last of them */
		uint64_t who; /* the last that was silent alone; 0: nobody */
		usec at; /* last time */
		unsigned times;
		unsigned in_a_row; /* no first token of its own between */
	} by[AUTHOR_KINDS];
};

/* One that was sent then has its first token, in time or late. True: what was
 * held against the serving for silence was the doing of another alone. */
bool hush_answered(
    struct hush *, const struct author *, usec sent, bool in_time, usec now);

/* One that was sent then is silent, far longer than usual; `again`: that was
 * told of it before. */
void hush_silent(
    struct hush *, const struct author *, usec sent, bool again, usec now);

/* Whether it says nothing of the serving that one which was sent then is late.
 */
bool hush_is_own(
    const struct hush *, const struct author *, usec sent, usec now);

/* Whether another has been silent there for a while, and nobody else has. */
bool hush_is_anothers(const struct hush *, const struct author *, usec now);

/* One is sent there to find out. */
void hush_explored(struct hush *, const struct author *, usec now);

/* Whether it is silent there whenever it asks, and only it is. */
bool hush_avoid(const struct hush *, const struct author *, usec now);

#endif
