"""Enough of SVG for bench/plot_sim.py: shapes, text, axes.

Grounds are transparent and inks of middle brightness, so that a picture is
readable on a light page and on a dark one. Coordinates are rounded: equal
figures give equal bytes.
"""
from xml.sax.saxutils import escape

INK = "#768390"  # text and axes
GRID = "#76839044"
FONT = "font-family='system-ui,sans-serif'"
PALETTE = ("#2f81c7", "#d9822b", "#3f9b5f", "#b0519b", "#c94c4c", "#8a7a2f",
           "#3fa3a8", "#7d6bc9")


def number(v):
    return f"{v:.1f}".rstrip("0").rstrip(".")


def paint(what, colour):
    """#rrggbb, or #rrggbbaa in the words that every viewer knows."""
    if len(colour) != 9:
        return f"{what}='{colour}'"
    return (f"{what}='{colour[:7]}' "
            f"{what}-opacity='{int(colour[7:], 16) / 255:.2f}'")


class Picture:
    def __init__(self, width, height, title):
        self.width, self.height = width, height
        self.parts = [f"<title>{escape(title)}</title>"]

    def rect(self, x, y, w, h, fill, hint=""):
        inside = f"<title>{escape(hint)}</title>" if hint else ""
        self.parts.append(
            f"<rect x='{number(x)}' y='{number(y)}' width='{number(w)}' "
            f"height='{number(h)}' {paint('fill', fill)}" +
            (f">{inside}</rect>" if inside else "/>"))

    def line(self, x1, y1, x2, y2, stroke=INK, width=1, dash=""):
        self.parts.append(
            f"<line x1='{number(x1)}' y1='{number(y1)}' x2='{number(x2)}' "
            f"y2='{number(y2)}' {paint('stroke', stroke)} "
            f"stroke-width='{width}'" +
            (f" stroke-dasharray='{dash}'" if dash else "") + "/>")

    def path(self, points, stroke, width=1.5):
        text = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        self.parts.append(f"<polyline points='{text}' fill='none' "
                          f"stroke='{stroke}' stroke-width='{width}'/>")

    def dot(self, x, y, r, fill, stroke="none"):
        self.parts.append(
            f"<circle cx='{number(x)}' cy='{number(y)}' r='{number(r)}' "
            f"fill='{fill}' stroke='{stroke}' stroke-width='1.5'/>")

    def text(self, x, y, text, size=12, anchor="start", fill=INK, bold=False,
             turn=0):
        self.parts.append(
            f"<text x='{number(x)}' y='{number(y)}' font-size='{size}' "
            f"text-anchor='{anchor}' fill='{fill}'" +
            (" font-weight='600'" if bold else "") +
            (f" transform='rotate({turn} {number(x)} {number(y)})'"
             if turn else "") + f">{escape(text)}</text>")

    def legend(self, x, y, entries):
        """Colours and what they stand for, in a row."""
        for colour, label in entries:
            self.rect(x, y - 9, 10, 10, colour)
            self.text(x + 15, y, label)
            x += 28 + 7 * len(label)

    def save(self, path):
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"<svg xmlns='http://www.w3.org/2000/svg' width='"
                    f"{self.width}' height='{self.height}' viewBox='0 0 "
                    f"{self.width} {self.height}' {FONT}>\n")
            f.write("\n".join(self.parts))
            f.write("\n</svg>\n")


class Panel:
    """A rectangle with a scale each way: value -> place by two functions that
    map to 0..1."""

    def __init__(self, picture, box, across, upwards):
        self.p = picture
        self.x, self.y, self.w, self.h = box
        self.across, self.upwards = across, upwards

    def at(self, x, y):
        return (self.x + self.w * self.across(x),
                self.y + self.h * (1 - self.upwards(y)))

    def ticks_x(self, values, label, name=""):
        for v in values:
            x, _ = self.at(v, 0)
            self.p.line(x, self.y, x, self.y + self.h, GRID)
            self.p.text(x, self.y + self.h + 16, label(v), 11, "middle")
        self.p.text(self.x + self.w / 2, self.y + self.h + 34, name, 12,
                    "middle")

    def ticks_y(self, values, label, name=""):
        for v in values:
            y = self.y + self.h * (1 - self.upwards(v))
            self.p.line(self.x, y, self.x + self.w, y, GRID)
            self.p.text(self.x - 6, y + 4, label(v), 11, "end")
        self.p.text(self.x - 46, self.y + self.h / 2, name, 12, "middle",
                    turn=-90)

    def frame(self):
        self.p.line(self.x, self.y + self.h, self.x + self.w, self.y + self.h)
        self.p.line(self.x, self.y, self.x, self.y + self.h)
