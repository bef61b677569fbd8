#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints code_points.hpp: the code points that a terminal shows as nothing, as a blank, or that change the text around
them. Categories are those of Python's unicodedata; what has no category of its own is listed here, from
PropList.txt (Other_Default_Ignorable_Code_Point, Variation_Selector) and from the character names (blanks)."""
import unicodedata

CATEGORIES = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}
OTHERS = [
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x2065, 0x2065), (0x3164, 0x3164), (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF),                                        # Other_Default_Ignorable_Code_Point
    (0x180B, 0x180D), (0x180F, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF),    # Variation_Selector
    (0x2800, 0x2800), (0x16FE4, 0x16FE4), (0x1D159, 0x1D159), (0xFFFC, 0xFFFD),  # blank, or in the place of something
]


def hidden(point):
    return point != 0x20 and (unicodedata.category(chr(point)) in CATEGORIES or any(a <= point <= b for a, b in OTHERS))


def ranges():
    found = []
    for point in range(0x110000):
        if not hidden(point):
            continue
        if found and found[-1][1] == point - 1:
            found[-1][1] = point
        else:
            found.append([point, point])
    return found


def main():
    found = ranges()
    print(f"""// SPDX-License-Identifier: Apache-2.0
// Made by code_points.py from Unicode {unicodedata.unidata_version}. Not for editing.
#pragma once

#include <array>

namespace openexec::terminal {{

struct CodePoints {{
  char32_t first;
  char32_t last;
}};

/// Controls (Cc), format characters (Cf), blanks but the space (Zs, Zl, Zp and blanks of other categories), surrogates,
/// private use, what is not assigned, and Default_Ignorable_Code_Point. Sorted.
// clang-format off
inline constexpr std::array<CodePoints, {len(found)}> not_plain{{{{""")
    cells = [f"{{0x{a:04x}, 0x{b:04x}}}," for a, b in found]
    for i in range(0, len(cells), 6):
        print("    " + " ".join(cells[i:i + 6]))
    print("""}};
// clang-format on

}  // namespace openexec::terminal""")


if __name__ == "__main__":
    main()
