/* gateway/upstream/target.c - how a configured backend is reached. */
#include "gateway/upstream/target.h"

uint32_t
transfer_peer(const struct conf_backend *b)
{
	return b->id + 1; /* 0 is nobody */
}

uint32_t
transfer_backend(uint32_t peer)
{
	return peer - 1;
}

void
transfer_target(struct transfer_request *t, const struct conf_backend *b)
{
	t->peer = transfer_peer(b);
	t->unix_path = b->unix_path;
	t->ca_file = b->ca_file;
	t->tls_insecure = b->tls_insecure;
	t->connect_timeout = b->timeouts.connect;
	t->local = b->local;
}
