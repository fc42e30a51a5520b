/// The report for people: one page that needs no other files.
#pragma once

#include <string>
#include <vector>

#include "predictor/report/fit_result.h"

namespace cape::predictor {

/// HTML with its style sheet and drawings inside: metrics, predicted against
/// measured steps, error by group, `tables`, the model and its inputs. It
/// follows the reader's light or dark theme.
std::string report_html(const FitResult& result,
                        const std::vector<Table>& tables);

}  // namespace cape::predictor
