#!/usr/bin/env python3
"""Makes RESULTS.md and results.json of one run: medians with spread, ratios, targets.

    tests/bench/report.py --raw results.jsonl --facts facts.json --targets targets.json
        --misses misses.json --out DIR

`raw` has run_all.py's lines, `facts` what facts.py says of the machine. Nothing is measured or
assumed here: a row without lines says "not measured", a line that cannot be read is named.
"""
import argparse
import json
import sys
from pathlib import Path

from figures import (C_ABI, LIMITS, OURS, SDK, BadInput, median_of, read_json, read_raw,
                     results_of)

NOT_MEASURED, NOT_JUDGED, NOTHING = "not measured", "not judged", "-"
# Shown beside the engine's loads even when nothing of them was measured; others only when it was.
PEERS_SHOWN = ("limit", "caf", "erlang")


def table(head, lines):
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows) + "\n"


def scaled(value):
    """(divisor, suffix, decimals) to show numbers around `value` with."""
    divisor, suffix = (1e6, " M") if value >= 1e6 else (1e3, " k") if value >= 1e4 else (1.0, "")
    shown = abs(value / divisor)
    return divisor, suffix, 0 if shown >= 1000 else 1 if shown >= 100 else 2


def spread(of, repetitions):
    """Median [min-max], and how many when fewer than were asked for."""
    if not of:
        return NOTHING
    divisor, suffix, decimals = scaled(of["median"])
    median, low, high = (f"{of[key] / divisor:.{decimals}f}" for key in ("median", "min", "max"))
    few = "" if of["n"] == repetitions else f" (n={of['n']})"
    return f"{median} [{low}-{high}]{suffix}{few}"


def ratio(value):
    return NOTHING if value is None else f"{value:.2f}"


def verdict(result):
    if result.get("must_met") is None:
        return NOT_JUDGED
    if not result["must_met"]:
        return "**missed**"
    return "goal met" if result.get("goal_met") else "must met"


def columns(rows, names, shown):
    """Peers of these rows, and those always shown: limits first, ours last."""
    seen = {peer for name in names for peer in rows[name]["peers"]}
    ours = [peer for peer in (OURS, SDK, C_ABI) if peer in seen or peer == OURS]
    limits = [peer for peer in LIMITS if peer in seen or peer in shown]
    others = sorted((seen | set(shown)) - set(ours) - set(LIMITS))
    return limits + others + ours


def measured_table(rows, names, repetitions, shown=(), has_ratio=False):
    peers = columns(rows, names, shown)
    lines = []
    for name in names:
        row = rows[name]
        cells = [spread(row["peers"].get(peer), repetitions) for peer in peers]
        if not row["peers"].get(OURS):
            cells[peers.index(OURS)] = NOT_MEASURED
        compared = [best_measured(row)] if has_ratio else []
        lines.append([name, row["unit"] or NOTHING, *cells, *compared])
    return table(["row", "unit", *peers, *(["x best measured"] if has_ratio else [])], lines)


def best_measured(row):
    """The ratio to the best peer of this run, and which one that is."""
    value = row["x_best_measured"]
    return NOTHING if value is None else f"{ratio(value)} ({row['best_measured']})"


def target_table(rows, names):
    lines = []
    for name in names:
        row = rows[name]
        is_measured = OURS in row["peers"]
        unit = " B" if row["is_bytes"] else ""
        lines.append([name, ratio(row["x_limit"]), best_measured(row), ratio(row["x_caf"]),
                      ratio(row["x_best_of_all"]), f"{row['must']}{unit}", f"{row['goal']}{unit}",
                      verdict(row) if is_measured else NOT_MEASURED])
    return table(["row", "x limit", "x best measured", "x CAF", "x best of all", "must", "goal",
                  "verdict"], lines)


def two_workers_table(results):
    lines = [[load, ratio(of["ratio"]), of["must"], of["goal"] or NOTHING,
              NOT_MEASURED if of["ratio"] is None else verdict(of)]
             for load, of in results.items()]
    return table(["load", "2 workers / 1 worker", "must", "goal", "verdict"], lines)


def plugin_table(results):
    lines = [[row, ratio(of["sdk"]), ratio(of["c"]), of["must"],
              NOT_MEASURED if of["sdk"] is None else verdict(of)] for row, of in results.items()]
    return table(["row", "C++ SDK / in process", "C ABI / in process", "must (SDK)", "verdict"],
                 lines)


def abi_table(results, repetitions):
    lines = []
    for peer, of in results.items():
        shown = [NOTHING if of[key] is None else f"{of[key]:.1f}" for key in ("adapter", "direct")]
        lines.append([peer, *shown, spread(of["added"], repetitions), of["must"],
                      NOT_MEASURED if of["added"] is None else verdict(of)])
    return table(["way", "through the host, ns", "direct call, ns", "added, ns", "at most",
                  "verdict"], lines)


def gateway_verdict(of):
    if of["must"] is None and of["goal"] is None:
        return "reported"
    if of["must"] is None:
        return "goal met" if of["goal_met"] else "**missed**"
    return verdict(of)


