"""Opens the report of cape_fit in headless Chromium.

Usage: test_report.py CAPE_FIT FIXTURES CHROMIUM
"""

import html.parser
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

CAPE_FIT, FIXTURES, CHROMIUM = sys.argv[1:4]
INPUTS = [f"{FIXTURES}/published_mlp.csv", f"{FIXTURES}/published_cnn.csv"]

# Moves the pointer over a point of the first chart.
HOVER = """<script>
addEventListener("load", () => {
  const point = document.querySelector("#predicted .mark-symbol path");
  const { left, top } = point.getBoundingClientRect();
  point.dispatchEvent(new MouseEvent("mousemove", {
    bubbles: true, clientX: left + 2, clientY: top + 2 }));
});
</script></body>"""


class Marks(html.parser.HTMLParser):
    """Counts the shapes that each chart drew as marks, and reads the tip."""

    def __init__(self):
        super().__init__()
        self.marks, self.tip, self.drawn = {}, [], False
        self.chart, self.groups, self.in_tip = None, [], False

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        kind = attributes.get("class") or ""
        if tag == "body":
            self.drawn = attributes.get("data-charts") == "drawn"
        elif tag == "div" and kind == "chart":
            self.chart = attributes["id"]
            self.marks[self.chart] = 0
        elif tag == "g":
            self.groups.append("role-mark" in kind)
        elif tag in ("path", "line") and any(self.groups):
            shape = attributes.get("d", "M0,0L1,1")
            self.marks[self.chart] += "NaN" not in shape and len(shape) > 4
        elif tag == "dl":
            self.in_tip = attributes.get("id") == "tip"

    def handle_endtag(self, tag):
        if tag == "g":
            self.groups.pop()
        elif tag == "dl":
            self.in_tip = False

    def handle_data(self, data):
        if self.in_tip:
            self.tip.append(data)


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(cls.folder.name)
        run = subprocess.run(
            [CAPE_FIT, *INPUTS, "--ablation", "--out", folder / "model"],
            capture_output=True, text=True,
        )
        assert run.returncode == 0, run.stderr
        cls.report = folder / "model" / "report.html"
        cls.text = cls.report.read_text()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def opened(self, *flags):
        """The page as it is once it is drawn, and what its console says."""
        page = self.report.with_name("hovered.html")
        page.write_text(self.text.replace("</body>", HOVER))
        run = subprocess.run(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu",
             f"--user-data-dir={self.folder.name}/profile",
             "--enable-logging=stderr", "--virtual-time-budget=20000",
             "--dump-dom", *flags, f"file://{page}"],
            capture_output=True, text=True, timeout=120,
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        marks = Marks()
        marks.feed(run.stdout)
        return marks, re.findall(r".*CONSOLE.*", run.stderr)

    def test_every_chart_draws_marks_without_an_error(self):
        specs = json.loads(re.search(
            r'<script type="application/json" id=charts>(.*?)</script>',
            self.text,
        ).group(1))
        self.assertLessEqual(
            {"predicted", "mae_learning_rate", "mae_batch_size", "models",
             "ablation", "residuals", "histogram", "coverage", "grid_mlp"},
            specs.keys(),
        )
        for width in (1100, 390):
            marks, console = self.opened(f"--window-size={width},900")
            self.assertEqual(console, [])
            self.assertTrue(marks.drawn)
            self.assertEqual(marks.marks.keys(), specs.keys())
            for chart, count in marks.marks.items():
                self.assertGreater(count, 0, chart)
            # A point for each of the 120 rows, beside the line and the band.
            self.assertEqual(marks.marks["predicted"], 122)

    def test_hover_shows_the_row(self):
        marks, console = self.opened()
        self.assertEqual(console, [])
        shown = dict(zip(marks.tip[::2], marks.tip[1::2]))
        self.assertLessEqual(
            {"family", "data set", "learning rate", "B", "epsilon",
             "measured", "predicted"},
            shown.keys(),
        )

    def test_page_is_small_and_names_nothing_outside_of_it(self):
        self.assertLess(len(self.text), 3_000_000)
        self.assertNotRegex(
            self.text, r"<(script|img|link|iframe)[^>]*\s(src|href)="
        )
        self.assertNotIn("@import", self.text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
