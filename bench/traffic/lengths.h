/* bench/traffic/lengths.h - how long prompts and answers are.
 *
 * Quantiles of 19,366 conversations (Azure LLM inference trace 2023,
 * conversation): prompts of 1,155 tokens and answers of 211 in the mean,
 * nearly independent of each other. */
#ifndef BENCH_TRAFFIC_LENGTHS_H
#define BENCH_TRAFFIC_LENGTHS_H

/* Tokens; share in 0..1, of those that are shorter. */
unsigned length_of_prompt(double share);
unsigned length_of_output(double share);
/* By Pareto's law of that index (more than 1), the same mean, cut off at 8192:
 * tails of any length. */
unsigned length_of_heavy_output(double share, double index);

#endif
