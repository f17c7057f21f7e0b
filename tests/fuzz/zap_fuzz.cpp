// Any frames as a question of ZAP: an answer each time, and "200" only for a whole question about
// somebody who may come in.
//
// The first byte of an input says what is allowed; then come the frames, each behind its length of
// one byte.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/policy/zap_check.hpp"

namespace {

using namespace backstage::policy;

constexpr std::string_view desk_key = "dddddddddddddddddddddddddddddddd";
// As many as the daemon keeps of a question.
constexpr std::size_t frames_max = 8;

// A broken promise must stop the fuzzer in every build type.
void require(bool holds) {
  if (!holds) std::abort();
}

enum class Objecting : std::uint8_t { never, for_now, always };

std::vector<std::string_view> frames_of(std::string_view input) {
  std::vector<std::string_view> frames;
  while (!input.empty() && frames.size() < frames_max) {
    const std::size_t size = static_cast<unsigned char>(input.front());
    frames.push_back(input.substr(1, size));
    input.remove_prefix(std::min(input.size(), 1 + size));
  }
  return frames;
}

bool is_uid(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Who may come in by such a question, said in another way than the daemon does; empty: nobody.
std::string entitled(const std::vector<std::string_view>& frames, bool allows_remote_plaintext) {
  if (frames.size() < 6 || frames[0] != "1.0") return {};
  const std::array<std::string_view, 3> domains{"backstaged", "backstaged.pub",
                                                "backstaged.ingest"};
  if (std::ranges::find(domains, frames[2]) == domains.end()) return {};
  const auto address = frames[3];
  if (frames[5] == "CURVE") {
    return frames.size() == 7 && frames[6] == desk_key ? "curve:desk" : "";
  }
  if (frames[5] != "NULL" || frames.size() != 6) return {};
  if (address.starts_with("localhost:")) {
    const auto uid = address.substr(10, address.substr(10).find(':'));
    return is_uid(uid) ? "unix:" + std::string(uid) : "";
  }
  const bool is_local = address.starts_with("127.") || address == "::1" ||
                        address.starts_with("::ffff:127.") || address == "::ffff:::1";
  if (is_local) return "tcp:local";
  return allows_remote_plaintext ? "tcp:remote" : "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const AuthorizedKeys keys = [] {
    AuthorizedKeys one;
    Key key{};
    std::ranges::copy(desk_key, key.begin());
    require(one.add("desk", key));
    return one;
  }();
  const bool allows_remote_plaintext = (data[0] & 1U) != 0;
  const auto objecting = static_cast<Objecting>(std::min<unsigned>(data[0] >> 1U & 3U, 2));
  const auto frames = frames_of({reinterpret_cast<const char*>(data) + 1, size - 1});
  std::string asked_about;
  const ZapRules rules{
      .keys = keys,
      .allows_remote_plaintext = allows_remote_plaintext,
      .objection = [&](const Candidate& candidate) -> std::optional<ZapRules::Objection> {
        require(asked_about.empty() && domain_of(candidate.door) == frames[2]);
        asked_about = candidate.user;
        if (objecting == Objecting::never) return std::nullopt;
        return ZapRules::Objection{"no", objecting == Objecting::for_now};
      }};
  const auto verdict = check_zap(frames, rules);
  const auto user = entitled(frames, allows_remote_plaintext);
  require(asked_about == user);
  require(verdict.is_answerable == (frames.size() >= 2));
  require(!verdict.is_answerable || verdict.id == frames[1]);
  if (user.empty()) {
    require(verdict.status == "400" || verdict.status == "500");
  } else {
    constexpr std::array<std::string_view, 3> expected{"200", "300", "400"};
    require(verdict.status == expected[static_cast<std::size_t>(objecting)]);
  }
  require(verdict.user == (verdict.status == "200" ? user : ""));
  require(verdict.why.empty() == (verdict.status == "200"));
  return 0;
}
