/// The style sheet of the report.
#pragma once

namespace cape {

inline constexpr char kReportStyle[] = R"css(
:root { color-scheme: light dark;
  --page: #f7f7f5; --card: #ffffff; --ink: #1d2126; --soft: #5b636d;
  --line: #e2e3e0; --band: #eef1f5; --accent: #2a63c4;
  --c0: #2a63c4; --c1: #d4680a; --c2: #0b8a72; --c3: #b8358a;
  --c4: #8a6d00; --c5: #6b4fc8; --c6: #c23b3b; --c7: #4a7a2c; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14171a; --card: #1c2024; --ink: #e8eaec; --soft: #a0a8b1;
  --line: #31373d; --band: #252b32; --accent: #7fa9f5;
  --c0: #7fa9f5; --c1: #f0994a; --c2: #45c9ac; --c3: #ea7fc3;
  --c4: #d9bd4a; --c5: #b09cf7; --c6: #f08080; --c7: #95c973; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 48px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 8px; }
h2 { font-size: 1.2rem; margin: 40px 0 12px; }
h3 { font-size: .95rem; margin: 0 0 10px; }
p { margin: 0 0 12px; max-width: 70ch; }
.soft, figcaption, footer { color: var(--soft); font-size: .9rem; }
.card { background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; padding: 16px; }
.tiles, .groups { display: grid; gap: 12px;
  grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }
.tiles { margin: 20px 0; }
.tiles dt { color: var(--soft); font-size: .85rem; }
.tiles dd { margin: 0; font-size: 1.7rem; font-weight: 600; line-height: 1.25; }
.tiles small { font-size: .85rem; font-weight: 400; color: var(--soft); }
.groups {
  grid-template-columns: repeat(auto-fit, minmax(min(340px, 100%), 1fr)); }
figure { margin: 0; }
.scatter { display: grid; gap: 8px 32px; align-items: center;
  grid-template-columns: minmax(0, 560px) minmax(200px, 1fr); }
@media (max-width: 760px) { .scatter { grid-template-columns: 1fr; } }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 12px; }
svg .label { fill: var(--ink); font-size: 13px; }
.grid { stroke: var(--line); fill: none; }
.band { fill: var(--band); }
.diagonal { stroke: var(--soft); stroke-dasharray: 5 4; fill: none; }
.points { fill: none; stroke: currentColor; stroke-width: 4;
  stroke-linecap: round; stroke-opacity: .5; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); }
.c3 { color: var(--c3); } .c4 { color: var(--c4); } .c5 { color: var(--c5); }
.c6 { color: var(--c6); } .c7 { color: var(--c7); }
.legend { list-style: none; margin: 0 0 12px; padding: 0; }
.legend i { display: inline-block; width: .7em; height: .7em; margin-right: 8px;
  border-radius: 50%; background: currentColor; }
.legend span { color: var(--ink); }
.scroll { overflow-x: auto; padding: 4px 16px; }
table { border-collapse: collapse; width: 100%; font-size: .92rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: 6px 12px 6px 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
th { color: var(--soft); font-weight: 500; }
th:first-child, td:first-child, .left { text-align: left; }
tbody th { color: var(--ink); font-weight: 400; }
tr:last-child > * { border-bottom: 0; }
tr.first > * { border-top: 2px solid var(--line); }
.bars td, .bars th { border: 0; padding: 3px 8px 3px 0; }
.bars { table-layout: fixed; }
.bars th { width: 34%; overflow: hidden; text-overflow: ellipsis; }
.bars td:last-child { width: 4.5em; }
.bars td.bar { padding: 3px 0; }
.bar div { height: 14px; min-width: 2px; border-radius: 0 4px 4px 0;
  background: var(--accent); }
details { margin-top: 12px; }
summary { cursor: pointer; padding: 6px 0; }
footer { margin-top: 40px; border-top: 1px solid var(--line); padding-top: 12px; }
)css";

}  // namespace cape
