#include "daemon/banner.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace backstage::daemon {
namespace {

// What to type next: ask a running actor, or make one of a loaded type first.
std::string next_command(const BannerFacts& facts) {
  const auto tcp = std::find_if(facts.bound.cmd.begin(), facts.bound.cmd.end(),
                                [](const auto& endpoint) { return endpoint.starts_with("tcp:"); });
  const auto& endpoint = tcp != facts.bound.cmd.end() ? *tcp : facts.bound.cmd.front();
  return fmt::format(
      "/usr/bin/python3 -c 'import zmq; s = zmq.Context().socket(zmq.REQ); "
      "s.connect(\"{}\"); s.send(b\"REQ $backstage\\n{{\\\"op\\\":\\\"actors\\\"}}\"); "
      "print(s.recv_multipart())'",
      endpoint);
}

}  // namespace

std::string banner(const BannerFacts& facts) {
  std::vector<std::string> types;
  std::size_t rejected = 0;
  for (const auto& plugin : facts.plugins) {
    rejected += plugin.state == plugin_host::State::rejected ? 1 : 0;
    if (plugin.state == plugin_host::State::active) {
      types.insert(types.end(), plugin.types.begin(), plugin.types.end());
    }
  }
  std::string text =
      fmt::format("backstaged {} is ready: loopback and ipc only, no keys\n", facts.version);
  text += fmt::format("  cmd     {}\n", fmt::join(facts.bound.cmd, "  "));
  if (!facts.bound.pub.empty())
    text += fmt::format("  pub     {}\n", fmt::join(facts.bound.pub, "  "));
  if (!facts.bound.ingest.empty()) {
    text += fmt::format("  ingest  {}\n", fmt::join(facts.bound.ingest, "  "));
  }
  text += fmt::format("  files   {}/endpoints.json\n", facts.runtime_dir);
  text += fmt::format(
      "  types   {}{}\n", types.empty() ? "none loaded" : fmt::format("{}", fmt::join(types, " ")),
      rejected == 0 ? "" : fmt::format(" ({} plugins refused, see the log)", rejected));
  text += fmt::format("  actors  {}\n", facts.actors);
  text += fmt::format("next: {}\n", next_command(facts));
  return text;
}

void apply_format(log::Log& log, const config::LogConfig& config) {
  const log::LogOptions automatic = log::options_for(2);
  switch (config.format) {
    case config::LogStyle::automatic:
      log.set_format(automatic.format, automatic.colour);
      return;
    case config::LogStyle::text:
      log.set_format(log::LogFormat::text, automatic.colour);
      return;
    case config::LogStyle::json:
      log.set_format(log::LogFormat::json, false);
      return;
  }
}

}  // namespace backstage::daemon
