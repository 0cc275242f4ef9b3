#!/usr/bin/env python3
"""Writes pointsman.json, the dashboard that is beside it, from the table below.

usage: tools/grafana/make_dashboard.py > tools/grafana/pointsman.json

A row is a headline, a panel is a title, a unit and queries with their legends.
Tests ask a Prometheus every one of the queries.
"""
import json

TENANT = 'tenant=~"$tenant"'
MODEL = 'model=~"$model"'
GEN_AI = 'gen_ai_request_model=~"$model"'
RATE = "[$__rate_interval]"


def rate(metric, labels, by):
    return f"sum by ({by}) (rate({metric}{{{labels}}}{RATE}))"


def quantile(q, metric, labels="", by=""):
    names = f"le, {by}" if by else "le"
    return (f"histogram_quantile({q}, sum by ({names}) "
            f"(rate({metric}_bucket{{{labels}}}{RATE})))")


# What an autoscaler may aim at: a fifth more than was wanted of late.
SLOTS_TO_HAVE = ("1.2 * max_over_time(sum by (model) "
                 "(pointsman_model_wanted_slots)[5m:15s])")

ROWS = [
    ("Objectives", [
        ("Attainment, 5 minutes", "percentunit", [
            (f'pointsman_slo_attainment_ratio{{{TENANT},window="5m"}}',
             "{{tenant}} {{slo}}")]),
        ("Error budget left, 3 days", "percentunit", [
            (f"pointsman_slo_error_budget_ratio{{{TENANT}}}",
             "{{tenant}} {{slo}}")]),
        ("Burn rate, 1 hour", "none", [
            (f'pointsman_slo_burn_rate{{{TENANT},window="1h"}}',
             "{{tenant}} {{slo}}")]),
        ("Requests that missed a target", "reqps", [
            (rate("pointsman_slo_missed_total", TENANT, "tenant, slo"),
             "{{tenant}} {{slo}}")]),
        ("Because of which backend", "reqps", [
            (rate("pointsman_slo_blamed_total", MODEL,
                  "backend, model, cause"),
             "{{backend}} {{model}} {{cause}}")]),
    ]),
    ("Traffic", [
        ("Requests by result", "reqps", [
            (rate("pointsman_requests_total", f"{TENANT},{MODEL}",
                  "model, result"), "{{model}} {{result}}")]),
        ("Answers by status", "reqps", [
            (rate("pointsman_requests_total", f"{TENANT},{MODEL}", "code"),
             "{{code}}")]),
        ("Tokens", "none", [
            (rate("pointsman_tokens_total", f"{TENANT},{MODEL}",
                  "model, type"), "{{model}} {{type}}")]),
        ("Cost in an hour", "currencyUSD", [
            ("3600 * " + rate("pointsman_cost_usd_total",
                              f"{TENANT},{MODEL}", "tenant, model"),
             "{{tenant}} {{model}}")]),
        ("Decisions by reason", "reqps", [
            (rate("pointsman_decisions_total", MODEL, "model, reason"),
             "{{model}} {{reason}}")]),
        ("Retries and hedges", "reqps", [
            (rate("pointsman_retries_total", MODEL, "model"),
             "retries {{model}}"),
            (rate("pointsman_hedges_total", MODEL, "model"),
             "hedges {{model}}")]),
    ]),
    ("Latency, as clients see it", [
        ("Time to first token", "s", [
            (quantile(q, "gen_ai_server_time_to_first_token_seconds", GEN_AI,
                      "gen_ai_request_model"),
             f"p{p} {{{{gen_ai_request_model}}}}")
            for q, p in ((0.5, 50), (0.95, 95), (0.99, 99))]),
        ("Time per output token", "s", [
            (quantile(q, "gen_ai_server_time_per_output_token_seconds",
                      GEN_AI, "gen_ai_request_model"),
             f"p{p} {{{{gen_ai_request_model}}}}")
            for q, p in ((0.5, 50), (0.95, 95))]),
        ("Whole requests", "s", [
            (quantile(0.95, "gen_ai_server_request_duration_seconds", GEN_AI,
                      "gen_ai_request_model"),
             "p95 {{gen_ai_request_model}}")]),
    ]),
    ("Backends", [
        ("Time to first token, p95 of the last minute", "s", [
            (f'pointsman_latency_seconds{{{MODEL},phase="ttft",'
             'quantile="0.95"}', "{{backend}} {{model}}")]),
        ("Time between tokens, p95 of the last minute", "s", [
            (f'pointsman_latency_seconds{{{MODEL},phase="itl",'
             'quantile="0.95"}', "{{backend}} {{model}}")]),
        ("Attempts that failed, by fault", "reqps", [
            (rate("pointsman_attempts_total", f'{MODEL},fault!="none"',
                  "backend, fault"), "{{backend}} {{fault}}")]),
        ("Attempts", "reqps", [
            (rate("pointsman_attempts_total", MODEL, "backend, model"),
             "{{backend}} {{model}}")]),
        ("Running on each", "none", [
            (f"pointsman_in_flight{{{MODEL}}}", "{{backend}} {{model}}")]),
        ("Usable", "bool", [
            (f"pointsman_serving_usable{{{MODEL}}}",
             "{{backend}} {{model}}")]),
    ]),
    ("Capacity", [
        ("Slots wanted, and warm", "none", [
            (f"pointsman_model_wanted_slots{{{MODEL}}}", "wanted {{model}}"),
            (f'pointsman_model_slots{{{MODEL},state="warm"}}',
             "warm {{model}}"),
            (SLOTS_TO_HAVE, "to have {{model}}")]),
        ("Servings by state", "none", [
            (f"sum by (model, state) (pointsman_model_servings{{{MODEL}}})",
             "{{model}} {{state}}")]),
        ("Waiting in the queue", "none", [
            ("pointsman_queue_length", "{{instance}}")]),
    ]),
    ("The gateway itself", [
        ("Overhead before a backend is asked", "s", [
            (quantile(q, "pointsman_overhead_seconds"), f"p{p}")
            for q, p in ((0.5, 50), (0.99, 99))]),
        ("Open requests and connections", "none", [
            ("pointsman_open_requests", "requests {{instance}}"),
            ("pointsman_open_connections", "connections {{instance}}")]),
        ("Processor", "none", [
            (f"rate(process_cpu_seconds_total{{job=\"pointsman\"}}{RATE})",
             "cores {{instance}}")]),
        ("Memory", "bytes", [
            ('process_resident_memory_bytes{job="pointsman"}',
             "{{instance}}")]),
        ("Lost log lines and traces", "none", [
            (f"rate(pointsman_access_log_dropped_total{RATE})", "access log"),
            (f"rate(pointsman_log_dropped_total{RATE})", "log"),
            (f"rate(pointsman_traces_dropped_total{RATE})", "traces")]),
    ]),
]