def gateway_table(results, repetitions):
    lines = []
    for name, of in results.items():
        unit = " B" if of["is_bytes"] else ""
        shown = ["" if of[key] is None else f"{of[key]}{unit}" for key in ("must", "goal")]
        lines.append([name, spread(of["of"], repetitions), *(cell or NOTHING for cell in shown),
                      NOT_MEASURED if of["of"] is None else gateway_verdict(of)])
    return table(["what", "measured", "must", "goal", "verdict"], lines)


def tally(rows, names):
    """One sentence: how many rows reach what."""
    measured = [rows[name] for name in names if OURS in rows[name]["peers"]]
    judged = [row for row in measured if row["must_met"] is not None]
    return (f"Of {len(names)} rows with targets {len(measured)} were measured and {len(judged)} "
            f"judged: must met in {sum(row['must_met'] for row in judged)}, "
            f"goal in {sum(row['goal_met'] for row in judged)}.")


def head(facts):
    caf = facts["caf"] or "not installed"
    return f"""# Results of one run

Written by scripts/bench.sh; no figure here is typed by hand.

| what | |
| --- | --- |
| date | {facts['date']} |
| commit | {facts['commit']} |
| machine | {facts['cpu']}, {facts['cpus']} CPUs, {facts['kernel']} |
| load average | {facts['load_begin']} at the begin, {facts['load_end']} at the end |
| compiler | {facts['compiler']} |
| peers | CAF {caf}, Erlang/OTP {facts['erlang'] or 'not installed'} |
| repetitions | {facts['repetitions']}, interleaved over all peers; median [min-max] |
| rows | {facts['only'] or 'all'} |
"""


def missed_loads(results):
    """The workloads with a row that missed, in order; `plugin` for the way through one."""
    def missed(judged):
        return [name for name, row in judged.items() if row.get("must_met") is False]
    loads = {name.split()[0] for name in missed(results["rows"]) + missed(results["two_workers"])}
    is_plugin_missed = missed(results["plugin"]) or missed(results["abi_call"])
    return sorted(loads) + (["plugin"] if is_plugin_missed else [])


def misses_section(results, misses):
    """What stands between us and the targets that this run missed, as far as anybody wrote it."""
    parts = ["## What was missed, and why\n", misses["source"] + "\n"]
    for load in missed_loads(results):
        why = misses.get(load)
        if why is None:
            parts.append(f"**{load}**: nobody has looked yet.\n")
            continue
        parts.append(f"**{load}**\n\n- tried: {why['tried']}\n- profile: {why['profile']}\n"
                     f"- bound: {why['bound']}\n")
    return parts


def page(results, targets, misses):
    facts, rows = results["facts"], results["rows"]
    with_target = list(targets["rows"])
    others = [name for name in rows if name not in with_target and not name.startswith("abi_call")]
    conversion, repetitions = targets["conversion"], facts["repetitions"]
    parts = [head(facts), tally(rows, with_target) + "\n"]
    if results["unreadable"]:
        parts.append(f"**{len(results['unreadable'])} lines of this run could not be read and are "
                     "not counted:** " + "; ".join(results["unreadable"][:5]) + "\n")
    if facts["caf"] != conversion["version"]:
        parts.append(f"CAF {conversion['version']} was not measured: nothing can be converted to "
                     "the best of all, and no ratio is judged.\n")
    parts += [
        "## Measured\n", measured_table(rows, with_target, repetitions, PEERS_SHOWN),
        "## Ratios and targets\n",
        "Over 1 is better than the peer, for bytes too. `x best measured` is against the best "
        "peer of this run, `x best of all` is `x CAF` divided by the row's factor in "
        "targets.json. The verdict takes the smaller of the two; W4 idle is judged by its "
        f"bytes. {conversion['source']}\n", target_table(rows, with_target),
        "## Two workers\n", two_workers_table(results["two_workers"]),
        "## Through a plugin\n", plugin_table(results["plugin"]),
        "What the plugin host adds to one call of a plugin's receive:\n",
        abi_table(results["abi_call"], repetitions)]
    if missed_loads(results):
        parts += misses_section(results, misses)
    if others:
        parts += [
            "## The gateway\n",
            "Ratios of one round of ours to the same round of the peer, median [min-max]; over 1 "
            "is better, for times too. Of memory the difference.\n",
            gateway_table(results["gateway"], repetitions),
            "## Network\n", measured_table(rows, others, repetitions, has_ratio=True)]
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--raw", "--facts", "--targets", "--misses", "--out"):
        parser.add_argument(name, required=True, type=Path)
    given = parser.parse_args()
    try:
        raw, problems = read_raw(given.raw)
        facts, targets = read_json(given.facts), read_json(given.targets)
        results = results_of(raw, problems, facts, targets)
        text = page(results, targets, read_json(given.misses))
    except BadInput as error:
        sys.exit(f"report.py: {error}")
    except (KeyError, TypeError, AttributeError) as error:
        sys.exit(f"report.py: {given.facts}, {given.targets} or {given.misses} lacks something: "
                 f"{error!r}\n"
                 f"  next: git checkout {given.targets}, then scripts/bench.sh")
    (given.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (given.out / "RESULTS.md").write_text(text)
    for problem in problems:
        print(f"report.py: {given.raw}: {problem}", file=sys.stderr)
    if not any(median_of(results["rows"], row, OURS) for row in results["rows"]):
        sys.exit("report.py: our own programs gave no result\n"
                 "  next: run a command of tests/bench/peer.json by hand")


if __name__ == "__main__":
    main()
