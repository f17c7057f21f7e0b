/// IngestDoor: SEND, PUB and BATCH one way, with back-pressure: a full target stops all of it, in
/// the midst of a batch if need be, so that PUSH blocks and nothing is lost.
#pragma once
#include <optional>
#include <string>

#include "core/clock.hpp"
#include "daemon/gateway/house.hpp"
#include "daemon/wire/batch.hpp"
#include "daemon/wire/command.hpp"

namespace backstage::gateway {

/// All of it is [gateway].
class IngestDoor {
 public:
  explicit IngestDoor(House& house) noexcept : house_(house) {}

  void on_message(InMessage& message);
  /// When the message that waits is to be tried again; `never` if none does.
  [[nodiscard]] TimePoint due() const noexcept { return stalled_ ? retry_at_ : never; }
  void on_time(TimePoint now);
  /// Takes no more. What still waits is tried as before.
  void close();
  /// The end: what still waits is refused, each message of it.
  void give_up();

 private:
  /// A SEND whose target is full.
  struct Stalled {
    std::string actor;
    std::string type;
    std::string from;
    Payload payload;
  };
  /// What has not run yet of a batch, whose messages are views of its payload.
  struct Rest {
    Payload batch;
    wire::BatchReader reader;
    Principal* principal;
  };
  void execute(InMessage& message, Principal& principal);
  void run_rest();
  void on_batch(const wire::Batch& batch, Payload payload, std::string_view control,
                Principal& principal);
  void on_send(const wire::Send& send, Payload payload, std::string_view control,
               const Principal& principal);
  void on_publish(const wire::Publish& publish, const Payload& payload, std::string_view control,
                  const Principal& principal);
  [[nodiscard]] bool may_speak_as(std::string_view name, const Principal& principal) const;
  [[nodiscard]] bool is_turned_away(Principal& principal, std::uint32_t messages);
  void refuse(wire::Status status, std::string_view control);
  [[nodiscard]] Result<MessageId> try_again();

  House& house_;
  std::optional<Stalled> stalled_;
  std::optional<Rest> rest_;
  Duration backoff_{};
  TimePoint retry_at_ = never;
  bool is_closed_ = false;
};

}  // namespace backstage::gateway
