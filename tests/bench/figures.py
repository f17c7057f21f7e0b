"""The figures of one run: medians, ratios, what they are held against. See report.py."""
import json
import math
import statistics
from pathlib import Path

OURS, SDK, C_ABI = "backstage", "backstage-plugin", "backstage-c"
# The gateway by its other ways: batched, through `pub`, encrypted.
OTHER_WAYS = ("backstage-batch", "backstage-pub", "backstage-curve", "backstage-curve-batch")
# What the machine allows; no products.
LIMITS = ("limit", "limit-ring", "tcp", "tcp-spin", "zmtp-native", "zmtp-native-spin", "zmq-direct",
          "zmq-line")
LOWER_IS_BETTER = ("us", "ns", "bytes/actor", "bytes/conn")


class BadInput(Exception):
    """What is wrong with a file, and what to do about it."""


def read_json(path):
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read ({error})\n  next: scripts/bench.sh makes it, "
                       f"git checkout {path} brings one back that is tracked") from error


def measurement(line):
    """Row, peer, value and unit of one line; ValueError when it is none."""
    told = json.loads(line)
    if not isinstance(told, dict):
        raise ValueError("no object")
    row, peer, value, unit = (told.get(key) for key in ("row", "peer", "value", "unit"))
    if not all(isinstance(text, str) and text for text in (row, peer, unit)):
        raise ValueError("row, peer or unit is missing")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("the value is no number")
    # Differences (ns) may be below nothing; rates and sizes may not.
    if value <= 0 and unit != "ns":
        raise ValueError("the value is not positive")
    return row, peer, float(value), unit


def read_raw(path):
    """({row: {"unit", "peers": {peer: [values]}}}, [what is wrong with which line])."""
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error})\n  next: scripts/bench.sh") from error
    rows, problems = {}, []
    for number, line in enumerate(lines, 1):
        try:
            row, peer, value, unit = measurement(line)
            known = rows.setdefault(row, {"unit": unit, "peers": {}})
            if known["unit"] != unit:
                raise ValueError(f"the unit is {unit}, the row's is {known['unit']}")
            known["peers"].setdefault(peer, []).append(value)
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    return rows, problems


def summary(values):
    return {"n": len(values), "median": statistics.median(values), "min": min(values),
            "max": max(values)}


def is_product(peer):
    return peer not in (*LIMITS, OURS, SDK, C_ABI, *OTHER_WAYS) and "+" not in peer


def times_better(ours, theirs, unit):
    """How many times `ours` is `theirs`; over 1 is better, for times and bytes too."""
    if ours is None or theirs is None or ours <= 0 or theirs <= 0:
        return None
    return theirs / ours if unit in LOWER_IS_BETTER else ours / theirs


def best_of(peers, unit, wanted):
    """(peer, median) of the best one that `wanted` takes, or (None, None)."""
    medians = {peer: of["median"] for peer, of in peers.items() if wanted(peer)}
    if not medians:
        return None, None
    best = (min if unit in LOWER_IS_BETTER else max)(medians, key=medians.get)
    return best, medians[best]


def judge(value, target, is_ceiling=False):
    """met or not; None without a value or a target."""
    if value is None or target is None:
        return None
    return value <= target if is_ceiling else value >= target


def median_of(rows, row, peer):
    return rows.get(row, {}).get("peers", {}).get(peer, {}).get("median")


