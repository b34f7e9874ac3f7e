#!/usr/bin/env python3
"""A terminal's screen, as `tmux capture-pane -e -p` prints it, as a page of HTML.

Braille and block characters are drawn rather than left to a font, so that they
join as they do in a terminal.
"""

import html
import re
import sys

WIDTH, HEIGHT = 9, 18
MARGIN = 16
INK, PAPER = "#d8dee9", "#14171a"
BASIC = ["#3b4048", "#e06c75", "#7fc07f", "#d8b46a", "#61a5e8", "#b58ad6", "#56b6c2", "#d8dee9",
         "#7a828c", "#ff8a93", "#a2e0a2", "#f0d08a", "#8cc4ff", "#d3a8f0", "#7fd6e0", "#ffffff"]
BLOCKS = "▁▂▃▄▅▆▇█"
# The dots of U+2800 to U+28FF: column and row of each bit.
DOTS = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]


def indexed(n):
    if n < 16:
        return BASIC[n]
    if n < 232:
        levels = [0, 95, 135, 175, 215, 255]
        n -= 16
        return "#%02x%02x%02x" % (levels[n // 36], levels[n // 6 % 6], levels[n % 6])
    return "#%02x%02x%02x" % ((8 + (n - 232) * 10,) * 3)


class Style:
    def __init__(self):
        self.ink, self.paper, self.bold, self.dim, self.reverse = INK, PAPER, False, False, False

    def apply(self, codes):
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.__init__()
            elif code in (1, 2, 7):
                setattr(self, {1: "bold", 2: "dim", 7: "reverse"}[code], True)
            elif code == 22:
                self.bold = self.dim = False
            elif code == 27:
                self.reverse = False
            elif code in (38, 48):
                kind = codes.pop(0)
                colour = indexed(codes.pop(0)) if kind == 5 else "#%02x%02x%02x" % tuple(codes.pop(0) for _ in range(3))
                setattr(self, "ink" if code == 38 else "paper", colour)
            elif code in (39, 49):
                setattr(self, *(("ink", INK) if code == 39 else ("paper", PAPER)))
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.ink = BASIC[code - 30 if code < 90 else code - 82]
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.paper = BASIC[code - 40 if code < 100 else code - 92]

    def colours(self):
        return (self.paper, self.ink) if self.reverse else (self.ink, self.paper)


def cell(c, x, y, style):
    ink, paper = style.colours()
    out = ""
    if paper != PAPER:
        out += f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" fill="{paper}"/>'
    if c == " ":
        return out
    opacity = ' opacity="0.6"' if style.dim else ""
    if 0x2800 <= ord(c) <= 0x28FF:
        for bit, (column, row) in enumerate(DOTS):
            if ord(c) - 0x2800 >> bit & 1:
                cx, cy = x + (column + 0.5) * WIDTH / 2, y + (row + 0.5) * HEIGHT / 4
                out += f'<circle cx="{cx}" cy="{cy}" r="1.7" fill="{ink}"{opacity}/>'
        return out
    if c in BLOCKS:
        height = HEIGHT * (BLOCKS.index(c) + 1) / 8
        return out + f'<rect x="{x}" y="{y + HEIGHT - height}" width="{WIDTH}" height="{height}" fill="{ink}"{opacity}/>'
    if "▉" <= c <= "▏":
        width = WIDTH * (8 - (ord(c) - ord("█"))) / 8
        return out + f'<rect x="{x}" y="{y}" width="{width}" height="{HEIGHT}" fill="{ink}"{opacity}/>'
    weight = ' font-weight="bold"' if style.bold else ""
    return out + f'<text x="{x}" y="{y + 14}" fill="{ink}"{weight}{opacity}>{html.escape(c)}</text>'


def main():
    style, cells, columns = Style(), [], 0
    lines = sys.stdin.read().rstrip("\n").split("\n")
    for row, line in enumerate(lines):
        column = 0
        for part in re.findall(r"\x1b\[[0-9;]*m|\x1b[()].|[^\x1b]", line):
            if part.startswith("\x1b["):
                style.apply([int(code or 0) for code in part[2:-1].split(";")])
            elif not part.startswith("\x1b"):
                cells.append(cell(part, MARGIN + column * WIDTH, MARGIN + row * HEIGHT, style))
                column += 1
        columns = max(columns, column)
    width, height = 2 * MARGIN + columns * WIDTH, 2 * MARGIN + len(lines) * HEIGHT
    print(f'<!DOCTYPE html><meta charset="utf-8"><style>body {{ margin: 0; background: {PAPER} }} '
          f'text {{ font: 15px "DejaVu Sans Mono", monospace }}</style>'
          f'<svg width="{width}" height="{height}">{"".join(cells)}</svg>')


if __name__ == "__main__":
    main()
