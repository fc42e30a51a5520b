/// A document read and written by its table of keys.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "grid/yaml_codec.h"

namespace cape::grid::yaml {

/// Reads all keys. A key of the document that is not in the table and a
/// required one that is missing are problems.
void read_document(const Value& root, const std::vector<Key>& keys,
                   Problems& problems);

/// All keys with their values, in the table's order.
std::string write_document(const std::vector<Key>& keys);

/// Path -> "file:line:col" of every key and list element below `root`.
std::map<std::string, std::string> locations(const Value& root);

/// Whether `value`, found at `path`, is a map; reports that it is not, or its
/// keys other than `known`.
bool check_map(const Value& value, const std::string& path,
               const std::vector<std::string>& known, Problems& problems);

}  // namespace cape::grid::yaml
