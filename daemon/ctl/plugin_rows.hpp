/// The daemon's list of plugins, and finding one in it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "daemon/ctl/door.hpp"

namespace backstage::ctl {

/// The entries of the answer to {"op":"plugins"} that are objects.
[[nodiscard]] std::vector<Json> rows_of(const Json& answer);
/// Those of an id, or of a file by its name or path. Fault: CTL-401 none.
[[nodiscard]] Outcome<std::vector<Json>> rows_named(const Json& answer, const std::string& id);
/// Whether actors of it can be made: `active` or `probation`.
[[nodiscard]] bool is_serving(const Json& row);
/// The last part of its path.
[[nodiscard]] std::string file_name(const Json& row);
/// `CODE: reason`, or one of them, or nothing.
[[nodiscard]] std::string reason_of(const Json& row);

}  // namespace backstage::ctl
