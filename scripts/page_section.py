"""Sections of pages that a script writes, between two comments."""

import sys

END = "<!-- end -->"


def write_section(page, script, lines):
    """Replaces what is between `<!-- begin: SCRIPT -->` and the next end."""
    begin = f"<!-- begin: {script} -->\n"
    text = page.read_text()
    if begin not in text:
        sys.exit(f"{script}: {page} has no line {begin.strip()}")
    before, rest = text.split(begin, 1)
    if END not in rest:
        sys.exit(f"{script}: {page} has no line {END} after {begin.strip()}")
    after = rest.split(END, 1)[1]
    page.write_text(before + begin + "\n" + "\n".join(lines) + "\n" + END + after)
