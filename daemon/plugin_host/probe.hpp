/// The child side of a trial: `backstaged --probe FILE` loads one plugin and says how that went.
#pragma once
#include <string>

namespace backstage::plugin_host {

/// Confines this process, then maps `path`, calls its entry with a table that does nothing and
/// reads its descriptor against its note; init is not called. What a Trial reads (TrialReport) goes
/// to `result_fd`. Never returns: 0 when the plugin passed, 1 when it was refused, 2 when the
/// result could not be written. Nothing registered for the end of the process runs. An
/// exception that a static constructor lets out ends it by SIGABRT, however the loader was built.
/// [main]
[[noreturn]] void probe(const std::string& path, int result_fd) noexcept;

}  // namespace backstage::plugin_host
