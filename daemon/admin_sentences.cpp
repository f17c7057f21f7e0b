// What explain's facts say in one sentence, with what to do next where there is something.
#include <fmt/format.h>

#include <array>
#include <chrono>

#include "daemon/admin_explain.hpp"

namespace backstage::daemon {
namespace {

using namespace std::chrono_literals;

// To the unit that people would say.
std::string words(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (duration < 10s) return fmt::format("{} ms", ms);
  if (duration < 10min) return fmt::format("{} s", ms / 1000);
  return fmt::format("{} min", ms / 60'000);
}

std::string counted(std::uint64_t number, std::string_view one, std::string_view several) {
  return fmt::format("{} {}", number, number == 1 ? one : several);
}

std::string_view reason_of(DropCause cause) {
  constexpr std::array<std::string_view, drop_cause_count> reasons{
      "it came to a full mailbox that drops what is newest",
      "it was the oldest in a full mailbox and made room",
      "a newer publish of the same address took its place",
      "its deadline passed before its turn",
      "nobody waited for it any more when its turn came",
      "the session could not keep up and was ended",
      "the actor ended before its turn",
      "the handler failed, and this is no message that is kept",
      "its asker had ended before its turn",
      "all clients together had too much waiting, and its session most"};
  return reasons[static_cast<std::size_t>(cause)];
}

std::string of_rule(const RuleFacts& rule) {
  const auto named = fmt::format("the activation rule \"{}\"", rule.activate);
  if (!rule.is_type_known) {
    return fmt::format(
        "{} cannot make one, because no type \"{}\" is registered: op plugins lists"
        " what is loaded",
        named, rule.type);
  }
  if (rule.max != 0 && rule.living >= rule.max) {
    return fmt::format("{} has made the {} it may: a message is refused with activation_limit",
                       named, counted(rule.max, "actor", "actors"));
  }
  return fmt::format("{} makes one of type {} with the next message", named, rule.type);
}

std::string of_phase(const NameFacts& facts, TimePoint now) {
  const auto& trouble = facts.trouble;
  switch (facts.phase) {
    case Phase::starting:
      return "is being made";
    case Phase::running:
      if (!facts.handling) return "runs and handles nothing now";
      return fmt::format("runs and handles a {} now (message {})", name_of(*facts.handling),
                         static_cast<std::uint64_t>(facts.handled_last));
    case Phase::backing_off:
      if (!trouble) return "is made anew with its siblings";
      return fmt::format("failed {} ago with \"{}\" and {}", words(now - trouble->failed_at),
                         trouble->reason,
                         trouble->next_self == never
                             ? "waits for its supervisor's order"
                             : fmt::format("is made anew in {}", words(trouble->next_self - now)));
    case Phase::stopping:
      return "is stopping and waits for its children to end";
    case Phase::parked:
      if (!trouble) return "is parked";
      return fmt::format("has been parked for {}: it failed too often, the last time with \"{}\"",
                         words(now - trouble->since), trouble->reason);
    case Phase::ended:
      break;
  }
  return "has ended";
}

std::string of_mailbox(const Mailbox::Depth& mailbox) {
  const std::uint64_t all = mailbox.data_messages + mailbox.control;
  std::string text =
      all == 0 ? "no message waits"
               : fmt::format("{} in its mailbox", counted(all, "message waits", "messages wait"));
  if (mailbox.is_full()) {
    text += mailbox.overflow == backstage::Overflow::reject
                ? ", which is full: more are refused with mailbox_full"
                : fmt::format(", which is full: {}", name_of(mailbox.overflow));
  }
  return text;
}

std::string of_letter(const DeadLetter& letter, TimePoint now) {
  const auto id = static_cast<std::uint64_t>(letter.id);
  return fmt::format(
      "message {} (a {} to \"{}\") is a dead letter since {}, cause {}: {};"
      " {{\"op\":\"replay\",\"id\":{}}} gives it to \"{}\" again",
      id, name_of(letter.kind), letter.target, words(now - letter.at), token(letter.cause),
      letter.reason, id, letter.target);
}

}  // namespace

std::string sentence_on(const NameFacts& facts, TimePoint now) {
  if (!facts.is_living) {
    const auto none = fmt::format("no actor has the name \"{}\"", facts.name);
    if (facts.rule) return fmt::format("{}; {}", none, of_rule(*facts.rule));
    return fmt::format(
        "{}, and no activation rule makes one: a message to it is refused with"
        " no_actor; op spawn makes one by hand",
        none);
  }
  std::string text = fmt::format("\"{}\" ({}", facts.name, facts.type);
  if (!facts.parent.empty()) text += fmt::format(", child of \"{}\"", facts.parent);
  text += fmt::format(") {}; {}", of_phase(facts, now), of_mailbox(facts.mailbox));
  if (facts.phase == Phase::parked) {
    text += fmt::format("; mend the cause, then {{\"op\":\"unpark\",\"name\":\"{}\"}}", facts.name);
  }
  return text;
}

std::string sentence_on(const AddressFacts& facts) {
  std::string text = fmt::format("nothing was published on \"{}\" yet", facts.address);
  if (facts.seq != 0) {
    text = fmt::format("the last publish on \"{}\" had number {}", facts.address, facts.seq);
  }
  if (facts.is_retained) text += fmt::format(", number {} is retained", facts.retained_seq);
  if (facts.subscriptions == 0) {
    text += "; no subscription matches";
  } else {
    text += fmt::format(
        "; {}", counted(facts.subscriptions, "subscription matches", "subscriptions match"));
    if (facts.full != 0) text += fmt::format(", {} with a full mailbox", facts.full);
    if (facts.parked != 0) text += fmt::format(", {} parked", facts.parked);
  }
  for (const auto& one : facts.activations) {
    if (one.is_living) continue;
    text += fmt::format("; \"{}\" does not live, and {}", one.name, of_rule(one.rule));
  }
  return text;
}

std::string sentence_on(const MessageFacts& facts, TimePoint now) {
  const auto id = static_cast<std::uint64_t>(facts.id);
  const auto who =
      facts.actor.empty() ? "an actor that has ended" : fmt::format("\"{}\"", facts.actor);
  switch (facts.state) {
    case MessageFacts::State::never_given:
      return fmt::format("no message has the number {} yet", id);
    case MessageFacts::State::waiting:
      return fmt::format(
          "message {} (a {}) waits in the mailbox of {}, {}", id, name_of(facts.kind), who,
          facts.ahead == 0 ? "as the next"
                           : fmt::format("behind {}", counted(facts.ahead, "other", "others")));
    case MessageFacts::State::running:
      return fmt::format("{} handles message {} (a {}) now", who, id, name_of(facts.kind));
    case MessageFacts::State::held:
      return fmt::format(
          "{} has taken message {} and will handle it again; explain {} tells what"
          " it waits for",
          who, id, who);
    case MessageFacts::State::dead_letter:
      return of_letter(*facts.letter, now);
    case MessageFacts::State::dropped:
      return fmt::format("message {} to {} was dropped ({}): {}", id, who, token(facts.cause),
                         reason_of(facts.cause));
    case MessageFacts::State::forgotten:
      break;
  }
  return fmt::format(
      "nothing is kept of message {}: it was handled, or refused at once, of which"
      " its sender was told, or dropped longer ago than the last {} drops{}",
      id, Fates::kept_max, facts.is_cut ? "; but not every waiting message was looked at" : "");
}

}  // namespace backstage::daemon
