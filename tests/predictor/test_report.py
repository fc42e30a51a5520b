"""Opens the report of cape_fit in headless Chromium.

Usage: test_report.py CAPE_FIT FIXTURES CHROMIUM
"""

import collections
import html.parser
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy

CAPE_FIT, FIXTURES, CHROMIUM = sys.argv[1:4]
INPUTS = [f"{FIXTURES}/published_mlp.csv", f"{FIXTURES}/published_cnn.csv"]

# Charts of single points: what their places stand for.
POINTS = {
    "curves": ("step", "loss"),
    "step_times": ("batch", "step"),
    "trial_times": ("value", "label"),
}

# Notes the colours, and moves the pointer over a point of the first chart.
LOOK = """<script>
addEventListener("load", () => {
  const paints = new Set();
  for (const shape of document.querySelectorAll(
    ".chart text, .chart .role-mark > :is(path, line)")) {
    const { fill, stroke } = getComputedStyle(shape);
    paints.add(fill).add(stroke);
  }
  const { backgroundColor } = getComputedStyle(document.querySelector(".card"));
  document.body.dataset.colours = [backgroundColor, ...paints].join(";");
  const point = document.querySelector("#predicted .mark-symbol path");
  const { left, top } = point.getBoundingClientRect();
  point.dispatchEvent(new MouseEvent("mousemove", {
    bubbles: true, clientX: left + 2, clientY: top + 2 }));
});
</script></body>"""


def write_measured_shard(folder):
    """The published rows as if a farm had measured them: with loss curves and
    times, and with every tenth row censored."""
    path = folder / "measured.h5"
    subprocess.run(
        [CAPE_FIT, *INPUTS, "--export-only", "--export-shard", path],
        check=True, capture_output=True,
    )
    with h5py.File(path, "r+") as file:
        rows = file["trials"][:]
        number = numpy.arange(len(rows))
        rows["probe_seconds"] = 0.002 + 0.0001 * (number % 7)
        rows["step_seconds"] = 0.0001 * rows["batch_size"] + 1e-5 * number
        rows["converged"] = number % 10 != 0
        rows["steps_run"] = numpy.minimum(rows["t_star"], 300)
        rows["t_star"][~rows["converged"]] = 5000
        rows["curve_offset"], rows["curve_length"] = 20 * number, 20
        file["trials"][:] = rows
        losses = numpy.exp(-numpy.outer(1 + number % 9, range(20)) / 50)
        file["curves/loss"].resize((losses.size,))
        file["curves/loss"][:] = 2.3 * losses.flatten()
        file["curves/step"].resize((losses.size,))
        file["curves/step"][:] = numpy.tile(numpy.arange(losses.shape[1]),
                                            losses.shape[0])
    return path


class Page(html.parser.HTMLParser):
    """What stands in a page: the marks of each chart by their kind, as the
    places of their shapes; the texts in charts; the tip; the colours."""

    def __init__(self):
        super().__init__()
        self.marks, self.texts, self.tip = {}, [], []
        self.drawn, self.colours = False, []
        self.chart, self.groups, self.in_tip = None, [], False

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        kind = attributes.get("class") or ""
        if tag == "body":
            self.drawn = attributes.get("data-charts") == "drawn"
            self.colours = attributes["data-colours"].split(";")
        elif tag == "div" and kind == "chart":
            self.chart = attributes["id"]
            self.marks[self.chart] = collections.defaultdict(list)
        elif tag == "g":
            mark = re.match(r"mark-(\w+) role-mark", kind)
            self.groups.append(mark and mark.group(1))
        elif tag in ("path", "line") and any(self.groups):
            shape = attributes.get("d", "M0,0L1,1")
            if "NaN" not in shape and len(shape) > 4:
                place = " ".join(attributes.get(name, "")
                                 for name in ("transform", "x2", "y2"))
                numbers = re.findall(r"-?\d[-\d.e]*", place)
                self.marks[self.chart][self.groups[-1]].append(
                    [float(number) for number in numbers]
                )
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
        elif self.groups:
            self.texts.append(data)

    def count(self, chart):
        return {kind: len(places)
                for kind, places in self.marks[chart].items()}


