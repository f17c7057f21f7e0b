#include "core/replay.hpp"

#include <utility>

#include "core/runtime.hpp"
#include "core/string_map.hpp"

namespace backstage {
namespace {

EnvelopePtr envelope_of(Runtime& runtime, const DeadLetter& letter) {
  const bool is_publish = letter.kind == Kind::publish;
  auto envelope = runtime.try_make_envelope(is_publish ? Kind::publish : Kind::send);
  if (envelope == nullptr) return envelope;
  envelope->id = letter.id;
  envelope->attempts = letter.attempts;
  envelope->sender = letter.sender_id;
  if (!letter.sender.empty()) envelope->sender_name = NameRef(letter.sender);
  envelope->type = NameRef(letter.type);
  envelope->payload = letter.payload;
  if (is_publish) {
    envelope->topic = runtime.topics.find(letter.address);
    envelope->seq = letter.seq;
    envelope->subscription = letter.subscription;
  }
  return envelope;
}

Result<void> deliver_again(Runtime& runtime, const DeadLetter& letter) {
  if (runtime.intake_closed) return runtime.refuse(Errc::stopping);
  const auto target = runtime.resolve(letter.target);
  if (!target) return Refused(target.error());
  Cell* cell = runtime.directory.at(*target);
  // A policy that drops would lose the message for good, and there is time to wait for room.
  const auto depth = cell->mailbox().depth();
  const bool has_room =
      !depth.is_full() && depth.data_bytes + letter.payload.size() <= depth.limits.data_bytes_max;
  if (!depth.refuses && !has_room) return runtime.refuse(Errc::mailbox_full);
  auto envelope = envelope_of(runtime, letter);
  if (envelope == nullptr) return runtime.refuse(Errc::no_memory);
  if (runtime.world.faults.strike(FaultSite::accept)) return runtime.refuse(Errc::mailbox_full);
  const PushResult pushed = cell->accept(envelope, *target);
  if (pushed.woke_owner) cell->executor().post(*cell);
  if (pushed.verdict == PushVerdict::refused) return Refused(pushed.why);
  // The room was taken meanwhile: counted as dropped, and the letter stays.
  if (pushed.verdict == PushVerdict::dropped) return Refused(Errc::mailbox_full);
  return {};
}

}  // namespace

ReplayReport replay(Runtime& runtime, const LetterQuery& query) {
  ReplayReport report;
  StringMap<Errc> refusing;
  // What comes back as a dead letter while this goes on is not among them.
  for (const LetterPtr& letter : runtime.dead_letters.select(query)) {
    auto refusal = refusing.find(letter->target);
    if (refusal == refusing.end()) {
      // Somebody else replays or drops it.
      if (!runtime.dead_letters.take(*letter)) continue;
      const auto delivered = deliver_again(runtime, *letter);
      if (delivered) {
        runtime.dead_letters.settle_replayed(*letter);
        ++report.replayed;
        continue;
      }
      runtime.dead_letters.put_back(letter);
      refusal = refusing.emplace(letter->target, delivered.error()).first;
    }
    ++report.refused;
    if (report.refusals.size() < ReplayReport::refusals_kept_max) {
      report.refusals.push_back({letter->id, letter->target, refusal->second});
    }
  }
  return report;
}

}  // namespace backstage
