#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws throughput.svg from throughput.json.

throughput.py writes the picture beside itself; throughput.py --print writes it on standard output, for the test of the
documents. Every figure in the data is one that docs/measurements.md has.
"""
import json
import pathlib
import sys

WIDTH, LEFT, RIGHT, TOP, ROW = 820, 230, 90, 66, 28
STYLE = """<style>
  text { font: 12px system-ui, sans-serif; fill: #57606a }
  .title { font-size: 14px; font-weight: 600; fill: #24292f }
  .label { text-anchor: end }
  .bar { fill: #0969da }
  .limit { stroke: #bc4c00; stroke-width: 2; stroke-dasharray: 5 4 }
  .name { fill: #bc4c00; text-anchor: end }
  @media (prefers-color-scheme: dark) { text { fill: #9198a1 } .title { fill: #f0f6fc } .bar { fill: #4493f8 }
    .limit { stroke: #f0883e } .name { fill: #f0883e } }
</style>"""


def drawn(data):
    """Returns the SVG: a bar for each measurement, and a dashed line for the limit."""
    bars, limit = data["bars"], data["limit"]
    scale = (WIDTH - LEFT - RIGHT) / limit["value"]
    height = TOP + ROW * len(bars) + 14
    at_limit = LEFT + scale * limit["value"]
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', STYLE,
             f'<text class="title" x="10" y="24">{data["title"]}</text>',
             f'<text class="name" x="{at_limit:.1f}" y="48">{limit["label"]}, the limit: {limit["shown"]}</text>',
             f'<path class="limit" d="M{at_limit:.1f} 56 V{height - 8}"/>']
    for row, bar in enumerate(bars):
        y = TOP + ROW * row
        end = LEFT + scale * bar["value"]
        lines += [f'<text class="label" x="{LEFT - 10}" y="{y + 15}">{bar["label"]}</text>',
                  f'<rect class="bar" x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="20" rx="2"/>',
                  f'<text x="{end + 8:.1f}" y="{y + 15}">{bar["shown"]}</text>']
    return "\n".join([*lines, "</svg>"]) + "\n"


def main():
    folder = pathlib.Path(__file__).resolve().parent
    picture = drawn(json.loads((folder / "throughput.json").read_text(encoding="utf-8")))
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(picture)
    else:
        (folder / "throughput.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