def row_result(measured, target, facts, conversion):
    """One row of results.json: what was measured, ratios, and what they are held against."""
    unit = measured["unit"]
    peers = {peer: summary(values) for peer, values in measured["peers"].items()}
    ours = peers.get(OURS, {}).get("median")
    best, best_median = best_of(peers, unit, is_product)
    _, limit = best_of(peers, unit, lambda peer: peer in LIMITS)
    caf = peers.get(conversion["peer"], {}).get("median")
    result = {"unit": unit, "peers": peers, "best_measured": best,
              "x_limit": times_better(ours, limit, unit),
              "x_best_measured": times_better(ours, best_median, unit),
              "x_caf": times_better(ours, caf, unit), "x_best_of_all": None}
    # The factor is of one version: it says nothing of another.
    if target and result["x_caf"] is not None and facts["caf"] == conversion["version"]:
        result["x_best_of_all"] = result["x_caf"] / target["best_over_caf"]
    if not target:
        return result
    is_bytes = target.get("is_bytes", False)
    ratios = [result["x_best_measured"], result["x_best_of_all"]]
    # The harder of the two: a peer measured here may be further ahead than the conversion says.
    held = ours if is_bytes else None if None in ratios else min(ratios)
    return result | {"must": target["must"], "goal": target["goal"], "is_bytes": is_bytes,
                     "judged": held, "must_met": judge(held, target["must"], is_bytes),
                     "goal_met": judge(held, target["goal"], is_bytes)}


def two_workers(rows, targets):
    """Our two workers over our one, for each load that has both rows."""
    rule, results = targets["two_workers"], {}
    for row in targets["rows"]:
        if not row.endswith(" t1"):
            continue
        load = row[:-3]
        ratio = times_better(median_of(rows, f"{load} t2", OURS), median_of(rows, row, OURS),
                             rows.get(row, {}).get("unit"))
        goal = rule["goal"] if load.split()[0] in rule["goal_for"] else None
        results[load] = {"ratio": ratio, "must": rule["must"], "goal": goal,
                         "must_met": judge(ratio, rule["must"]), "goal_met": judge(ratio, goal)}
    return results


def plugins(rows, targets):
    """The way through a plugin over the same row in process."""
    rule, results = targets["plugin"], {}
    for row in targets["rows"]:
        if row.split()[0] not in rule["rows"]:
            continue
        unit, ours = rows.get(row, {}).get("unit"), median_of(rows, row, OURS)
        ratio = times_better(median_of(rows, row, SDK), ours, unit)
        results[row] = {"sdk": ratio, "c": times_better(median_of(rows, row, C_ABI), ours, unit),
                        "must": rule["must"], "must_met": judge(ratio, rule["must"])}
    return results


def abi_calls(rows, targets):
    must = targets["abi_call"]["must_ns"]
    calls = {}
    for peer in (C_ABI, SDK):
        added = rows.get("abi_call", {}).get("peers", {}).get(peer)
        calls[peer] = {"added": added, "must": must,
                       "adapter": median_of(rows, "abi_call.adapter", peer),
                       "direct": median_of(rows, "abi_call.direct", peer),
                       "must_met": judge(added and added["median"], must, is_ceiling=True)}
    return calls


def gateway(raw, targets):
    """Each gateway target: our rounds held against a peer's, round by round."""
    results = {}
    for target in targets["gateway"]:
        measured = raw.get(target["row"], {"unit": None, "peers": {}})
        pairs = list(zip(measured["peers"].get(target["ours"], []),
                         measured["peers"].get(target["over"], [])))
        is_bytes = target.get("is_bytes", False)
        values = [ours - theirs if is_bytes else times_better(ours, theirs, measured["unit"])
                  for ours, theirs in pairs]
        of = summary(values) if values else None
        must, goal = target.get("must"), target.get("goal")
        results[target["name"]] = {
            "of": of, "must": must, "goal": goal, "is_bytes": is_bytes, "peer": target["over"],
            "must_met": judge(of and of["median"], must, is_bytes),
            "goal_met": judge(of and of["median"], goal, is_bytes)}
    return results


def results_of(raw, problems, facts, targets):
    rows = {}
    for row in [*targets["rows"], *(row for row in raw if row not in targets["rows"])]:
        measured = raw.get(row, {"unit": None, "peers": {}})
        rows[row] = row_result(measured, targets["rows"].get(row), facts, targets["conversion"])
    return {"facts": facts, "unreadable": problems, "rows": rows,
            "two_workers": two_workers(rows, targets), "plugin": plugins(rows, targets),
            "abi_call": abi_calls(rows, targets), "gateway": gateway(raw, targets)}
