#include "daemon/ctl/fault.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "daemon/text/escape.hpp"

namespace backstage::ctl {

std::string render(const Fault& fault) {
  std::string text =
      fmt::format("backstagectl: error[{}]: {}\n", fault.code, text::printable(fault.what));
  const auto add = [&text](const char* word, const std::string& part) {
    if (!part.empty()) text += fmt::format("  {}: {}\n", word, text::printable(part));
  };
  add("where", fault.where);
  add("why", fault.why);
  add("next", fault.next);
  return text;
}

std::string render_json(const Fault& fault) {
  using OrderedJson = nlohmann::ordered_json;
  const OrderedJson json{{"error",
                          {{"code", fault.code},
                           {"what", fault.what},
                           {"where", fault.where},
                           {"why", fault.why},
                           {"next", fault.next}}}};
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + '\n';
}

std::unexpected<Fault> misuse(std::string what, std::string next) {
  return std::unexpected(
      Fault{exit_code::usage, "CTL-101", std::move(what), {}, {}, std::move(next)});
}

}  // namespace backstage::ctl
