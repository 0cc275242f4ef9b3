/* gateway/realtime/events.h - what a session's events tell, as they pass by:
 * what its answers used, and how soon they began.
 *
 * Of both directions only the type of an event is read, of response.done all.
 * An event may be cut anywhere, among others, and of any length: memory is
 * bounded by EVENTS_KEPT. What is not understood is nobody's error here. */
#ifndef GATEWAY_REALTIME_EVENTS_H
#define GATEWAY_REALTIME_EVENTS_H

#include "gateway/lib/buf.h"
#include "gateway/lib/inference.h"
#include "gateway/realtime/frames.h"

#define EVENTS_KEPT ((size_t)256 << 10) /* bytes of one event */
#define EVENT_TYPE_MAX 64

/* Finds the top-level member "type" of an object that comes in pieces. */
struct event_type {
	unsigned depth;
	bool in_string, escaped, value; /* value: a colon has come, no comma */
	bool is_type; /* the member at hand is it */
	bool known; /* it is complete */
	unsigned n; /* characters of the string at hand, or over the most */
	char text[EVENT_TYPE_MAX]; /* of a key, or of the type */
};

struct events_way {
	struct frames frames;
	struct event_type type; /* of the event at hand */
};

struct events {
	struct events_way client, backend;
	struct buf kept; /* of the backend's event at hand */
	usec asked; /* for the answer that has not begun; 0: none is */
	unsigned answers, begun; /* answers done; those whose TTFT is known */
	usec ttft; /* of those, in all */
	unsigned untold; /* answers that did not say what they used */
	struct usage usage; /* of all answers */
	uint64_t audio_input, audio_output; /* of it */
};

void events_init(struct events *);
void events_fini(struct events *);
void events_from_client(struct events *, struct slice bytes, usec now);
/* Reads on in *bytes, which is advanced. True: an answer has just ended, and
 * what is left comes after it. */
bool events_from_backend(struct events *, struct slice *bytes, usec now);
/* How long answers took to begin, from when they were asked for, on average;
 * -1: none has. */
usec events_ttft(const struct events *);

#endif
