/* router/bound.h - fmin() and fmax() without their care for what is no number:
 * a decision asks for the lesser of two some dozens of times for each serving,
 * and these are one instruction where those are calls. */
#ifndef ROUTER_BOUND_H
#define ROUTER_BOUND_H

static inline double
lesser(double a, double b)
{
	return a < b ? a : b;
}

static inline double
greater(double a, double b)
{
	return a > b ? a : b;
}

#endif
