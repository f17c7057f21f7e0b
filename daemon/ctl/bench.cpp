// bench: runs a load and says what became of it, with percentiles that hide no stall.
#include <fmt/format.h>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/load.hpp"

namespace backstage::ctl {
namespace {

constexpr std::array<std::pair<const char*, double>, 4> shares{
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}}};

constexpr const char* at_a_rate =
    "Each latency counts from the moment the message was due at this rate, not from when it\n"
    "went out: a stall shows in every message that it delayed (no coordinated omission).\n";
constexpr const char* unpaced =
    "As fast as it goes: each latency counts from its own sending. A stall also holds up what "
    "would\n"
    "have been sent meanwhile, which nobody measures (coordinated omission): this is for\n"
    "throughput, use --rate for latencies.\n";

double microseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

Json json_of(const Histogram& latency) {
  Json json = Json::object();
  if (latency.count() == 0) return json;
  for (const auto& [name, share] : shares) json[name] = microseconds(latency.at(share));
  json["max"] = microseconds(latency.max());
  return json;
}

std::string line_of(const char* what, const Histogram& latency) {
  std::string text = fmt::format("  {:<11}", what);
  if (latency.count() == 0) return text + " none\n";
  for (const auto& [name, share] : shares) {
    text += fmt::format(" {} {:.0f}", name, microseconds(latency.at(share)));
  }
  return text + fmt::format(" max {:.0f} us\n", microseconds(latency.max()));
}

void tell_json(const Options& options, const LoadResult& it, double rate, double seconds) {
  const auto& traffic = options.traffic;
  Json json{{"load", traffic.load},
            {"target", traffic.targets.front()},
            {"rate", rate},
            {"size", traffic.size},
            {"outstanding", traffic.outstanding},
            {"seconds", seconds},
            {"due", it.due},
            {"sent", it.sent},
            {"taken", it.taken},
            {"taken_per_second", static_cast<double>(it.taken) / seconds},
            {"unanswered", it.unanswered},
            {"refused", it.refused},
            {"measured_from", rate > 0 ? "due" : "sending"},
            {"coordinated_omission", rate <= 0},
            {"latency_us", json_of(it.latency)}};
  if (traffic.load == "pub") {
    json["delivered"] = {{"messages", it.heard.messages},
                         {"gaps", it.heard.gaps},
                         {"lost", it.heard.lost},
                         {"latency_us", json_of(it.heard.latency)}};
  }
  write_record(json);
}

void tell(const Options& options, const LoadResult& it, double rate, double seconds) {
  const auto& traffic = options.traffic;
  fmt::print("bench {} {}: {} bytes, {}, at most {} unanswered, {:.1f} s\n", traffic.load,
             traffic.targets.front(), traffic.size,
             rate > 0 ? fmt::format("{:g} a second", rate) : std::string{"as fast as it goes"},
             traffic.outstanding, seconds);
  fmt::print("  sent        {} of {} due\n", it.sent, it.due);
  fmt::print("  {:<11} {} ({:.0f} a second)\n", traffic.load == "req" ? "replies" : "accepted",
             it.taken, static_cast<double>(it.taken) / seconds);
  std::uint64_t refused = 0;
  for (const auto& [why, count] : it.refused) refused += count;
  fmt::print("  refused     {}\n", refused);
  for (const auto& [why, count] : it.refused) fmt::print("    {} {}\n", why, count);
  fmt::print("  unanswered  {}\n", it.unanswered);
  fmt::print("{}", line_of(traffic.load == "req" ? "reply after" : "OK after", it.latency));
  if (traffic.load == "pub") {
    fmt::print("  delivered   {}, {} gaps, {} lost\n", it.heard.messages, it.heard.gaps,
               it.heard.lost);
    fmt::print("{}", line_of("after", it.heard.latency));
  }
  fmt::print("{}Percentiles by a log-linear histogram of our own, at most 1.6 % too high.\n",
             rate > 0 ? at_a_rate : unpaced);
}

}  // namespace

Outcome<int> bench(const Options& options) {
  catch_interrupts();
  const auto result = run_load(options);
  if (!result) return std::unexpected(result.error());
  const double rate = result->rate;
  const double seconds = std::chrono::duration<double>(result->took).count();
  (options.is_json ? tell_json : tell)(options, *result, rate, seconds);
  return result->exit;
}

}  // namespace backstage::ctl
