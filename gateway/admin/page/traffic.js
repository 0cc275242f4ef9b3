// Requests and tokens by class, and what all of it costs, over time.

import {Chart} from './chart.js';
import {attr, byId, h, keyed, s, text} from './dom.js';
import {count, perHour, perSecond, usd} from './format.js';
import {classOf} from './incidents.js';

const LOOKS = 5;
const looks = new Map(); // of a class, for good

function lookOf(key) {
	if (!looks.has(key))
		looks.set(key, `look${Math.min(looks.size, LOOKS - 1)}`);
	return looks.get(key);
}

let traffic = null;
let cost = null;

const COLUMNS = [['requests', 'Requests'], ['in', 'Tokens in'], ['out', 'Tokens out'], ['cost', 'Cost']];

function build() {
	const head = ['Class', ...COLUMNS.map(([, label]) => label)];

	traffic = {
		requests: new Chart('Requests a second by class, over time', '/s', perSecond),
		body: h('tbody', {role: 'rowgroup'}), empty: h('p', {class: 'empty'},
			'No traffic yet. Point an application at the gateway, or use the playground.'),
	};
	traffic.table = h('table', {class: 'stack', role: 'table', 'aria-labelledby': 'traffic-title'},
		h('thead', {role: 'rowgroup'}, h('tr', {role: 'row'}, head.map((label, i) =>
			h('th', {scope: 'col', role: 'columnheader', class: i ? 'n' : null}, label)))), traffic.body);
	byId('traffic-body').replaceChildren(traffic.requests.node, traffic.table, traffic.empty);
	cost = {chart: new Chart('Cost per hour, over time', '$/h', usd), now: h('b', {'data-of': 'per_hour'}),
		total: h('b', {'data-of': 'total'}), unknown: h('p', {class: 'warn'})};
	byId('cost-body').replaceChildren(
		h('p', {class: 'facts'}, h('span', {}, cost.now, ' now'), h('span', {}, cost.total, ' since the start')),
		cost.chart.node, cost.unknown);
}

function make(item) {
	const cells = {};
	const node = h('tr', {role: 'row'}, h('th', {scope: 'row', role: 'rowheader'},
		s('svg', {class: 'sample', viewBox: '0 0 30 8', 'aria-hidden': 'true'},
			s('path', {class: `series ${lookOf(item.key)}`, d: 'M1 4H29'})), cells.name = h('span')),
	COLUMNS.map(([name, label]) => cells[name] = h('td',
		{class: 'n', role: 'cell', 'data-label': label, 'data-of': name}, h('span'))));

	return {node, cells};
}

function update({node, cells}, t) {
	attr(node, 'data-slo', t.slo);
	text(cells.name, t.priority && t.priority !== t.slo ? `${classOf(t.slo)} (${t.priority})` : classOf(t.slo));
	text(cells.requests.firstChild, perSecond(t.requests_per_s));
	text(cells.in.firstChild, perSecond(t.tokens_in_per_s));
	text(cells.out.firstChild, perSecond(t.tokens_out_per_s));
	text(cells.cost.firstChild, perHour(t.cost_per_hour_usd));
}

// A step without a request is a zero, unless nobody looked.
const perStep = (values, scale) => values.map((v) => v === null ? null : v * scale);

function drawCharts(state, list) {
	const {history} = state;
	const seen = history.sum('servings', 'in_flight');
	const filled = (values) => history.times.map((_, i) => values[i] ?? (seen[i] === null ? null : 0));

	traffic.requests.draw({times: history.times, cursor: history.cursor,
		lines: list.map((t) => ({look: lookOf(t.key),
			values: perStep(filled(history.column('traffic', t.key, 'requests')), 1000 / state.step)})),
		said: list.map((t) => `${classOf(t.slo)} ${perSecond(t.requests_per_s)}`).join(', ')});
	cost.chart.draw({times: history.times, cursor: history.cursor, marks: state.marks,
		lines: [{look: 'look0', values: perStep(filled(history.sum('traffic', 'cost_usd')), 3600000 / state.step)}],
		said: `now ${perHour(state.now.cost.per_hour_usd)}`});
}

// Only what was answered whole can be for want of a price.
function unknownOf(whole, cut) {
	const said = [];

	if (whole)
		said.push(`Of ${count(whole)} requests the cost is not known: their backends have no price, or said no usage.`);
	if (cut)
		said.push(`Of ${count(cut)} that were cut off nobody said the cost: an estimate is charged to budgets.`);
	return said.join(' ');
}

export function draw(state) {
	if (!traffic)
		build();
	const list = state.now.traffic;
	const money = state.now.cost;

	keyed(traffic.body, list, (t) => t.key, make, update);
	attr(traffic.empty, 'hidden', list.length > 0);
	attr(traffic.table, 'hidden', !list.length);
	text(cost.now, perHour(money.per_hour_usd));
	text(cost.total, usd(money.total_usd));
	attr(cost.unknown, 'hidden', !money.unknown_total);
	text(cost.unknown, unknownOf(money.unknown_total - money.cut_total, money.cut_total));
	if (state.drawCharts)
		drawCharts(state, list);
}
