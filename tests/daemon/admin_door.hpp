// The admin door on a stage, with somebody who asks and actors that fail on demand.
#pragma once
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/admin_actor.hpp"
#include "daemon/config/json_document.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

namespace backstage::daemon {

using config::Json;

using namespace std::chrono_literals;
using test::Script;
using test::Stage;

// A stage with the door, someone who asks, and actors that fail with what says "bad".
class Door {
 public:
  explicit Door(Limits limits = {}) : stage(limits) {
    AdminSources sources{stage.engine, [] { return std::vector<plugin_host::PluginInfo>{}; },
                         []() -> const gateway::Counters* { return nullptr; }, "1.2.3", "abcd"};
    const auto made =
        stage.engine.attach(admin_name, make_admin_actor(std::move(sources)), stage.executor, {});
    REQUIRE(made);
    asker_ = &stage.client("asker", answers_);
    ActorType settings;
    settings.supervision.backoff_min = settings.supervision.backoff_max = 1s;
    settings.supervision.intensity = 0;
    settings.mailbox = {100, 5000};
    type = stage.type(
        "fragile",
        [this](Context&, const Envelope& envelope) -> Outcome {
          if (is_broken && envelope.payload.text().starts_with("bad")) {
            return std::unexpected(Failure{"it is bad"});
          }
          return Handled::done;
        },
        settings);
  }

  // The whole answer.
  test::Got ask_raw(std::string_view question) {
    answers_->got.clear();
    const auto asked = stage.engine.context_of(*asker_).request(*stage.engine.find(admin_name),
                                                                {{}, Payload(question)});
    REQUIRE(asked);
    stage.settle();
    REQUIRE(answers_->got.size() == 1);
    return answers_->got.front();
  }

  Json ask(std::string_view question) {
    const auto got = ask_raw(question);
    CAPTURE(question, got.text);
    REQUIRE_FALSE(got.is_error);
    Json answer;
    REQUIRE(config::parse_json(got.text, "answer", answer).empty());
    return answer;
  }

  // Makes `count` dead letters of "vase", which is parked from the first on unless it lives anew.
  void fail(std::string_view payload) {
    if (!stage.engine.find("vase")) stage.spawn("fragile", "vase");
    (void)stage.engine.unpark(*stage.engine.find("vase"));
    stage.settle();
    const auto sent = stage.send("vase", payload);
    REQUIRE(sent);
    stage.settle();
  }

  Stage stage;
  bool is_broken = true;
  std::shared_ptr<Script> type;

 private:
  std::shared_ptr<Script> answers_ = std::make_shared<Script>();
  Cell* asker_ = nullptr;
};

// A question that is refused, and what the text for people has in it.
struct RefusedRow {
  std::string_view question;
  Errc code;
  std::array<std::string_view, 3> fragments;
};

inline void check(Door& door, const RefusedRow& row) {
  const auto got = door.ask_raw(row.question);
  CAPTURE(row.question, got.text);
  CHECK(got.is_error);
  CHECK(token(got.error) == token(row.code));
  for (const auto fragment : row.fragments) {
    CAPTURE(fragment);
    CHECK(got.text.find(fragment) != std::string::npos);
  }
}

}  // namespace backstage::daemon
