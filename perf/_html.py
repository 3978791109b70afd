"""The report as one HTML page: tables, a roofline and bars of the ratios, with nothing to fetch."""

from __future__ import annotations

import html
import io
from pathlib import Path
from typing import Any

import _output

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color:
#1a1a1a; } h1, h2 { line-height: 1.2 } h2 { margin-top: 2.5rem } table { border-collapse: collapse;
font-variant-numeric: tabular-nums; } th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px
solid #e4e4e4; }
th:first-child, td:first-child, td:last-child { text-align: left }
.slow, .missed { color: #b3261e; font-weight: 600 } .fast, .met { color: #1b6e3c } .failed, .predicted {
color: #777; font-style: italic } pre { background: #f6f6f6; padding: .8rem; overflow-x: auto } svg {
max-width: 100%; height: auto } @media
(prefers-color-scheme: dark) { body { background: #16181c; color: #e6e6e6 } th, td { border-color: #33363c }
pre { background: #22252a } svg { background: #fff } .slow, .missed { color: #ff8a80 }
.fast, .met { color: #7bd69b } }
"""
INK, MUTED, SLOW, FAST = "#1a1a1a", "#9a9a9a", "#c4463a", "#2f7d4f"


def write(path: Path, report: dict[str, Any]) -> None:
    """Write the page."""
    parts = _predicted(report) if report["predicted"] else _measured(report)
    body = "\n".join([f"<h1>tritonnn on {html.escape(report['device'])}</h1>", *parts])
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>tritonnn performance</title>'
        f"<style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def _measured(report: dict[str, Any]) -> list[str]:
    results, peers, ceilings = report["rows"], report["peers"], report["roofs"]
    rehearsal = (
        "<p><strong>A rehearsal: the numbers mean nothing.</strong></p>" if report["rehearsal"] else ""
    )
    slower = html.escape("\n".join(_output.slower(results, peers)) or "Nowhere in this run.")
    parts = [
        rehearsal,
        _pre(_output.environment_lines(report["environment"])),
        f"<p>{html.escape(_output.DIRECTION)} {html.escape(_output.MEMORY)} Medians of "
        f"{report['rounds']} interleaved pairs on random data. "
        f"{len(report['skipped'])} rows were not started within the time budget.</p>",
        "<h2>Goals</h2>",
        _goals_table(results, ceilings),
        "<h2>Results that differ from PyTorch's</h2>",
        _pre([_output.compared(results), *_output.differing(results)]),
        f"<h2>Where tritonnn is slower, or fails</h2><pre>{slower}</pre>",
        _roofline(results, ceilings),
    ]
    head = _output.columns(report["device"], peers)
    for family in dict.fromkeys(r["family"] for r in results):
        rows = [r for r in results if r["family"] == family]
        lines = [_row(head, _output.cells(r, report["device"], ceilings, peers), r, peers) for r in rows]
        parts += [f"<h2>{html.escape(family)}</h2>", _bars(results, family, peers), _table(head, lines)]
    return parts


def _predicted(report: dict[str, Any]) -> list[str]:
    machines = list(report["machines"])
    head = _output.predicted_columns(machines)
    parts = [
        f"<p><strong>{html.escape(_output.PREDICTED)}</strong></p>",
        _pre([f"{name}: {machine['sources']}" for name, machine in report["machines"].items()]),
    ]
    for family in dict.fromkeys(r["family"] for r in report["rows"]):
        lines = []
        for r in (r for r in report["rows"] if r["family"] == family):
            cells = _output.predicted_cells(r, machines)
            kinds = ["predicted" if text.startswith("predicted") else "" for text in cells]
            lines.append("".join(_cell(text, kind) for text, kind in zip(cells, kinds, strict=True)))
        parts += [f"<h2>{html.escape(family)} (predicted)</h2>", _table(head, lines)]
    return parts


def _pre(lines: list[str]) -> str:
    return "<pre>" + html.escape("\n".join(lines)) + "</pre>"


def _table(head: list[str], lines: list[str]) -> str:
    top = "<tr>" + "".join(f"<th>{html.escape(h)}</th>" for h in head) + "</tr>"
    return "\n".join(["<table>", top, *(f"<tr>{line}</tr>" for line in lines), "</table>"])


def _cell(text: str, kind: str = "") -> str:
    return f'<td class="{kind}">{html.escape(text)}</td>' if kind else f"<td>{html.escape(text)}</td>"


def _row(head: list[str], cells: list[str], r: dict[str, Any], peers: list[str]) -> str:
    kinds = {"note": "failed", "goal": cells[head.index("goal")].replace("not measured", "failed")}
    kinds["result"] = {"same": "met", "differs": "missed"}.get(_output.verdict(r), "")
    for p in peers:
        ratio = r["ratio"].get(p)
        if ratio is not None:
            kinds[f"{_output.PEER_NAMES[p]} / tritonnn"] = "slow" if ratio < _output.SLOWER else "fast"
    return "".join(_cell(text, kinds.get(name, "")) for name, text in zip(head, cells, strict=True))


def _goals_table(results: list[dict[str, Any]], ceilings: dict[str, float]) -> str:
    standings = _output.goals(results, ceilings)
    if not standings:
        return "<p>None among these rows.</p>"
    lines = [
        _cell(row) + _cell(stands, stands.replace("not measured", "failed")) + _cell(figures)
        for stands, row, figures in standings
    ]
    return _table(["row", "", "figure (goal)"], lines)


def _svg(figure: Any) -> str:
    from matplotlib import pyplot

    text = io.StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight")
    pyplot.close(figure)
    drawing = text.getvalue()
    return drawing[drawing.index("<svg") :]


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def _bars(results: list[dict[str, Any]], family: str, peers: list[str]) -> str:
    """Bars of PyTorch's time over tritonnn's, on a logarithmic scale around 1."""
    rows = [r for r in results if r["family"] == family and "torch" in r["ratio"]]
    if not rows or "torch" not in peers:
        return ""
    pyplot = _pyplot()
    figure, axis = pyplot.subplots(figsize=(9, 0.8 + 0.3 * len(rows)))
    values = [r["ratio"]["torch"] for r in rows]
    places = list(range(len(rows)))[::-1]
    axis.barh(
        places,
        [v - 1 for v in values],
        left=1,
        height=0.65,
        color=[SLOW if v < _output.SLOWER else FAST for v in values],
    )
    for place, value in zip(places, values, strict=True):
        axis.annotate(
            f"{value:.2f}", (value, place), xytext=(4 if value >= 1 else -4, 0), textcoords="offset points",
            va="center", ha="left" if value >= 1 else "right", fontsize=8, color=INK,
        )  # fmt: skip
    axis.set_xscale("log", base=2)
    low, high = min(0.5, *values) / 1.5, max(2.0, *values) * 1.5
    axis.set_xlim(low, high)
    axis.xaxis.set_major_formatter(pyplot.FuncFormatter(lambda v, _: f"{v:g}"))
    axis.axvline(1, color=INK, linewidth=1)
    axis.set_yticks(places, [_output.label(r) for r in rows], fontsize=8)
    axis.set_xlabel("time of PyTorch / time of tritonnn: right of 1 tritonnn is faster", fontsize=9)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
    return _svg(figure)


def _roofline(results: list[dict[str, Any]], ceilings: dict[str, float]) -> str:
    """Operations per second against operations per byte, under the measured roofs."""
    rows = [
        r for r in results
        if r["flops"] and r["nbytes"] and r["unit"] == "device" and "tritonnn" in r["seconds"]
    ]  # fmt: skip
    products = {name: value for name, value in ceilings.items() if name.startswith("gemm")}
    if not rows or "copy" not in ceilings or not products:
        return ""
    pyplot = _pyplot()
    figure, axis = pyplot.subplots(figsize=(9, 5))
    reach = [r["flops"] / r["nbytes"] for r in rows]
    low, high = min(*reach, 1) / 2, max(reach) * 2
    for name, peak in products.items():
        corner = peak / ceilings["copy"]
        axis.plot(
            [low, corner, max(high, corner * 2)],
            [low * ceilings["copy"], peak, peak],
            color=MUTED,
            linewidth=1.5,
        )
        axis.annotate(f"{name[5:]}: {peak / 1e12:.3g} TFLOP/s", (max(high, corner * 2), peak), xytext=(-4, 4),
                      textcoords="offset points", ha="right", fontsize=8)  # fmt: skip
    for library, colour, mark in (("torch", MUTED, "o"), ("tritonnn", FAST, "D")):
        shown = [
            (r["flops"] / r["nbytes"], r["flops"] / r["seconds"][library])
            for r in rows
            if library in r["seconds"]
        ]
        if shown:
            name = _output.PEER_NAMES.get(library, library)
            axis.scatter(*zip(*shown, strict=True), color=colour, marker=mark, s=28, label=name, zorder=3)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel(f"operations per byte (copy roof: {ceilings['copy'] / 1e9:.0f} GB/s)")
    axis.set_ylabel("operations per second")
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    return "<h2>Roofline</h2>" + _svg(figure)
