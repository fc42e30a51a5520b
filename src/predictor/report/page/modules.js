// Vega as Debian ships it is one file a module, each for an AMD loader; this
// is that loader. Before each module, `define.module` is set to its name.
"use strict";
const vega_modules = {};
function define(names, factory) {
  const exports = {};
  factory(
    ...names.map((name) => (name === "exports" ? exports : vega_modules[name])),
  );
  vega_modules[define.module] = exports;
}
define.amd = {};
