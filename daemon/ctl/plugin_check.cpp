// plugin check: the daemon's own gate and trial, offline. Same verdicts, same texts.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "daemon/ctl/commands.hpp"
#include "daemon/plugin_gate/gate.hpp"
#include "daemon/plugin_host/trial.hpp"
#include "daemon/text/escape.hpp"

namespace backstage::ctl {
namespace {

using OrderedJson = nlohmann::ordered_json;

struct Judged {
  std::optional<plugin_host::Refusal> refusal;
  plugin_gate::Manifest manifest;  // when the gate admitted it
  std::string sha256;
  std::string untried;  // why there was no trial; empty: there was, or the gate refused it before
};

// What a file is judged by: each step may refuse it, the first refusal is the verdict.
Judged judge(const std::string& file, const Options& options, const std::string& daemon) {
  Judged judged;
  auto admitted = plugin_gate::judge_file(file);
  if (!admitted) {
    judged.sha256 = admitted.error().sha256;
    judged.refusal = plugin_host::refusal_of(std::move(admitted.error()));
    return judged;
  }
  judged.manifest = std::move(admitted->manifest);
  judged.sha256 = judged.manifest.sha256;
  if (!options.is_tried) {
    judged.untried = "--no-trial was given";
  } else if (::access(daemon.c_str(), X_OK) != 0) {
    judged.untried = fmt::format("there is no {} to try it with", daemon);
  } else {
    const plugin_host::Trial trial(daemon);
    const auto passed = trial.run(std::filesystem::absolute(file).string(), file);
    if (!passed && plugin_host::Trial::is_verdict(passed.error())) judged.refusal = passed.error();
    if (!passed && !judged.refusal) judged.untried = passed.error().cause;
  }
  return judged;
}

OrderedJson to_json(const std::string& file, const Judged& judged) {
  OrderedJson json{{"file", file}, {"good", !judged.refusal}, {"sha256", judged.sha256}};
  if (judged.refusal) {
    json["code"] = judged.refusal->code;
    json["reason"] = judged.refusal->cause;
    json["fix"] = judged.refusal->fix;
    return json;
  }
  const auto& it = judged.manifest;
  json["id"] = it.id;
  json["version"] = it.version;
  json["types"] = it.types;
  json["sdk"] = it.sdk;
  json["lang"] = it.lang;
  json["abi"] = fmt::format("{}.{}", it.abi_major, it.abi_minor_required);
  json["needed"] = it.needed;
  json["no_delete"] = it.no_delete;
  json["static_tls"] = it.static_tls;
  json["untried"] = judged.untried;
  return json;
}

std::string to_text(const std::string& file, const Judged& judged) {
  if (judged.refusal) return judged.refusal->text() + '\n';
  const auto& it = judged.manifest;
  std::string text = fmt::format(
      "{}: good: {} {}, {} {}, ABI {}.{}, {}, sha256 {}\n", text::printable(file), it.id,
      it.version, it.types.size() == 1 ? "type" : "types", fmt::join(it.types, ", "), it.abi_major,
      it.abi_minor_required, it.sdk.empty() ? "no SDK named" : it.sdk, it.sha256.substr(0, 12));
  if (it.no_delete) text += "  note: it is marked NODELETE: the daemon can never unmap it\n";
  if (it.static_tls) {
    text += "  note: it uses static TLS, which is scarce: a daemon may fail to load it\n";
  }
  if (!judged.untried.empty()) {
    text += fmt::format("  note: it was judged without being loaded: {}\n", judged.untried);
  }
  return text;
}

}  // namespace

Outcome<int> plugin_check(const Options& options, const std::string& daemon) {
  OrderedJson all = OrderedJson::array();
  int worst = exit_code::ok;
  for (const auto& file : options.files) {
    const auto judged = judge(file, options, daemon);
    if (options.is_json) {
      all.push_back(to_json(file, judged));
    } else {
      fmt::print("{}", to_text(file, judged));
    }
    if (!judged.refusal || worst == exit_code::refused) continue;
    std::error_code error;
    const auto status = std::filesystem::symlink_status(file, error);
    worst = status.type() == std::filesystem::file_type::not_found ? exit_code::not_found
                                                                   : exit_code::refused;
  }
  if (options.is_json) {
    fmt::print("{}\n", all.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
  }
  return worst;
}

}  // namespace backstage::ctl
