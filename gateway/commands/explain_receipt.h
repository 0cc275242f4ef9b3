/* gateway/commands/explain_receipt.h - a receipt as text for a person. */
#ifndef GATEWAY_COMMANDS_EXPLAIN_RECEIPT_H
#define GATEWAY_COMMANDS_EXPLAIN_RECEIPT_H

#include <jansson.h>
#include <stdio.h>

/* A document of /admin/v1/receipts/ID. What it lacks is shown as a dash. */
void explain_print(const json_t *, FILE *);

/* explain_row.c: what is left of it where there is no receipt any more: a
 * document of /admin/v1/usage/ID. */
void explain_print_row(const json_t *, FILE *);

#define EXPLAIN_WORDS 200
/* explain_line.c: one of its plans in some words; all events by time. */
void explain_plan(const json_t *plan, char *out, size_t cap);
void explain_time_line(const json_t *doc, FILE *);

#endif
