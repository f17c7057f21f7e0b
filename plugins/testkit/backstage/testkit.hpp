/// The test kit: the daemon's engine on one thread, for a unit test of your own actors.
///
///   #include <backstage/testkit.hpp>
///
///   backstage::testkit::stage stage;
///   stage.load("./greeter.so");                      // or: stage.load(&backstage_plugin_v1)
///   stage.spawn("greeter", "g", R"({"greeting": "good day,"})");
///   assert(stage.ask("g", "", "world") == "good day, world");
///
/// Time stands still until advance(); nothing runs between two calls. Each call goes on until no
/// actor has anything left to do, so what an actor does can be looked at as soon as the call is
/// back. The order of turns is that of arrival, or, with a seed, one of the orders that threads
/// could have made: the same for the same seed. Any test framework will do: what goes wrong in the
/// test itself throws `failure`. All of it is for one thread. Links with libbackstage_testkit.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "backstage/plugin.h"

#define BACKSTAGE_TESTKIT_API __attribute__((visibility("default")))

namespace backstage::testkit {

using milliseconds = std::chrono::milliseconds;

/// What the test asked for could not be done; what() is a sentence, code() a token such as
/// `no_actor`, `mailbox_full`, `SYMBOL_MISSING`, `no_answer`.
class BACKSTAGE_TESTKIT_API failure : public std::runtime_error {
 public:
  failure(std::string code, const std::string& text)
      : std::runtime_error(text + " [" + code + "]"), code_(std::move(code)) {}
  [[nodiscard]] const std::string& code() const noexcept { return code_; }

 private:
  std::string code_;
};

/// One message that reached the test: as an answer, on a topic, or in the place of a stub.
struct mail {
  std::string kind;  ///< send publish request reply down
  std::string from;  ///< the actor's name
  std::string type, body;
  std::string address;    ///< of a publish: "actor/topic"
  std::uint64_t seq = 0;  ///< of a publish
  std::string error;      ///< of a reply that is a refusal: its token; else empty
};

/// The end of a request, once it is there.
class BACKSTAGE_TESTKIT_API answer {
 public:
  explicit answer(std::shared_ptr<const std::optional<mail>> place) : place_(std::move(place)) {}
  [[nodiscard]] bool is_here() const noexcept { return place_->has_value(); }
  /// Here, and no refusal.
  [[nodiscard]] bool ok() const noexcept { return is_here() && (**place_).error.empty(); }
  /// Throws failure while it is not here: the actor may be waiting for stage::advance.
  [[nodiscard]] const mail& get() const;
  /// The body. Throws failure when it is a refusal, or not here.
  [[nodiscard]] const std::string& must() const;

 private:
  std::shared_ptr<const std::optional<mail>> place_;
};

/// What a stub does with a request.
struct reaction {
  bool replies = false;
  bs_status error = BS_OK;  ///< negative: a refusal, and body is its sentence
  std::string type, body;

  [[nodiscard]] static reaction reply(std::string body, std::string type = {}) {
    return {true, BS_OK, std::move(type), std::move(body)};
  }
  [[nodiscard]] static reaction refuse(bs_status error, std::string text) {
    return {true, error, {}, std::move(text)};
  }
  /// The request stays open until its deadline.
  [[nodiscard]] static reaction silence() { return {}; }
};
using handler = std::function<reaction(const mail&)>;

/// A message that could not be handled.
struct dead_letter {
  std::string cause;  ///< failed stopped parked
  std::string target, reason, type, body;
};
struct log_line {
  std::string level;  ///< debug info warn error
  std::string actor;  ///< empty outside of a turn
  std::string text;
};
/// A handler or a constructor that failed.
struct failed_turn {
  std::string actor, reason;
};

class BACKSTAGE_TESTKIT_API stage {
 public:
  /// Seed 0: turns in the order of arrival.
  explicit stage(std::uint64_t seed = 0);
  ~stage();
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  // --- Plugins. Both throw failure with the daemon's own code, reason and fix.
  /// Loads a copy of a plugin's file as the daemon would. A second file of the same plugin id with
  /// a higher version upgrades the living actors; throws failure when one stays what it was.
  void load(const std::string& file);
  /// Takes a plugin that is linked into the test program, by its entry. The config is the plugin's
  /// own. Only one stage at a time may have it: the plugin's statics are the program's.
  void load(const bs_plugin* (*entry)(const bs_api*), std::string_view config = {});
  /// The plugin's own config, for files that are loaded after this.
  void configure(std::string_view plugin_id, std::string_view config);

  // --- Actors, by name.
  /// Returns the name. Throws failure when it is refused, and when its constructor fails.
  std::string spawn(std::string_view type, std::string_view name, std::string_view config = {});
  /// Ends an actor as the daemon would; its monitors are told.
  void stop(std::string_view actor);
  /// `running`, `backing_off` (it failed, and is made anew after a while), `parked` (it failed too
  /// often), `stopping`, or `gone`.
  [[nodiscard]] std::string phase(std::string_view actor) const;
  /// A stand-in for an actor that yours works with: found by its name, may be sent to and asked.
  /// `react` answers its requests; without it they stay open.
  void stub(std::string_view name, handler react = {});
  /// All that a stub got, oldest first.
  [[nodiscard]] std::vector<mail> received(std::string_view stub) const;

  // --- Messages. `from` is a stub; without it they come from an actor named `test`.
  /// Throws failure when it is refused.
  void send(std::string_view to, std::string_view type, std::string_view body,
            std::string_view from = {});
  /// Asks. The answer is here at once, or after advance.
  answer request(std::string_view to, std::string_view type, std::string_view body,
                 milliseconds timeout = milliseconds{5000}, std::string_view from = {});
  /// The body of the answer. Throws failure when it is a refusal, or does not come without time
  /// passing.
  std::string ask(std::string_view to, std::string_view type, std::string_view body);
  /// Publishes as if `address`, "actor/topic", were somebody's own.
  void publish(std::string_view address, std::string_view type, std::string_view body);

  // --- Time.
  /// Lets time pass, timer by timer.
  void advance(std::chrono::nanoseconds time);
  /// Since the stage was made.
  [[nodiscard]] milliseconds now() const;

  // --- What has happened, oldest first. Copies.
  /// Hears what is published on a pattern from now on: "g/default", "g/*", "*/md.>".
  void subscribe(std::string_view pattern);
  /// What was published on an address that `subscribe` covers.
  [[nodiscard]] std::vector<mail> published(std::string_view address) const;
  /// What `test` was sent, but for answers and topics.
  [[nodiscard]] std::vector<mail> inbound() const;
  /// The value an address keeps for those who come later.
  [[nodiscard]] std::optional<std::string> retained(std::string_view address) const;
  [[nodiscard]] std::vector<dead_letter> dead_letters() const;
  [[nodiscard]] std::vector<log_line> logs() const;
  [[nodiscard]] std::vector<failed_turn> failures() const;
  /// What a plugin counts under that name.
  [[nodiscard]] std::optional<double> metric(std::string_view name) const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace backstage::testkit
