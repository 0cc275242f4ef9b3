// A word that a tab or a browser remembers; where a browser forbids that,
// this page does.

export function remembered(storage, name) {
	let word = null;
	const attempt = (act) => {
		try {
			return act(storage());
		} catch {
			return null;
		}
	};

	return {
		get: () => attempt((s) => s.getItem(name)) ?? word,
		set(value) {
			word = value;
			attempt((s) => s.setItem(name, value));
		},
		forget() {
			word = null;
			attempt((s) => s.removeItem(name));
		},
	};
}
