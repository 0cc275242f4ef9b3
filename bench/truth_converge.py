"""A profile in gateway.conf that is ten times wrong: how soon what the router
expects is what it measures.
"""
import statistics

from truth_stage import in_order, receipt, verdict

REQUESTS = 120
EARLY, LATE = slice(0, 3), slice(80, 100)
CLOSE = 1.3  # of the medians, by the hundredth request; either way


def conf(name, adapter, port, profile, factor, slots):
    rtt, step, sequence, token = (factor * v for v in profile)  # ms
    return (f'backends = ( {{ name = "{name}"; adapter = "{adapter}"; '
            f'url = "http://127.0.0.1:{port}/v1"; slots = {slots};\n  price = '
            '{ input = 0; output = 0; }; '
            f'profile = {{ rtt = "{rtt * 1e3:.0f}us"; '
            f'step = "{step * 1e3:.0f}us"; per_sequence = '
            f'"{sequence * 1e3:.0f}us"; per_token = {token * 1e3:.3f}; }}; }} '
            f');\nmodels = ( {{ name = "m"; serve = ( {{ backend = "{name}"; '
            'model = "*"; } ); } );\ndefault_model = "m";\n')


def ratios(admin, lines):
    """Expected by measured, of TTFT and of ITL, in order of arrival."""
    ttft, itl = [], []
    for q in in_order(lines):
        r = receipt(admin, q["receipt"]) if q["receipt"] else None
        if r is None or q["status"] != "200":
            continue
        plan = next((p for p in r["plans"] if p["kind"] == "go"), None)
        took = r["outcome"]["attempts"][-1]
        if plan is None or not plan["candidates"]:
            continue
        expected = plan["candidates"][0]["expected"]
        if took["ttft_ms"]:
            ttft.append(expected["ttft_ms"] / took["ttft_ms"])
        if took["itl_ms"]:
            itl.append(expected["itl_ms"] / took["itl_ms"])
    return ttft, itl


def median(values):
    return statistics.median(values) if values else float("nan")


def settled(early, late):
    return 1 / CLOSE <= late <= CLOSE


def run(stage, name, adapter, port, profile, slots, load):
    """profile: the true one, in ms. load: options of the load test."""
    good = True
    for factor, word in ((10, "ten times too slow"), (0.1, "ten times too fast")):
        tag = f"converge-{name}-{factor:g}"
        gate, admin = stage.gateway(
            tag, conf(name, adapter, port, profile, factor, slots), {})
        _, lines = stage.loadtest(tag, gate, [
            "--requests", str(REQUESTS), "--model", "m", *load], {}, 300)
        for term, values in zip(("TTFT", "ITL"), ratios(admin, lines)):
            early, late = median(values[EARLY]), median(values[LATE])
            good = verdict(
                settled(early, late),
                f"{name}, told {word}: {term} expected by measured was "
                f"{early:.2f} in requests 1 to 3, {late:.2f} in 81 to 100 "
                f"(within {CLOSE:g} times)") and good
        stage.end(tag)
    return good
