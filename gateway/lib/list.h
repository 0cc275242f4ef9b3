/* gateway/lib/list.h - intrusive doubly linked list.
 *
 * A node lies inside what it links; an unlinked node points to itself, so
 * list_remove() is safe to call twice. */
#ifndef GATEWAY_LIB_LIST_H
#define GATEWAY_LIB_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define CONTAINER_OF(ptr, type, member)                                        \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void
list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* The first node, unlinked; NULL when the list is empty. */
static inline struct list *
list_pop(struct list *head)
{
	struct list *node = head->next;

	if (node == head)
		return NULL;
	/* The analyser forgets that a popped node is off the list. */
	list_remove(node); /* NOLINT(clang-analyzer-unix.Malloc) */
	return node;
}

#endif
