/// The texts of src/predictor/report/page and Vega, which are built into the
/// program.
#pragma once

namespace cape::predictor {

extern const char* const kReportStyle;   ///< CSS
extern const char* const kReportScript;  ///< draws the charts of the page
extern const char* const kVegaScript;    ///< Vega's modules, see modules.js
extern const char* const kVegaLicences;  ///< plain text, to go with Vega

}  // namespace cape::predictor