def contrast(one, other):
    """Between two colours as browsers write them, by WCAG: 1 to 21."""

    def luminance(colour):
        channels = [int(n) / 255 for n in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
                  for c in channels]
        return numpy.dot(linear, [0.2126, 0.7152, 0.0722]) + 0.05

    ratio = luminance(one) / luminance(other)
    return max(ratio, 1 / ratio)


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(cls.folder.name)
        run = subprocess.run(
            [CAPE_FIT, write_measured_shard(folder), "--ablation", "--out",
             folder / "model"],
            capture_output=True, text=True,
        )
        assert run.returncode == 0, run.stderr
        cls.report = folder / "model" / "report.html"
        cls.text = cls.report.read_text()
        cls.specs = json.loads(re.search(
            r'<script type="application/json" id=charts>(.*?)</script>',
            cls.text,
        ).group(1))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def opened(self, *flags):
        """The page as it is once it is drawn, without an error."""
        page = self.report.with_name("looked_at.html")
        page.write_text(self.text.replace("</body>", LOOK))
        run = subprocess.run(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu",
             f"--user-data-dir={self.folder.name}/profile",
             "--enable-logging=stderr", "--virtual-time-budget=20000",
             "--dump-dom", *flags, f"file://{page}"],
            capture_output=True, text=True, timeout=120,
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        page = Page()
        page.feed(run.stdout)
        self.assertEqual(re.findall(r".*CONSOLE.*", run.stderr), [])
        self.assertTrue(page.drawn)
        return page

    def values(self, chart, data=0):
        return self.specs[chart]["data"][data]["values"]

    def test_every_chart_draws_marks_without_an_error(self):
        self.assertLessEqual(
            {"predicted", "mae_learning_rate", "mae_batch_size",
             "mae_converged", "models", "ablation", "residuals", "histogram",
             "coverage", "curves", "grid_mlp", "grid_cnn", "step_times",
             "trial_times"},
            self.specs.keys(),
        )
        # The widths of a desk and a phone, in the light and in the dark.
        backgrounds = set()
        for flags in (["--window-size=1100,900"],
                      ["--window-size=390,900", "--force-dark-mode"]):
            page = self.opened(*flags)
            self.assertEqual(page.marks.keys(), self.specs.keys())
            for chart in self.specs:
                self.assertTrue(page.marks[chart], chart)
            self.assertEqual(page.count("predicted"),
                             {"area": 1, "line": 1, "symbol": 120})
            self.expect_measurements(page)
            self.expect_readable(page)
            backgrounds.add(page.colours[0])
        self.assertEqual(len(backgrounds), 2)

    def expect_measurements(self, page):
        self.assertEqual(page.count("curves"), {
            "rule": 3,  # epsilons
            "line": 8,  # four of each family
            "symbol": len(self.values("curves")),
        })
        groups = len(self.values("step_times"))
        self.assertEqual(page.count("step_times"),
                         {"line": 2, "rule": groups, "symbol": groups})
        self.assertEqual(page.count("trial_times"),
                         {"rule": 2 * groups, "symbol": 2 * groups})
        for chart, fields in POINTS.items():
            places = zip(*page.marks[chart]["symbol"])
            for field, along in zip(fields, places):
                self.expect_places(chart, field, along)
        rules = page.marks["step_times"]["rule"]
        self.expect_places("step_times", "low", [y for _, y, _, _ in rules])
        for _, _, _, height in rules:
            self.assertLess(height, 0)  # up, from low to high
        censored = [int(text.split()[0]) for text in page.texts
                    if text.endswith(" censored")]
        self.assertEqual(sum(censored), 12)

    def expect_places(self, chart, field, places):
        """As many places as the field has values: none is lost."""
        values = {value[field] for value in self.values(chart)}
        self.assertGreater(len(values), 1, f"{chart} {field}")
        self.assertEqual(len({round(place, 6) for place in places}),
                         len(values), f"{chart} {field}")

    def expect_readable(self, page):
        background, *colours = page.colours
        colours = [c for c in colours if c not in ("none", "rgba(0, 0, 0, 0)")]
        self.assertGreater(len(colours), 5)
        for colour in colours:
            self.assertGreater(contrast(colour, background), 3, colour)

    def test_hover_shows_the_row(self):
        tip = self.opened().tip
        shown = dict(zip(tip[::2], tip[1::2]))
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
