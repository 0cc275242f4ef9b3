// Pictures of series over time: a line for each, or a band from p50 over p95
// to p99. A gap is what is not known. Values are aligned to the times of
// history.js; its cursor is shown in all of them at once.

import {attr, s} from './dom.js';
import {clock} from './format.js';

const EDGE = {left: 48, right: 8, top: 6, bottom: 17};
const MINUTE = 60000;
const WINDOW_LEAST = 5 * MINUTE;

// A number that is easy to read, at least v.
function ceiling(v) {
	const power = 10 ** Math.floor(Math.log10(v));

	return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((f) => f * power >= v * 0.999) * power;
}

// Points of each stretch without a gap.
function runs(values, point) {
	const list = [];
	let run = null;

	values.forEach((v, i) => {
		if (v === null || v === undefined) {
			run = null;
			return;
		}
		if (!run)
			list.push(run = []);
		run.push(point(i, v));
	});
	return list;
}

// '0.200/s' is '0.2/s', '$1.00' is '$1'.
const round = (text) => text.replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, '');

const line = (points) => 'M' + points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L');

export class Chart {
	// unit: of a number on its axis, 'ms'.
	constructor(label, unit, render) {
		this.label = label;
		this.unit = unit;
		this.render = render;
		this.node = s('svg', {class: 'chart', role: 'img', 'aria-label': label});
		this.visible = true;
		this.watch = new IntersectionObserver((list) => {
			this.visible = list.at(-1).isIntersecting;
			if (this.visible && this.stale)
				this.paint();
		}, {rootMargin: '200px'});
		this.watch.observe(this.node);
		this.size = new ResizeObserver(() => this.paint());
		this.size.observe(this.node);
	}

	end() {
		this.watch.disconnect();
		this.size.disconnect();
	}

	// picture: {times, band: {p50, p95, p99} or lines: [{values, look}], marks:
	// [{at, look}], cursor: an index or null, said: what it shows in words}
	draw(picture) {
		this.picture = picture;
		this.stale = true;
		attr(this.node, 'aria-label', `${this.label}. ${picture.said ?? ''}`);
		if (this.visible)
			this.paint();
	}

	paint() {
		const width = this.node.clientWidth;
		const height = this.node.clientHeight;

		if (!this.picture || !width)
			return;
		this.stale = false;
		attr(this.node, 'viewBox', `0 0 ${width} ${height}`);
		this.scale(width, height);
		this.node.replaceChildren(...this.axes(width, height), ...this.marks(),
			...(this.picture.band ? this.band() : this.lines()), ...this.cursor());
	}

	scale(width, height) {
		const {times, band, lines} = this.picture;
		const last = times.at(-1) ?? 0;
		const span = Math.max(WINDOW_LEAST, last - (times[0] ?? last));
		const series = band ? [band.p99, band.p95] : lines.map((l) => l.values);
		const most = series.flat().reduce((a, v) => Math.max(a, v ?? 0), 0);

		this.from = last - span;
		this.until = last;
		this.most = most > 0 ? ceiling(most) : 1;
		this.blank = series.flat().every((v) => v === null || v === undefined);
		this.x = (at) => EDGE.left + (at - this.from) / span * (width - EDGE.left - EDGE.right);
		this.y = (v) => height - EDGE.bottom - v / this.most * (height - EDGE.top - EDGE.bottom);
		this.point = (i, v) => [this.x(times[i]), this.y(v)];
	}

	axes(width, height) {
		const nodes = [];

		for (const share of [0, 0.5, 1]) {
			const y = this.y(share * this.most);

			nodes.push(s('line', {class: 'grid', x1: EDGE.left, x2: width - EDGE.right, y1: y, y2: y}));
			if (share !== 0.5 && !this.blank)
				nodes.push(s('text', {class: 'tick', x: EDGE.left - 5, y: y + 4, 'text-anchor': 'end'},
					share ? round(this.render(this.most)) : '0'));
		}
		if (this.blank)
			nodes.push(s('text', {class: 'tick', x: (width + EDGE.left) / 2, y: this.y(this.most / 2) - 6,
				'text-anchor': 'middle'}, 'nothing measured yet'));
		return nodes.concat(this.hours(width, height));
	}

	// Round minutes of local time, as many as there is room for.
	hours(width, height) {
		const room = Math.max(1, Math.floor((width - EDGE.left) / 74));
		const every = [1, 2, 5, 10, 15, 30].find((m) => (this.until - this.from) / MINUTE / m <= room) ?? 30;
		const nodes = [];

		for (let at = Math.ceil(this.from / MINUTE / every) * MINUTE * every; at <= this.until;
			at += MINUTE * every) {
			const x = this.x(at);

			nodes.push(s('line', {class: 'grid', x1: x, x2: x, y1: EDGE.top, y2: height - EDGE.bottom}));
			if (x > EDGE.left + 14 && x < width - 18)
				nodes.push(s('text', {class: 'tick', x, y: height - 4, 'text-anchor': 'middle'},
					clock(at).slice(-8, -3)));
		}
		return nodes;
	}

	band() {
		const {p50, p95, p99} = this.picture.band;
		const between = (low, high, look) => {
			const top = runs(high, this.point);
			const under = runs(low, this.point);

			return top.map((points, i) => s('path', {
				class: look,
				d: `${line(points.concat((under[i] ?? []).toReversed()))}Z`,
			}));
		};
		const drawn = (values, look) => runs(values, this.point).map((points) =>
			s('path', {class: look, d: `${line(points)}h.01`}));

		return [...between(p95, p99, 'wide'), ...between(p50, p95, 'narrow'),
			...drawn(p99, 'edge'), ...drawn(p50, 'middle')];
	}

	lines() {
		return this.picture.lines.flatMap(({values, look}) =>
			runs(values, this.point).map((points) => s('path', {class: `series ${look}`, d: `${line(points)}h.01`})));
	}

	marks() {
		return (this.picture.marks ?? []).filter(({at}) => at >= this.from).map(({at, look}) =>
			s('rect', {class: look, x: this.x(at), y: EDGE.top, width: Math.max(1, this.x(this.until) - this.x(at)),
				height: this.y(0) - EDGE.top}));
	}

	cursor() {
		const at = this.picture.times[this.picture.cursor];

		return at === undefined ? [] : [s('line', {class: 'cursor', x1: this.x(at), x2: this.x(at),
			y1: EDGE.top, y2: this.y(0)})];
	}
}
