"""The pages (*.md) link to files and headings that exist."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ["docs", "data"]
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# A page that the source, a script or a configuration names by its path.
NAMED = re.compile(r"(?<![\w/])docs/[\w/-]+\.md")
NAMING = ["src", "tests", "scripts", "cmake", "completions", "slurm", "configs",
          "bench"]
NAMING_SUFFIXES = {".h", ".cpp", ".py", ".sh", ".sbatch", ".cmake", ".yaml",
                   ".txt"}


def pages():
    found = sorted(ROOT.glob("*.md"))
    for folder in FOLDERS:
        found += sorted((ROOT / folder).rglob("*.md"))
    return found


def prose_of(page):
    """The page without blocks of code, in which brackets mean other things."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors_of(page):
    """The names by which GitHub links to the page's headings."""
    anchors = set()
    for heading in re.findall(r"^#+ +(.*)$", prose_of(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip())
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        count = 0
        while (anchor := f"{name}-{count}" if count else name) in anchors:
            count += 1
        anchors.add(anchor)
    return anchors


class Links(unittest.TestCase):
    def test_every_relative_link_and_anchor_leads_somewhere(self):
        broken = []
        links = 0
        for page in pages():
            for link in LINK.findall(prose_of(page)):
                if re.match(r"[a-z]+:", link):
                    continue  # another site
                links += 1
                path, _, anchor = link.partition("#")
                target = (page.parent / path).resolve() if path else page
                if not target.exists():
                    broken.append(f"{page.relative_to(ROOT)}: {link}: no such "
                                  "file")
                elif anchor and anchor not in anchors_of(target):
                    broken.append(f"{page.relative_to(ROOT)}: {link}: no such "
                                  "heading")
        self.assertFalse(broken, "\n" + "\n".join(broken))
        self.assertGreater(links, 100)

    def test_every_page_is_in_the_index(self):
        index = ROOT / "docs" / "README.md"
        listed = {(index.parent / link.partition("#")[0]).resolve()
                  for link in LINK.findall(prose_of(index))}
        for page in (ROOT / "docs").rglob("*.md"):
            if page != index:
                self.assertIn(page, listed)

    def test_pages_that_the_source_names_exist(self):
        named = 0
        for folder in NAMING:
            for file in (ROOT / folder).rglob("*"):
                if file.suffix not in NAMING_SUFFIXES or not file.is_file():
                    continue
                for path in NAMED.findall(file.read_text(encoding="utf-8")):
                    named += 1
                    self.assertTrue((ROOT / path).exists(), f"{file}: {path}")
        self.assertGreater(named, 10)


if __name__ == "__main__":
    unittest.main()
