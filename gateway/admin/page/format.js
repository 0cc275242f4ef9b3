// Numbers and times as people read them, each with its unit. What is not known
// is a dash, never a zero.

const UNKNOWN = '–';

const known = (v) => v !== null && v !== undefined && Number.isFinite(v);
const group = new Intl.NumberFormat('en-US', {maximumFractionDigits: 0});

const or = (render) => (v) => known(v) ? render(v) : UNKNOWN;

// Three digits that count, without an exponent.
function digits(v) {
	const a = Math.abs(v);

	if (a === 0)
		return '0';
	if (a >= 100)
		return group.format(v);
	return v.toFixed(a >= 10 ? 1 : a >= 1 ? 2 : Math.min(6, 2 - Math.floor(Math.log10(a))));
}

export const number = or(digits);
export const count = or((v) => group.format(v));

// Number and unit stay on one line.
const NB = '\u00a0';
const trimmed = (v, places) => String(Number(v.toFixed(places)));

export const ms = or((v) => {
	if (v < 10)
		return `${v === 0 ? '0' : v.toFixed(v < 1 ? 2 : 1)}${NB}ms`;
	if (v < 1000)
		return `${v.toFixed(0)}${NB}ms`;
	return v < 60000 ? `${trimmed(v / 1000, v < 10000 ? 2 : 1)}${NB}s` : span(v);
});

// A share of 1. Never rounded up to the whole.
export const percent = or((v) => {
	const p = v * 100;
	const places = p >= 99 && p < 100 ? 2 : Math.abs(p) > 100 ? 0 : 1;
	const round = p < 100 ? Math.min(Number(p.toFixed(places)), 100 - 10 ** -places) : p;

	return `${trimmed(round, places).replace('-', '−')}${NB}%`;
});

// The minus and its sum stay together too.
export const usd = or((v) => `${v < 0 ? '−\u2060' : ''}$${digits(Math.abs(v))}`);
export const perHour = or((v) => `${usd(v)}/h`);
export const perSecond = or((v) => `${digits(v)}/s`);
export const times = or((v) => `${v.toFixed(v >= 100 ? 0 : v >= 10 ? 1 : 2)}×`);

// A span of time in ms, in its two largest units.
export function span(v) {
	const sec = Math.max(0, Math.round(v / 1000));
	const parts = [[Math.floor(sec / 86400), 'd'], [Math.floor(sec / 3600) % 24, 'h'],
		[Math.floor(sec / 60) % 60, 'min'], [sec % 60, 's']];
	const first = parts.findIndex(([n]) => n > 0);

	if (first < 0)
		return `0${NB}s`;
	// of ten minutes and more, the seconds are of no interest
	return parts.slice(first, first + 2).filter(([n, unit], i) => !i || n > 0 && !(unit === 's' && sec >= 600))
		.map(([n, unit]) => `${n}${NB}${unit}`).join(' ');
}

export const ago = (at, now) => known(at) ? `${span(now - at)} ago` : UNKNOWN;

const clockOf = new Intl.DateTimeFormat('en-GB', {timeStyle: 'medium'});
const dayOf = new Intl.DateTimeFormat('en-GB', {day: 'numeric', month: 'short'});

// Local time of day; with the day where it is not today.
export const clock = or((at) => {
	const then = new Date(at);
	const today = new Date().toDateString() === then.toDateString();

	return today ? clockOf.format(then) : `${dayOf.format(then)}, ${clockOf.format(then)}`;
});

export const words = (name) => String(name ?? '').replaceAll('_', ' ');
