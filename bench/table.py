"""The tables that bench/run and bench/compare print, and their verdicts."""
import statistics

WIDTHS = (58, 22, 20, 18, 9, 6)


def cell(values, digits):
    """The median, with the quartiles where there are enough for them."""
    if not values:
        return "-"
    middle = f"{statistics.median(values):.{digits}f}"
    if len(values) < 4:
        return middle
    low, _, high = statistics.quantiles(values, n=4)
    return f"{middle} ({low:.{digits}f}-{high:.{digits}f})"


class Table:
    """Prints row by row, and counts what passed and what was missed."""

    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs
        self.verdicts = {"pass": 0, "MISS": 0, "not measured": 0}
        self.line("", "pointsman", "nginx", "ratio", "target", "")

    @staticmethod
    def line(*columns):
        print("".join(c.ljust(w) for c, w in zip(columns, WIDTHS)).rstrip())

    def judge(self, values, good):
        verdict = "not measured"
        if values:
            verdict = "pass" if good(statistics.median(values)) else "MISS"
        self.verdicts[verdict] += 1
        return verdict

    def row(self, title, key, digits=1, target=None, ratio_target=None,
            beside=None, ours=None):
        """`target` is for our own figure, `ratio_target` for its ratio to
        nginx's of the same turn; `beside`: nginx's key, if it is another;
        `ours`: the figures of a gateway that is set otherwise."""
        ours = (self.ours if ours is None else ours)[key]
        theirs = self.theirs[beside or key]
        ratios = [a / b for a, b in zip(ours, theirs) if b > 0]
        limit = verdict = ""
        if target is not None:
            limit = f"<= {target:g}"
            verdict = self.judge(ours, lambda v: round(v, digits) <= target)
        elif ratio_target is not None:
            limit = f"<= {ratio_target:g}x"
            verdict = self.judge(ratios, lambda v: v <= ratio_target)
        self.line(title, cell(ours, digits), cell(theirs, digits),
                  cell(ratios, 2), limit, verdict)

    def rival(self, title, key, theirs, least):
        """How many times as much another takes; theirs: its figures."""
        ours = self.ours[key]
        ratios = [b / a for a, b in zip(ours, theirs) if a > 0]
        verdict = self.judge(ratios, lambda v: v >= least)
        self.line(title, cell(ours, 1), cell(theirs, 1), cell(ratios, 1),
                  f">= {least:g}x", verdict)


def grid(rows, columns):
    """Rows of text under a header, each column as wide as it must be."""
    lines = [columns, *rows]
    widths = [max(len(line[i]) for line in lines)
              for i in range(len(columns))]
    for line in lines:
        print("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip())
