// Draws the charts that the page holds as Vega specifications.
"use strict";
{
  const { parse } = vega_modules["vega-parser"];
  const { View } = vega_modules["vega-view"];
  Object.assign(
    vega_modules["vega-dataflow"].transforms,
    vega_modules["vega-transforms"],
    vega_modules["vega-view-transforms"],
    vega_modules["vega-encode"],
  );

  // Vega measures texts with it.
  const font = getComputedStyle(document.body).fontFamily;
  // Colours are the style sheet's, so that they follow the theme.
  const config = {
    axis: {
      domain: false,
      ticks: false,
      gridColor: "var(--line)",
      labelColor: "var(--soft)",
      labelFont: font,
      labelFontSize: 12,
      labelOverlap: true,
      labelPadding: 6,
      titleColor: "var(--ink)",
      titleFont: font,
      titleFontSize: 12,
      titleFontWeight: 500,
      titlePadding: 8,
    },
    text: { font },
  };

  const read = (id) => JSON.parse(document.getElementById(id).textContent);

  // The rows are there by column, texts as numbers of a list.
  function rows_of({ columns, names }) {
    const keys = Object.keys(columns);
    return columns.measured.map((_, i) => {
      const row = {};
      for (const key of keys) {
        const value = columns[key][i];
        row[key] = names[key] ? names[key][value] : value;
      }
      const { colour, ...tip } = row;
      return { ...row, tip };
    });
  }

  const tip = document.getElementById("tip");
  const number = (value) =>
    typeof value === "number" ? String(+value.toPrecision(4)) : value;

  function show_tip(handler, event, item, value) {
    if (value == null) {
      tip.hidden = true;
      return;
    }
    tip.replaceChildren(
      ...Object.entries(value).flatMap(([key, field]) => {
        const term = document.createElement("dt");
        const text = document.createElement("dd");
        term.textContent = key;
        text.textContent = number(field);
        return [term, text];
      }),
    );
    tip.hidden = false;
    const place = event.changedTouches ? event.changedTouches[0] : event;
    const [x, y] = [place.clientX, place.clientY];
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 4))}px`;
    tip.style.top = `${y + 14 + height < innerHeight ? y + 14 : Math.max(4, y - height - 14)}px`;
  }

  async function draw(place, spec, rows) {
    for (const data of spec.data) {
      // Each view marks its tuples, so each has its own.
      if (data.name === "rows") data.values = rows();
    }
    const frame = {
      autosize: { type: "fit-x", contains: "padding", resize: true },
      padding: 2,
      width: place.clientWidth,
    };
    const view = new View(parse({ ...frame, ...spec }, config), {
      container: place,
      renderer: "svg",
      hover: true,
      tooltip: show_tip,
    });
    await view.runAsync();
    let width = place.clientWidth;
    new ResizeObserver(() =>
      requestAnimationFrame(() => {
        if (place.clientWidth === width) return;
        width = place.clientWidth;
        view.width(width).runAsync();
      }),
    ).observe(place);
  }

  const charts = read("charts");
  const rows = read("rows");
  Promise.all(
    [...document.querySelectorAll(".chart")].map((place) =>
      draw(place, charts[place.id], () => rows_of(rows)),
    ),
  ).then(
    () => (document.body.dataset.charts = "drawn"),
    (problem) => console.error(problem),
  );
}
