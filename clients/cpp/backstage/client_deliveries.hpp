/// What the daemon delivers to the C++ client: subscriptions, what each has had, and the calls of
/// handlers that wait for poll().
#pragma once
#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "client_protocol.hpp"

namespace backstage::client::detail {

struct subscription {
  struct handlers {
    std::function<void(const message&)> on_message{};
    std::function<void(const gap&)> on_gap{};
  };
  using sequences = std::map<std::string, std::uint64_t, std::less<>>;

  std::string pattern{};
  subscribe_options with{};
  // A handler may subscribe again while it runs: who calls it shares it.
  std::shared_ptr<const handlers> told{};
  std::uint64_t number = 0;
  bool is_live = true;
  sequences had{};     ///< of each address the last that came
  sequences before{};  ///< as `had`, of the session before this one
};
// Shared by the table and the calls that wait: one that has ended is not called any more.
using subscription_ptr = std::shared_ptr<subscription>;

class deliveries {
 public:
  using refuse = std::function<void(const mail&, const char* token, std::string_view text)>;

  /// `on_refusal` answers mail that no handler takes.
  deliveries(std::size_t kept_max, refuse on_refusal)
      : kept_max_(kept_max), refuse_(std::move(on_refusal)) {}

  void keep(std::function<void()> call) { kept_.push_back(std::move(call)); }
  [[nodiscard]] bool empty() const noexcept { return kept_.empty(); }
  /// Calls all that is kept, one at a time, never from inside a call; how many.
  std::size_t run() {
    if (is_running_) return 0;
    struct turn {
      bool& flag;
      explicit turn(bool& it) : flag(it) { flag = true; }
      ~turn() { flag = false; }
    } const turn{is_running_};
    std::size_t count = 0;
    for (; !kept_.empty(); ++count) {
      const auto next = std::move(kept_.front());
      kept_.pop_front();
      next();
    }
    return count;
  }
  /// The ACK lines of what handlers have taken since.
  std::vector<std::string> take_acks() {
    std::vector<std::string> lines;
    for (const auto& [number, seq] : acks_) {
      lines.push_back("ACK " + std::to_string(number) + ' ' + std::to_string(seq));
    }
    acks_.clear();
    return lines;
  }

  /// That of a pattern; made if there is none.
  subscription_ptr& at(const std::string& pattern) {
    auto& sub = all_[pattern];
    if (sub == nullptr) {
      sub = std::make_shared<subscription>();
      sub->pattern = pattern;
    }
    return sub;
  }
  [[nodiscard]] bool has(const std::string& pattern) const { return all_.contains(pattern); }
  [[nodiscard]] const auto& all() const noexcept { return all_; }
  [[nodiscard]] std::size_t confirmed() const noexcept { return by_number_.size(); }
  void forget(const std::string& pattern) {
    const auto found = all_.find(pattern);
    if (found == all_.end()) return;
    found->second->is_live = false;
    by_number_.erase(found->second->number);
    all_.erase(found);
  }
  /// The session is another: numbers mean nothing any more, nor sequences in another epoch.
  void renew(bool is_same_epoch) {
    ++sessions_;
    by_number_.clear();
    acks_.clear();
    for (const auto& [pattern, sub] : all_) {
      for (const auto& [address, seq] : sub->had) sub->before[address] = seq;
      sub->had.clear();
      if (!is_same_epoch) sub->before.clear();
    }
  }

  /// The OK of a SUB.
  void confirm(const subscription_ptr& sub, const words& line) {
    if (!sub->is_live) return;
    sub->number = line.number("sub");
    by_number_[sub->number] = sub;
    if (line.key("seq").empty()) return;
    const auto seq = line.number("seq");
    missed(sub, sub->pattern, seq);
    sub->had.try_emplace(sub->pattern, seq);
  }
  void take_gap(const words& line) {
    const auto found = by_number_.find(line.number(1));
    if (found == by_number_.end()) return;
    gap it{std::string{line.at(2)}, line.number(3), line.number(4), std::string{line.at(5)}};
    auto& had = found->second->had[it.address];
    if (it.reason == "resume") it.first = std::max(it.first, had + 1);
    had = std::max(had, it.last);
    lose(found->second, std::move(it));
  }
  void take_message(const words& line, std::string_view payload) {
    const auto found = by_number_.find(line.number(1));
    if (found == by_number_.end()) return;
    const auto& sub = found->second;
    message it{std::string{line.at(2)},         line.number(3),       std::string{line.at(4)},
               std::string{line.key("type")},   std::string{payload}, !line.key("snap").empty(),
               !line.key("redelivered").empty()};
    if (!it.is_snapshot) {
      missed(sub, it.address, it.seq - 1);
      auto& had = sub->had[it.address];
      had = std::max(had, it.seq);
    }
    if (messages_ >= kept_max_ && !sub->with.is_acked) {
      return lose(sub, {it.address, it.seq, it.seq, "slow"});
    }
    ++messages_;
    keep([this, sub, it = std::move(it), of = sessions_] {
      --messages_;
      if (!sub->is_live) return;
      const auto told = sub->told;
      told->on_message(it);
      const bool is_asked = sub->with.is_acked || sub->with.window > 0;
      if (is_asked && of == sessions_) acks_[sub->number] = it.seq;
    });
  }
  /// Mail waits until there is a handler for it, or its sender gives up.
  void take_mail(const words& line, std::string_view payload) {
    mail it{std::string{line.at(4)}, std::string{line.key("type")}, std::string{payload},
            line.number("rid")};
    if (on_mail_) return give(std::move(it));
    if (mail_.size() < kept_max_) return mail_.push_back(std::move(it));
    refuse_(it, " 429 mailbox_full", {});
  }
  void serve(std::function<void(const mail&)> on_mail) {
    on_mail_ = std::move(on_mail);
    for (auto& it : std::exchange(mail_, {})) give(std::move(it));
  }

 private:
  void give(mail it) {
    keep([this, it = std::move(it)] {
      try {
        on_mail_(it);
      } catch (const std::exception& thrown) {
        refuse_(it, " 500 actor_failed", thrown.what());
      } catch (...) {
        refuse_(it, " 500 actor_failed", "the handler failed");
      }
    });
  }
  // What was published up to `seq` while there was no session.
  void missed(const subscription_ptr& sub, const std::string& address, std::uint64_t seq) {
    const auto found = sub->before.find(address);
    if (found == sub->before.end()) return;
    lose(sub, {address, found->second + 1, seq, "reconnect"});
    sub->before.erase(found);
  }
  void lose(const subscription_ptr& sub, gap it) {
    if (it.first > it.last) return;
    keep([sub, it = std::move(it)] {
      const auto told = sub->told;
      if (sub->is_live && told->on_gap) told->on_gap(it);
    });
  }

  const std::size_t kept_max_;
  const refuse refuse_;
  std::function<void(const mail&)> on_mail_{};
  std::deque<mail> mail_{};
  std::deque<std::function<void()>> kept_{};
  std::size_t messages_ = 0;  // among those kept
  bool is_running_ = false;
  std::map<std::string, subscription_ptr> all_{};
  std::map<std::uint64_t, subscription_ptr> by_number_{};
  std::map<std::uint64_t, std::uint64_t> acks_{};
  std::uint64_t sessions_ = 0;
};

}  // namespace backstage::client::detail
