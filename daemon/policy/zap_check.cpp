#include "daemon/policy/zap_check.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "daemon/policy/z85.hpp"

namespace backstage::policy {
namespace {

constexpr std::array<std::string_view, door_count> domains{"backstaged", "backstaged.pub",
                                                           "backstaged.ingest"};
constexpr std::size_t frames_min = 6;
// Of ipc libzmq says `localhost:uid:gid:pid`, as the kernel attests it; of tcp an IP address.
constexpr std::string_view ipc_mark = "localhost:";

constexpr std::string_view local_user = "tcp:local";

bool is_loopback(std::string_view address) noexcept {
  constexpr std::string_view mapped = "::ffff:";
  if (address.starts_with(mapped)) address.remove_prefix(mapped.size());
  return address.starts_with("127.") || address == "::1";
}

// `unix:<uid>` of `localhost:<uid>:<gid>:<pid>`; empty for what is none.
std::string unix_user(std::string_view address) {
  address.remove_prefix(ipc_mark.size());
  const auto uid = address.substr(0, address.find(':'));
  const bool is_number =
      !uid.empty() && std::ranges::all_of(uid, [](char c) { return c >= '0' && c <= '9'; });
  return is_number ? fmt::format("unix:{}", uid) : std::string{};
}

// Who it would be; empty and the reason in `why`.
std::string user_of(std::string_view address, std::string_view mechanism, std::string_view key,
                    const ZapRules& rules, std::string& why) {
  if (mechanism == "CURVE") {
    const auto name = rules.keys.find(key);
    if (name.empty()) why = "this public key is not authorised";
    return name.empty() ? std::string{} : fmt::format("curve:{}", name);
  }
  if (mechanism != "NULL") {
    why = "only CURVE and NULL are spoken here";
    return {};
  }
  if (address.starts_with(ipc_mark)) {
    auto user = unix_user(address);
    if (user.empty()) why = "the kernel does not say who it is";
    return user;
  }
  if (is_loopback(address)) return std::string(local_user);
  if (rules.allows_remote_plaintext) return "tcp:remote";
  why = "other machines need a key (CURVE)";
  return {};
}

void judge(Door door, std::string_view address, std::string_view mechanism, std::string_view key,
           const ZapRules& rules, ZapVerdict& verdict) {
  verdict.status = "400";
  Candidate candidate{door, user_of(address, mechanism, key, rules, verdict.why),
                      std::string(address)};
  if (candidate.user.empty()) return;
  if (rules.objection) {
    if (const auto objection = rules.objection(candidate)) {
      verdict.status = objection->is_for_now ? "300" : "400";
      verdict.why = objection->why;
      verdict.who = fmt::format("{} {}", candidate.user, verdict.who);
      return;
    }
  }
  verdict.status = "200";
  verdict.user = std::move(candidate.user);
}

}  // namespace

std::string_view domain_of(Door door) noexcept { return domains[static_cast<std::size_t>(door)]; }

std::string_view user_unasked(std::string_view address) noexcept {
  return is_loopback(address) ? local_user : std::string_view{};
}

ZapVerdict check_zap(std::span<const std::string_view> frames, const ZapRules& rules) {
  ZapVerdict verdict;
  if (frames.size() < 2) {
    verdict.is_answerable = false;
    verdict.why = "a question without an id";
    return verdict;
  }
  verdict.id = frames[1];
  verdict.status = "500";
  if (frames[0] != "1.0" || frames.size() < frames_min) {
    verdict.why = "a question in another version of ZAP, or cut short";
    return verdict;
  }
  const auto domain = std::ranges::find(domains, frames[2]);
  const std::string_view address = frames[3];
  const std::string_view mechanism = frames[5];
  const std::string_view key = frames.size() > frames_min ? frames[frames_min] : "";
  verdict.who = fmt::format("{} {}", address, mechanism);
  if (mechanism == "CURVE") verdict.who += ' ' + encode_key(key);
  if (domain == domains.end()) {
    verdict.why = "a question about a domain that is not ours";
    return verdict;
  }
  // Whatever it was meant to say, libzmq did not ask it.
  const bool is_surplus = (mechanism == "NULL" && frames.size() > frames_min) ||
                          (mechanism == "CURVE" && frames.size() > frames_min + 1);
  if (is_surplus) {
    verdict.why = "a question with more credentials than its mechanism has";
    return verdict;
  }
  judge(static_cast<Door>(domain - domains.begin()), address, mechanism, key, rules, verdict);
  return verdict;
}

ZapVerdict check_plain(Door door, std::string_view address, const ZapRules& rules) {
  ZapVerdict verdict;
  verdict.who = fmt::format("{} NULL", address);
  judge(door, address, "NULL", {}, rules, verdict);
  return verdict;
}

}  // namespace backstage::policy
