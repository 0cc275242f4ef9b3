// The last half hour, as columns: every series has a value for each of the
// times, the oldest first; null where nothing is known.

const ROOM = 360;

export class History {
	constructor() {
		this.times = []; // unix ms: the end of each step
		this.series = {servings: new Map(), objectives: new Map(), traffic: new Map()};
		this.cursor = null; // looked back to this index; null: at the newest
	}

	begin(doc) {
		this.times = [];
		this.cursor = null;
		for (const list of Object.values(this.series))
			list.clear();
		this.append(doc);
	}

	// The steps of a `history` or a `step` event.
	append(doc) {
		const last = this.times.at(-1);
		const first = doc.first_ms + doc.step_ms;

		if (doc.n > 0 && last !== undefined && first - last > 1.5 * doc.step_ms)
			this.grow([last + doc.step_ms], {}); // a gap in the picture
		this.grow(Array.from({length: doc.n}, (_, i) => first + i * doc.step_ms), doc);
		this.trim();
	}

	grow(times, doc) {
		const before = this.times.length;

		this.times.push(...times);
		for (const [kind, list] of Object.entries(this.series)) {
			for (const entry of doc[kind] ?? [])
				this.take(list, entry, before);
			for (const {steps} of list.values())
				for (const values of Object.values(steps))
					pad(values, this.times.length);
		}
	}

	take(list, entry, before) {
		const known = list.get(entry.key) ?? {...entry, steps: {}};

		list.set(entry.key, known);
		for (const [name, values] of Object.entries(entry.steps)) {
			known.steps[name] ??= [];
			pad(known.steps[name], before);
			known.steps[name].push(...values);
		}
	}

	trim() {
		const over = this.times.length - ROOM;

		if (over <= 0)
			return;
		this.times.splice(0, over);
		for (const list of Object.values(this.series))
			for (const [key, {steps}] of list) {
				for (const values of Object.values(steps))
					values.splice(0, over);
				if (Object.values(steps).every((v) => v.every((x) => x === null)))
					list.delete(key);
			}
		if (this.cursor !== null)
			this.cursor = Math.max(0, this.cursor - over);
	}

	// Of a series, by its names; [] where there is none.
	column(kind, key, name) {
		return this.series[kind].get(key)?.steps[name] ?? [];
	}

	// A value of each step, of several series added up; null where none has one.
	sum(kind, name, wanted = () => true) {
		const total = this.times.map(() => null);

		for (const entry of this.series[kind].values())
			if (wanted(entry))
				entry.steps[name]?.forEach((v, i) => {
					if (v !== null)
						total[i] = (total[i] ?? 0) + v;
				});
		return total;
	}

	// Where the cursor stands, or at the newest.
	at(values) {
		return values[this.cursor ?? this.times.length - 1] ?? null;
	}

	// When that is, in unix ms; null: now.
	moment() {
		return this.cursor === null ? null : this.times[this.cursor] ?? null;
	}
}

function pad(values, n) {
	while (values.length < n)
		values.push(null);
}
