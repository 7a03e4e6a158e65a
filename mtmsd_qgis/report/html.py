# SPDX-License-Identifier: GPL-2.0-or-later
"""What every report is made of: a page that stands alone, cards, tables of facts, paragraphs, figures as text.

Enters: words and numbers. Leaves: HTML, readable on a screen of any width and printed, with nothing from a network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from ..jobs.accuracy_results import percent_number

STYLE = """
body{font:15px/1.5 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:#1c2429;background:#fff;max-width:72rem;
margin:2rem auto;padding:0 1.5rem;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .3rem}
h2{font-size:1.15rem;margin:2.2rem 0 .6rem;border-bottom:1px solid #d5dce0}
p{max-width:60rem}
p.note{background:#f2f6f8;border-left:4px solid #3b7ea1;padding:.6rem .9rem;margin:1rem 0}
p.warn{background:#fdf5e6;border-left:4px solid #c98a12;padding:.6rem .9rem;margin:1rem 0}
small{color:#5b6a73;font-size:.86em;white-space:nowrap}
.figures{display:grid;grid-template-columns:repeat(var(--cards),minmax(0,16rem));gap:1rem;margin:1rem 0}
.figure{border:1px solid #d5dce0;border-radius:6px;padding:.7rem .9rem}
.figure b{display:block;font-size:1.7rem;font-weight:600;line-height:1.3}.figure span{color:#5b6a73;font-size:.85rem}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums;overflow-wrap:normal}
td,th{padding:.25rem .55rem;text-align:right}td{white-space:nowrap}
th{font-weight:600;color:#33424b;vertical-align:bottom}
th.name,td.name{text-align:left;white-space:normal;max-width:26rem}td.name{min-width:9rem}
tbody tr:nth-child(even){background:#f7f9fa}
table.matrix td,table.matrix th{text-align:center;padding:.25rem .3rem}table.matrix td{min-width:1.7rem}
table.matrix .name{text-align:left;padding-right:.6rem}table.matrix tbody tr:nth-child(even){background:none}
table.wide{font-size:.78rem}table.wide td,table.wide th{padding:.22rem .12rem;min-width:0}
table.wide .name{white-space:normal;min-width:6rem;padding-right:.4rem}
table.matrix th.axis{border-bottom:1px solid #d5dce0}
.total{color:#5b6a73}td.total.side,th.total.side{border-left:1px solid #d5dce0}tr.total td{border-top:1px solid #d5dce0}
table.facts th,td.fact{text-align:left;vertical-align:top}td.fact{white-space:normal;overflow-wrap:anywhere}
.scroll{overflow-x:auto}
.swatch{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.45em;border:1px solid #0003;
vertical-align:-.05em}
svg.chart{width:100%;min-width:34rem;max-width:60rem;height:auto}.chart text{font-size:12px;fill:#5b6a73}
.chart .label,.chart .tick{text-anchor:middle}.chart .end{text-anchor:end}.chart .grid{stroke:#e3e8eb}
.chart .line{fill:none;stroke:#3b7ea1;stroke-width:2}.chart .bar{fill:#3b7ea1}
.chart .line.s1{stroke:#c8642b}.chart .range{fill:#3b7ea1;fill-opacity:.15}.chart .range.s1{fill:#c8642b}
.chart .key{fill:#3b7ea1}.chart .key.s1{fill:#c8642b}
.patches td,.patches th{text-align:center;padding:.25rem .35rem}table.patches tr:nth-child(even){background:none}
.patches img{width:96px;height:96px;image-rendering:pixelated}
h3{font-size:1rem;margin:1.3rem 0 .3rem}
.pictures{display:flex;flex-wrap:wrap;gap:.6rem .5rem;margin:.6rem 0}.pictures figure{margin:0;width:6.7rem}
.pictures.wide figure{width:17.5rem}.pictures.five figure{width:13.9rem}
.pictures figure.large{width:26rem;max-width:100%}
.pictures figcaption{font-size:.78rem;color:#33424b;line-height:1.35}
svg.picture,svg.square,img.picture{width:100%;height:auto;display:block}.picture{border:1px solid #d5dce0}
svg.picture image,img.picture{image-rendering:pixelated}svg.square text{font-size:8px;fill:#5b6a73}
svg.square .end{text-anchor:end}svg.square .middle{text-anchor:middle}
@media screen and (max-width:56rem){.figures{grid-template-columns:repeat(var(--half),minmax(0,1fr))}}
@media (max-width:40rem){body{margin:1rem auto;padding:0 .8rem}.figures{grid-template-columns:1fr 1fr}
.figure:last-child:nth-child(odd){grid-column:span 2}
th.name,td.name{white-space:normal;min-width:7rem}}
@media print{@page{margin:14mm}body{margin:0;padding:0;max-width:none;font-size:10.5pt}h1{font-size:17pt}
h2{font-size:12.5pt;break-after:avoid}h2+p{break-after:avoid}
tr,svg,figure,.figures,p.note,p.warn,table.matrix{break-inside:avoid}thead{display:table-header-group}
table{font-size:8pt}td,th{padding:.12rem .3rem}
table.wide{font-size:6.5pt}table.wide td,table.wide th{padding:.1rem}table.wide .name{min-width:5rem}
.scroll{overflow:visible}.figure b{font-size:15pt}.figure{padding:.4rem .6rem}.figures{gap:.5rem;padding-right:1px}
svg.chart{min-width:0}
.patches img{width:60px;height:60px}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""

_ONE_ROW = 3  # cards that stand beside each other on a tablet too

NONE = "–"  # where a figure is undefined


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page."""
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1>{''.join(parts)}</body></html>\n"
    )


def cards(figures: Sequence[tuple[str, str]]) -> str:
    """Large figures, each with what it is."""
    shown = "".join(f'<div class="figure"><b>{escape(n)}</b><span>{escape(what)}</span></div>' for n, what in figures)
    # One row, or two where four and more are too wide: no card stands alone in its row.
    count = len(figures)
    half = count if count <= _ONE_ROW else (count + 1) // 2
    return f'<div class="figures" style="--cards:{count};--half:{half}">{shown}</div>'


def paragraph(text: str, kind: str) -> str:
    """A paragraph that stands out: kind "note" or "warn"."""
    return f'<p class="{kind}">{escape(text)}</p>'


def told_of(scene: str, sentence: str) -> str:
    """A sentence that says of which scene it holds; as it is where that is the report's own, without a name."""
    return f"In {scene}, {sentence[0].lower()}{sentence[1:]}" if scene else sentence


def table(head: Sequence[str], rows: Iterable[Sequence[str]], first: str = "name") -> str:
    """A table that scrolls where it is too wide; cells are HTML, the first column a name."""
    titles = "".join(
        f'<th class="{first}">{cell}</th>' if i == 0 else f"<th>{cell}</th>" for i, cell in enumerate(head)
    )
    body = "".join(
        f"<tr>{''.join(_cell(cell, first if i == 0 else '') for i, cell in enumerate(row))}</tr>" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def facts(rows: Mapping[str, str]) -> str:
    """The circumstances, a row each."""
    body = "".join(
        f'<tr><th class="name">{escape(key)}</th><td class="fact">{escape(value)}</td></tr>'
        for key, value in rows.items()
    )
    return f'<h2>Circumstances</h2><table class="facts"><tbody>{body}</tbody></table>'


def swatch(name: str, color: str) -> str:
    """A class's colour and name."""
    return f'<span class="swatch" style="background:{escape(color or "#ffffff")}"></span>{escape(name)}'


def percent_text(value: float | None) -> str:
    """As percent_number; a dash where it is undefined."""
    return NONE if value is None else percent_number(value)


def counted(count: int, noun: str) -> str:
    """A number of things; the noun is given for one of them and has an s for more."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def with_interval(value: float | None, interval: Sequence[float | None]) -> str:
    """A figure and its interval, as HTML that does not break within."""
    if value is None:
        return NONE
    ends = "" if interval[0] is None else f" <small>{percent_text(interval[0])}–{percent_text(interval[1])}</small>"
    return f"{percent_text(value)}{ends}"


def with_error(value: float | None, error: float | None) -> str:
    """A figure and its standard error, with as many decimals, as HTML."""
    if value is None or error is None:
        return percent_text(value)
    small = percent_text(error)
    decimals = max(len(text.partition(".")[2]) for text in (small, percent_text(value)))
    return f"{value:.{decimals}f} <small>± {small}</small>"


def _cell(cell: str, kind: str) -> str:
    return f'<td class="{kind}">{cell}</td>' if kind else f"<td>{cell}</td>"
