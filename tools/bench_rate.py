# SPDX-License-Identifier: Apache-2.0
"""How many requests a day takes: undisturbed, with faults, and from a gateway with a limit."""

from __future__ import annotations

from statistics import median
from typing import Any

from bench_runs import PAGE_SIZE, Plan, Run, control, net, run, server
from bench_table import Section, at_most

TITLE = "Requests, faults, a rate limit"
# A limit that nobody told costs a few holds of a second however long the listing is: half a minute's work.
FAULTY_ROWS, LIMITED_ROWS = 100_000, 300_000
LISTINGS = 4  # success, and three that are empty: a page each
PER_SECOND, BURST, RETRY_AFTER_S = 100, 10, 1
FAULTS: dict[str, dict[str, float]] = {
    "no fault": {},
    "2 % HTTP 500, 1 % reset, 1 % cut off": {"http_500": 0.02, "reset": 0.01, "truncated": 0.01},
    "2 % errors under HTTP 200": {"soft_error": 0.02},
    "2 % empty pages": {"empty_page": 0.02},
    "2 % cut JSON": {"cut_json": 0.02},
}
PACES: dict[str, dict[str, Any]] = {
    "the limit is not known": {},
    f"`requests_per_second` is {PER_SECOND}": {"requests_per_second": PER_SECOND},
}


def measure(plan: Plan) -> Section:
    """Requests are counted by the gateway, repeats included."""
    section = Section(
        TITLE,
        ("case", "pages", "requests", "answers 429", "wall s", "net wall s", "days archived whole"),
        "Faults strike the first try of a page only. The limit is the gateway's token bucket of"
        f" {PER_SECOND} requests a second and {BURST} at once; ideal is (requests - {BURST}) / {PER_SECOND}."
        f" One who does not know the limit must meet it once, and then wait {RETRY_AFTER_S} s while the bucket"
        " fills and runs over: that is in the ideal of this case, any further such wait is not.",
    )
    _faults(plan, section)
    _limit(plan, section)
    return section


def _faults(plan: Plan, section: Section) -> None:
    rows = plan.rows(FAULTY_ROWS)
    pages = rows // PAGE_SIZE + LISTINGS - 1
    requests: dict[str, float] = {}
    with server(plan, rows) as url:
        runs: dict[str, list[tuple[Run, dict[str, Any]]]] = {name: [] for name in FAULTS}
        for round_ in range(plan.rounds):
            for name, faults in FAULTS.items():
                control(url, "faults", method="DELETE")
                for fault, rate in faults.items():
                    wanted = {"name": fault, "rate": rate, "endpoint": "GET /transactions"}
                    control(url, "faults", wanted | {"first_try_only": True})
                runs[name].append(_counted(plan, url))
            plan.say(f"  faults: round {round_ + 1} of {plan.rounds}")
    for name, found in runs.items():
        requests[name] = median(float(log["total"]) for _, log in found)
        section.rows.append(_row(plan, name, pages, rows, found))
    quiet = requests.pop("no fault")
    most = pages + 2 * LISTINGS
    section.aims += [
        at_most(
            f"requests of {pages:,} pages in {LISTINGS} quiet listings (pages + 2 each)",
            most,
            quiet,
            "{:.0f}",
        ),
        at_most("requests under faults, of the quiet ones", 1.06, max(requests.values()) / quiet, "{:.3f}"),
    ]


def _limit(plan: Plan, section: Section) -> None:
    rows = plan.rows(LIMITED_ROWS)
    pages = rows // PAGE_SIZE + LISTINGS - 1
    limits = {
        "requests_per_second": PER_SECOND,
        "burst": BURST,
        "retry_after_s": RETRY_AFTER_S,
        "latency_ms": 5,
    }
    with server(plan, rows, **limits) as url:
        runs: dict[str, list[tuple[Run, dict[str, Any]]]] = {name: [] for name in PACES}
        for round_ in range(plan.rounds):
            for name, options in PACES.items():
                runs[name].append(_counted(plan, url, **options))
            plan.say(f"  rate limit: round {round_ + 1} of {plan.rounds}")
    for name, found in runs.items():
        section.rows.append(_row(plan, f"{PER_SECOND} requests/s, {name}", pages, rows, found))
        requests = pages + LISTINGS + 1  # each listing's first page twice, the last twice
        ideal_s = (requests - BURST) / PER_SECOND
        if not PACES[name]:
            ideal_s += RETRY_AFTER_S - BURST / PER_SECOND
        walls = [net(one, plan.start_up["archive"])[0] for one, _ in found]
        refused = median(_refused(log) / log["total"] for _, log in found)
        section.aims += [
            at_most(
                f"net wall of the ideal {ideal_s:.2f} s, {name}", 1.10, median(walls) / ideal_s, "{:.2f}"
            ),
            at_most(f"answers 429, {name}", 5, refused * 100, "{:.1f} %"),
        ]


def _counted(plan: Plan, url: str, **options: Any) -> tuple[Run, dict[str, Any]]:
    control(url, "requests", method="DELETE")
    one = run(plan, "archive", url, **options)
    return one, control(url, "requests")


def _refused(log: dict[str, Any]) -> int:
    return int(log["by_status"].get("429", 0))


def _row(
    plan: Plan, name: str, pages: int, rows: int, found: list[tuple[Run, dict[str, Any]]]
) -> tuple[str, ...]:
    whole = sum(one.facts["complete"] and one.facts["rows"] == rows for one, _ in found)
    return (
        name,
        f"{pages:,}",
        f"{median(log['total'] for _, log in found):,.0f}",
        f"{median(_refused(log) for _, log in found):.0f}",
        f"{median(one.wall_s for one, _ in found):.2f}",
        f"{median(net(one, plan.start_up['archive'])[0] for one, _ in found):.2f}",
        f"{whole} of {len(found)}",
    )
