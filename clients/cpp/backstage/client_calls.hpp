/// Commands of the C++ client that are under way: unsent, or sent and not answered yet.
#pragma once
#include <algorithm>
#include <deque>
#include <functional>
#include <map>

#include "client_wire.hpp"

namespace backstage::client::detail {

using clock = std::chrono::steady_clock;

struct answer {
  std::string line{};
  std::string payload{};
};
using done = std::function<void(outcome<answer>)>;

/// A command still without its id. Views live as long as the call.
struct command {
  std::string_view verb{};
  std::string_view target{};
  std::string keys{};
  std::string_view payload{};
  milliseconds timeout{0};
  std::string_view type{};  ///< part of `keys`, to be checked
};
/// Why a command cannot be sent at all. `payload_max` 0: not known.
inline std::optional<error> mistake_in(const command& it, std::uint64_t payload_max) {
  const auto mistake = [&it](int number, const char* token, const std::string& why) {
    return error{number, token,
                 std::string{it.verb} + ' ' + std::string{it.target} + ": " +
                     std::to_string(number) + ' ' + token + ": " + why,
                 std::string{advice(number, token)}};
  };
  const auto no_word = [](std::string_view text) {
    return '"' + std::string{text} + "\" is no name";
  };
  if (it.verb != "PING" && !is_word(it.target)) {
    return mistake(400, "bad_addr", no_word(it.target));
  }
  if (!it.type.empty() && !is_word(it.type)) {
    return mistake(400, "bad_name", no_word(it.type));
  }
  if (payload_max == 0 || it.payload.size() <= payload_max) return std::nullopt;
  return mistake(413, "too_large",
                 std::to_string(it.payload.size()) + " bytes, the daemon takes " +
                     std::to_string(payload_max));
}

/// One command under way. It stays whole until its answer: it may have to be sent again.
struct call {
  std::string line{};
  std::string payload{};
  milliseconds wait{};
  clock::time_point expires{};
  clock::time_point probe_at{};  ///< when a PING asks whether the daemon lives at all
  done then{};
  bool is_sent = false;
  bool is_probed = false;
  [[nodiscard]] bool is(std::string_view verb) const {
    return line.starts_with(verb) && line.size() > verb.size() && line[verb.size()] == ' ';
  }
  [[nodiscard]] std::string what() const { return line.substr(0, line.find(" id=")); }
  void renumber(std::uint64_t from, std::uint64_t to) {
    const auto old = (is("PING") ? " " : " id=") + std::to_string(from);
    line.replace(line.find(old) + old.size() - std::to_string(from).size(),
                 std::to_string(from).size(), std::to_string(to));
  }
};

inline error no_answer(const call& it, bool is_alive, const std::string& state) {
  return {0, "no_answer",
          it.what() + ": no answer within " + std::to_string(it.wait.count()) + " ms; " + state,
          std::string{is_alive ? "give it more time" : "see whether the daemon still runs"} +
              "; the command may have had effects"};
}

class calls {
 public:
  explicit calls(bool is_packing) : is_packing_(is_packing) {}

