"""The table that bench/run prints, and its verdicts."""
import statistics

WIDTHS = (44, 20, 20, 18, 8, 6)


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
    """Prints row by row, and remembers whether a target was missed."""

    def __init__(self, ours, theirs):
        self.ours, self.theirs, self.missed = ours, theirs, False
        self.line("", "pointsman", "nginx", "ratio", "target", "")

    @staticmethod
    def line(*columns):
        print("".join(c.ljust(w) for c, w in zip(columns, WIDTHS)).rstrip())

    def judge(self, values, target):
        if not values:
            return "not measured"
        good = statistics.median(values) <= target
        self.missed |= not good
        return "pass" if good else "MISS"

    def row(self, title, key, digits=1, target=None, ratio_target=None):
        """`target` is for our own figure, `ratio_target` for its ratio to
        nginx's of the same turn."""
        ours, theirs = self.ours[key], self.theirs[key]
        ratios = [a / b for a, b in zip(ours, theirs) if b > 0]
        limit = verdict = ""
        if target is not None:
            limit, verdict = f"<= {target:g}", self.judge(ours, target)
        elif ratio_target is not None:
            limit = f"<= {ratio_target:g}x"
            verdict = self.judge(ratios, ratio_target)
        self.line(title, cell(ours, digits), cell(theirs, digits),
                  cell(ratios, 2), limit, verdict)
