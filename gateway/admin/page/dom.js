// Nodes, made and kept up to date. Text goes in as text, never as markup:
// names on this page are chosen by strangers.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes ?? {})) {
		if (typeof value === 'function')
			node.addEventListener(name, value);
		else
			attr(node, name, value);
	}
	node.append(...children.flat().filter((c) => c !== null && c !== undefined));
	return node;
}

// h('td', {class: 'n'}, 'text', node): a function is a listener of its event.
export function h(tag, attributes, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

export function s(tag, attributes, ...children) {
	return fill(document.createElementNS(SVG, tag), attributes, children);
}

export const byId = (id) => document.getElementById(id);

// Only what differs is written: a screen reader, a selection and the focus are
// left alone by a page that is told the same again.
export function text(node, value) {
	if (node.textContent !== value)
		node.textContent = value;
	return node;
}

// null and false take it away, true sets it empty.
export function attr(node, name, value) {
	if (value === null || value === undefined || value === false)
		node.removeAttribute(name);
	else if (node.getAttribute(name) !== String(value === true ? '' : value))
		node.setAttribute(name, value === true ? '' : value);
	return node;
}

const kept = new WeakMap(); // of a parent: its rows by key

// The children of `parent` become one for each item, in that order. A child is
// made once for its key and then updated.
export function keyed(parent, items, keyOf, make, update) {
	const old = kept.get(parent) ?? new Map();
	const rows = new Map();
	let at = null;

	for (const item of items) {
		const key = keyOf(item);
		const row = rows.get(key) ?? old.get(key) ?? make(item);

		old.delete(key);
		rows.set(key, row);
		update(row, item);
		const next = at ? at.nextElementSibling : parent.firstElementChild;
		if (row.node !== next)
			parent.insertBefore(row.node, next);
		at = row.node;
	}
	for (const row of old.values()) {
		row.end?.();
		row.node.remove();
	}
	kept.set(parent, rows);
}

// A symbol for the eye, with words beside it.
export function mark(kind) {
	const symbols = {bad: '▲', warn: '◆', good: '●', none: '○'};

	return h('span', {class: `mark ${kind}`, 'aria-hidden': 'true'}, symbols[kind]);
}
