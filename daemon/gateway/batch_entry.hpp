/// BatchEntry: one message of a BATCH, as if it had been received alone.
#pragma once
#include <span>
#include <string_view>

#include "daemon/gateway/seam.hpp"

namespace backstage::gateway {

/// Lives as long as the command it is executed for. [gateway]
class BatchEntry final : public InMessage {
 public:
  /// `message` lies in `batch`, the payload of the whole, which `user_id` has sent.
  BatchEntry(const Payload& batch, std::string_view message, std::string_view user_id) noexcept
      : batch_(batch), message_(message), user_id_(user_id) {}

  [[nodiscard]] std::span<const std::string_view> frames() const noexcept override {
    return {&message_, 1};
  }
  /// Shares the batch's memory from frame_adopt_bytes_min up. What is less than a sixteenth of its
  /// batch is copied even so: it would keep all of that memory for as long as it waits.
  [[nodiscard]] Payload take(std::size_t frame, std::size_t offset) override;
  [[nodiscard]] std::string_view user_id() const noexcept override { return user_id_; }

 private:
  static constexpr std::size_t batch_parts_max = 16;

  const Payload& batch_;
  const std::string_view message_;
  const std::string_view user_id_;
};

}  // namespace backstage::gateway
