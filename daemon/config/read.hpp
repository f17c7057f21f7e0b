/// Inner steps of loading: values out of a valid document, and checks between values.
#pragma once
#include "daemon/config/config.hpp"
#include "daemon/config/json_document.hpp"
#include "daemon/config/runtime_dir.hpp"
#include "daemon/config/schema.hpp"

namespace backstage::config {

/// What is wrong between values that are fine one by one. Values of a wrong type are
/// skipped, the schema has spoken about them. CFG-3xx.
[[nodiscard]] Violations check_together(const Json& completed, const Environment& environment);

/// The values of a completed document without violations.
[[nodiscard]] Config read_config(const Json& completed);

}  // namespace backstage::config