WIDTH, HEIGHT, ACROSS = 8, 8, 3
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def panel(number, title, unit, queries, x, y):
    return {
        "id": number, "type": "timeseries", "title": title,
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"},
                    "tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": [
            {"refId": chr(ord("A") + i), "expr": expr, "legendFormat": legend,
             "datasource": SOURCE}
            for i, (expr, legend) in enumerate(queries)],
    }


def panels():
    out, y = [], 0
    for title, row in ROWS:
        out.append({"id": len(out) + 1, "type": "row", "title": title,
                    "collapsed": False, "panels": [],
                    "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        y += 1
        for i, (name, unit, queries) in enumerate(row):
            out.append(panel(len(out) + 1, name, unit, queries,
                             i % ACROSS * WIDTH, y + i // ACROSS * HEIGHT))
        y += (len(row) + ACROSS - 1) // ACROSS * HEIGHT
    return out


def variable(name, metric, label):
    query = f"label_values({metric}, {label})"
    return {"name": name, "label": name, "type": "query", "query": query,
            "definition": query, "datasource": SOURCE, "refresh": 2,
            "includeAll": True, "allValue": ".*", "multi": True,
            "current": {"text": "All", "value": "$__all"}}


def dashboard():
    return {
        "uid": "pointsman", "title": "Pointsman", "tags": ["pointsman"],
        "schemaVersion": 39, "version": 1, "editable": True,
        "refresh": "10s", "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [
            {"name": "datasource", "label": "datasource",
             "type": "datasource", "query": "prometheus"},
            variable("tenant", "pointsman_requests_total", "tenant"),
            variable("model", "pointsman_requests_total", "model"),
        ]},
        "annotations": {"list": []},
        "panels": panels(),
    }


if __name__ == "__main__":
    print(json.dumps(dashboard(), indent=1))