  /// Whether several go as one BATCH.
  bool is_packing_;
  [[nodiscard]] std::uint64_t next_id() noexcept { return ++last_id_; }
  void add(std::uint64_t id, call it) {
    all_[id] = std::move(it);
    unsent_.push_back(id);
  }
  /// A line without an id, to go out before all that waits.
  void add_soon(std::string line, std::string_view payload) {
    soon_.push_back({std::move(line), std::string{payload}});
  }
  [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
  [[nodiscard]] bool all_sent() const noexcept { return soon_.empty() && unsent_.empty(); }
  [[nodiscard]] auto& all() noexcept { return all_; }
  [[nodiscard]] const auto& all() const noexcept { return all_; }

  /// Sends what waits, as far as it goes; several at once in one BATCH.
  void flush(wire& to) {
    for (; !soon_.empty() && to.push(soon_.front().line, soon_.front().payload);) {
      soon_.pop_front();
    }
    while (soon_.empty() && !unsent_.empty() && push_next(to)) {
    }
  }
  /// The end of one; the answer to an unknown id is late, or the second one.
  void settle(std::uint64_t id, outcome<answer> got) {
    const auto found = all_.find(id);
    if (found == all_.end()) return;
    const auto it = std::move(found->second);
    all_.erase(found);
    if (!it.is_sent) std::erase(unsent_, id);
    it.then(std::move(got));
  }
  void settle_all(const error& why) {
    soon_.clear();
    unsent_.clear();
    const auto ended = std::exchange(all_, {});
    for (const auto& [id, it] : ended) it.then(why);
  }
  /// The connection is gone: what was packed goes by itself, if it goes again.
  void unpack_sent() {
    std::erase_if(all_, [](const auto& one) { return one.second.is("BATCH"); });
  }
  /// The session is another: those that may have been executed, and only once, end as `lost`.
  void give_up(const std::string& why) {
    soon_.clear();
    std::vector<std::pair<std::uint64_t, std::string>> over;
    for (const auto& [id, it] : all_) {
      const bool is_once = it.is("SEND") || it.is("PUB") || it.is("REQ");
      if (it.is_sent && is_once) over.emplace_back(id, it.what());
    }
    for (const auto& [id, what] : over) {
      settle(id, error{0, "lost", what + ": the session ended before it was answered (" + why + ')',
                       "it may have had effects: find out before you repeat it"});
    }
  }
  /// Sends the others again. SEND and PUB with their ids: those that were executed are answered
  /// again. What only reads or sets may be done twice, by new ids. Requests of a session that lives
  /// on are still being answered.
  void repeat() {
    std::vector<std::uint64_t> again;
    for (auto& [id, it] : all_) {
      if (it.is_sent && !it.is("REQ")) again.push_back(id);
    }
    for (const auto id : again) {
      auto it = all_.extract(id);
      it.mapped().is_sent = false;
      if (!it.mapped().is("SEND") && !it.mapped().is("PUB")) {
        it.key() = next_id();
        it.mapped().renumber(id, it.key());
      }
      unsent_.push_back(it.key());
      all_.insert(std::move(it));
    }
    std::ranges::sort(unsent_);
  }

 private:
  static constexpr std::size_t batch_bytes_max = 65'536, batch_count_max = 1'024;

  bool push_next(wire& to) {
    std::size_t count = 0, bytes = 0;
    for (; is_packing_ && count < std::min(unsent_.size(), batch_count_max); ++count) {
      const auto& it = all_.at(unsent_[count]);
      bytes += it.line.size() + it.payload.size() + 5;
      if (bytes > batch_bytes_max) break;
    }
    if (count >= 2) return push_batch(to, count);
    auto& one = all_.at(unsent_.front());
    if (!to.push(one.line, one.payload)) return false;
    one.is_sent = true;
    unsent_.pop_front();
    return true;
  }
  bool push_batch(wire& to, std::size_t count) {
    const auto end = unsent_.begin() + static_cast<std::ptrdiff_t>(count);
    const std::vector<std::uint64_t> ids(unsent_.begin(), end);
    std::string packed;
    for (const auto id : ids) pack(packed, {all_.at(id).line, all_.at(id).payload});
    const auto id = next_id();
    auto line = "BATCH " + std::to_string(count) + " id=" + std::to_string(id);
    if (!to.push(line, packed)) return false;
    for (const auto one : ids) all_.at(one).is_sent = true;
    unsent_.erase(unsent_.begin(), end);
    const auto never = clock::time_point::max();
    auto then = [this, ids](const outcome<answer>& got) { unpacked(ids, got); };
    all_[id] = {std::move(line), {}, {}, never, never, std::move(then), true};
    return true;
  }
  // A BATCH that was refused did nothing: its entries go one by one, and so do all after it.
  void unpacked(const std::vector<std::uint64_t>& ids, const outcome<answer>& got) {
    if (got.ok()) return;
    is_packing_ = false;
    for (const auto id : ids) {
      const auto found = all_.find(id);
      if (found == all_.end()) continue;
      found->second.is_sent = false;
      unsent_.push_back(id);
    }
    std::ranges::sort(unsent_);
  }

  std::map<std::uint64_t, call> all_{};  // by id
  std::deque<std::uint64_t> unsent_{};   // in the order of their ids
  std::deque<answer> soon_{};
  std::uint64_t last_id_ = 0;
};

}  // namespace backstage::client::detail
