/* gateway/realtime/frames.h - WebSocket frames, read as they pass by
 * (RFC 6455, section 5).
 *
 * Nothing is kept but a frame's head: bytes may be cut anywhere, and a length
 * is only counted down. */
#ifndef GATEWAY_REALTIME_FRAMES_H
#define GATEWAY_REALTIME_FRAMES_H

#include "gateway/lib/buf.h"

#define FRAME_HEAD_MAX 14

struct frames {
	unsigned char head[FRAME_HEAD_MAX];
	unsigned n; /* bytes of it */
	uint64_t left; /* bytes of its payload that have not come */
	uint64_t at; /* and that have: for the mask */
	bool inside; /* a frame whose head is complete */
	bool text; /* the message at hand is one */
	bool open; /* a message is: the next frame continues it */
	bool closed; /* a close frame has begun */
	bool lost; /* what came is no WebSocket: nothing more is read */
};

/* A part of a message of text: perhaps no bytes, but its end. */
struct frame_piece {
	struct slice bytes; /* as they passed: masked, where `mask` is not 0 */
	unsigned char mask[4]; /* for bytes.p[0], [1], ... */
	bool last; /* of its message */
};

/* Reads on in *rest, which is advanced. False: there is no more in it. */
bool frames_next(
    struct frames *, struct slice *rest, struct frame_piece *piece);
/* A close frame has come, to its end. */
bool frames_over(const struct frames *);
/* Between two frames: one of ours may be put in. */
bool frames_pause(const struct frames *);

/* Frames as a server writes them: a message of text, of 64 KiB at most; and a
 * close, with so many bytes of words at most. */
#define FRAME_WORDS 123
void frame_text(struct buf *, struct slice);
void frame_close(struct buf *, unsigned status, struct slice words);

#endif
