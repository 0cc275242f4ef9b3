"""The picture of bench/truth: two servers, foreseen against happened."""
import plot_runs
import svg
import truth_odds

WIDE, HIGH = 290, 190


def percents(panel, name):
    panel.ticks_y((0, 0.25, 0.5, 0.75, 1), lambda v: f"{100 * v:.0f} %", name)


def dots(p, panel, parts, place, colour):
    for part in parts:
        met = sum(c.met for c in part)
        low, high = plot_runs.between(len(part), met)
        x, y = panel.at(place(part), met / len(part))
        p.line(x, panel.at(0, low)[1], x, panel.at(0, high)[1], colour)
        p.dot(x, y, 3.5, colour)


def foreseen(part):
    return sum(c.chance for c in part) / len(part)


def usual_length(part):
    return sum(c.tokens for c in part) / len(part)


def by_length(p, x, mine, first):
    most = max(c.tokens for c in mine)
    panel = svg.Panel(p, (x, 50, WIDE, HIGH), lambda v: v / most, lambda v: v)
    panel.ticks_x(range(0, most + 1, 10), str,
                  "prompt, tokens (means of deciles)")
    percents(panel, "met its targets" if first else "")
    parts = truth_odds.deciles(mine)
    p.path([panel.at(usual_length(part), foreseen(part)) for part in parts],
           svg.PALETTE[1], 2)
    dots(p, panel, parts, usual_length, svg.PALETTE[0])
    panel.frame()


def by_chance(p, x, mine, first):
    panel = svg.Panel(p, (x, 330, WIDE, HIGH), lambda v: v, lambda v: v)
    panel.ticks_x((0, 0.25, 0.5, 0.75, 1), lambda v: f"{100 * v:.0f} %",
                  "chance foreseen (means of tenths)")
    percents(panel, "met its targets" if first else "")
    p.line(*panel.at(0, 0), *panel.at(1, 1), svg.PALETTE[1], 2)
    dots(p, panel, truth_odds.tenths(mine, lambda c: c.chance), foreseen,
         svg.PALETTE[0])
    panel.frame()


def draw(list_, servers, path):
    p = svg.Picture(760, 590, "Two llama.cpp servers: chances foreseen, and "
                    "what happened")
    p.legend(60, 18, [(svg.PALETTE[1], "foreseen"),
                      (svg.PALETTE[0], "happened, with 95 % intervals")])
    for k, (name, (threads, alias)) in enumerate(servers.items()):
        mine, x = [c for c in list_ if c.backend == name], 70 + 370 * k
        p.text(x + WIDE / 2, 42, f"{alias}, threads: {threads}; "
               f"{len(mine)} requests", 13, "middle", bold=True)
        by_length(p, x, mine, k == 0)
        by_chance(p, x, mine, k == 0)
    p.save(path)
