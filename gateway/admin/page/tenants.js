// Each tenant and class: what it met against its target, what is left of its
// error budget, how fast that is spent.

import {attr, byId, h, keyed, mark, s, text} from './dom.js';
import {count, percent, perHour, times} from './format.js';
import {classOf, nameOf, targetsOf} from './incidents.js';

const WINDOWS = ['5m', '1h', '6h', '3d'];
const SPOKEN = {'5m': '5 min', '1h': '1 h', '6h': '6 h', '3d': '3 d'};

const COLUMNS = [
	['slo', 'Class'], ['met', 'Met, 5 min', 'n'], ['target', 'Target', 'n'], ['missed', 'Missed, 5 min', 'n'],
	...WINDOWS.map((w) => [`burn-${w}`, `Burn, ${SPOKEN[w]}`, 'n']), ['budget', 'Budget left, 3 d', 'n'],
	['cost', 'Cost', 'n'],
];

let body = null;
let find = null;

function build() {
	const head = ['Tenant', ...COLUMNS.map(([, label]) => label)].map((label, i) =>
		h('th', {scope: 'col', role: 'columnheader', class: i ? COLUMNS[i - 1][2] : null}, label));

	body = h('tbody', {role: 'rowgroup'});
	find = h('input', {type: 'search', autocomplete: 'off'});
	byId('tenant-table').replaceChildren(
		h('p', {class: 'finder', hidden: true}, h('label', {}, 'Find ', find)),
		h('table', {class: 'stack', role: 'table', 'aria-labelledby': 'tenants-title'},
			h('thead', {role: 'rowgroup'}, h('tr', {role: 'row'}, head)), body),
		h('p', {class: 'empty'}));
}

function make() {
	const cells = {name: h('th', {scope: 'row', role: 'rowheader'})};

	cells.name.append(cells.sign = h('span'), cells.who = h('span'));
	for (const [name, label, look] of COLUMNS)
		cells[name] = h('td', {role: 'cell', class: look, 'data-label': label, 'data-of': name}, h('span'));
	const bar = s('rect', {height: 8, rx: 2, width: 0});

	cells.bar = bar;
	cells.budget.replaceChildren(h('span', {class: 'budget'}, s('svg', {'aria-hidden': 'true'},
		s('rect', {height: 8, rx: 2, width: 56}), bar), cells.left = h('span')));
	return {node: h('tr', {role: 'row'}, cells.name, COLUMNS.map(([name]) => cells[name])), cells};
}

const put = (cell, value) => text(cell.firstChild, value);

function update({node, cells}, o, state) {
	const five = o.windows['5m'];
	const misses = state.missing.has(`${o.tenant}\n${o.slo}`);
	const left = o.budget_left;
	const slo = state.classes.find((c) => c.name === o.slo);

	attr(node, 'class', misses ? 'missing' : null);
	attr(node, 'data-tenant', o.tenant);
	attr(node, 'data-slo', o.slo);
	if (cells.sign.childElementCount !== (misses ? 1 : 0))
		cells.sign.replaceChildren(...(misses ? [mark('bad'), ' ', h('span', {class: 'unseen'}, 'misses its SLO: ')] : []));
	text(cells.who, nameOf(o.tenant));
	put(cells.slo, classOf(o.slo));
	attr(cells.slo, 'title', slo ? targetsOf(slo) : null);
	put(cells.target, percent(o.target));
	put(cells.met, percent(five.attainment));
	put(cells.missed, `${count(five.missed)} of ${count(five.met + five.missed)}`);
	for (const w of WINDOWS) {
		put(cells[`burn-${w}`], times(o.windows[w].burn));
		attr(cells[`burn-${w}`], 'class', o.windows[w].burn > 1 ? 'n bad' : 'n');
	}
	text(cells.left, percent(left));
	attr(cells.bar, 'width', Math.round(56 * Math.min(1, Math.max(left !== null && left < 0 ? 1 : 0, left ?? 0))));
	attr(cells.left.parentNode, 'class', `budget ${left < 0 ? 'spent' : left < 0.25 ? 'low' : ''}`);
	put(cells.cost, perHour(costOf(state, o)));
}

// By the objectives, which are listed whole only while there are few.
function costOf(state, o) {
	const of = state.now.objectives.filter((x) => x.tenant === o.tenant && x.slo === o.slo);
	const known = of.filter((x) => x.cost_per_hour_usd !== null);

	if (state.now.objectives_total > state.now.objectives.length || !known.length)
		return null;
	return known.reduce((sum, x) => sum + x.cost_per_hour_usd, 0);
}

export function draw(state) {
	if (!body)
		build();
	const rank = (o) => state.missing.has(`${o.tenant}\n${o.slo}`) ? 0 : 1;
	const wanted = find.value.toLowerCase();
	const all = state.now.slos.filter((o) => o.target !== null || o.met_total + o.missed_total > 0);
	const list = all.filter((o) => nameOf(o.tenant).toLowerCase().includes(wanted))
		.sort((a, b) => rank(a) - rank(b) || nameOf(a.tenant).localeCompare(nameOf(b.tenant))
			|| classOf(a.slo).localeCompare(classOf(b.slo)));
	const [finder, table, empty] = byId('tenant-table').children;

	attr(finder, 'hidden', all.length <= 12 && !wanted);
	attr(table, 'hidden', !list.length);
	const {rows} = state.now.slo_5m;
	const most = rows > all.length ? `the ${count(all.length)} that missed most, of ${count(rows)}` : '';

	attr(empty, 'hidden', list.length > 0 && !most);
	text(empty, list.length && most ? `These are of ${most}; /metrics has all.`
		: wanted ? `No tenant's name has “${find.value}” in it${most ? ` among ${most}; /metrics has all` : ''}.`
			: 'No request had a target yet. Give a class targets with `slo` in gateway.conf, or send x-slo-ttft-ms.');
	keyed(body, list, (o) => `${o.tenant}\n${o.slo}`, make, (row, o) => update(row, o, state));
}
