# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Swift source with comments and the text of string literals blanked out, so that a rule about code reads only code."""
import re

_STRING_START = re.compile(r'(#*)("""|")')


def code_only(source):
    """The same text, line for line and column for column; code inside \\( … ) of a literal stays."""
    out = []
    _code(source, 0, out, closing=None)
    return "".join(out)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def _code(source, at, out, closing):
    """Copies code from `at` on; with `closing` it ends behind the parenthesis that closes an interpolation."""
    depth = 0
    while at < len(source):
        literal = _STRING_START.match(source, at)
        if source.startswith("//", at):
            end = source.find("\n", at)
            end = len(source) if end < 0 else end
            out.append(_blank(source[at:end]))
        elif source.startswith("/*", at):
            end = _end_of_comment(source, at)
            out.append(_blank(source[at:end]))
        elif literal:
            end = _string(source, at, literal, out)
        else:
            out.append(source[at])
            depth += {"(": 1, ")": -1}.get(source[at], 0)
            end = at + 1
            if closing and depth < 0:
                return end
        at = end
    return at


def _end_of_comment(source, at):
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(source, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(source)


def _string(source, at, start, out):
    """Blanks the literal that begins at `at`, goes down into its interpolations, and returns where it ends."""
    hashes, quote = start.groups()
    escape = "\\" + hashes
    out.append(" " * len(start[0]))
    at = start.end()
    while at < len(source):
        if source.startswith(quote + hashes, at):
            out.append(" " * len(quote + hashes))
            return at + len(quote + hashes)
        if source.startswith(escape + "(", at):
            out.append(" " * len(escape) + "(")
            at = _code(source, at + len(escape) + 1, out, closing=True)
        else:
            length = len(escape) + 1 if source.startswith(escape, at) else 1
            out.append(_blank(source[at : at + length]))
            at += length
    return at
