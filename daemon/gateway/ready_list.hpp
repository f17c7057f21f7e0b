/// ReadyList: the executor of clients: cells with work, run by the gateway's thread.
#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/executor.hpp"

namespace backstage::gateway {

class ReadyList final : public Executor {
 public:
  /// `wake` is called from any thread when cells are there that the owner does not know of yet, nor
  /// looks for. It must not call back.
  explicit ReadyList(std::function<void()> wake) : wake_(std::move(wake)) {}

  ~ReadyList() override;
  ReadyList(const ReadyList&) = delete;
  ReadyList& operator=(const ReadyList&) = delete;

  /// Before messages flow: this thread runs the cells. Again: it does from now on.
  void own_here() noexcept;
  /// From the owner just a list entry, so that what clients send each other never leaves its
  /// thread. [any]
  void post(Cell& cell) noexcept override;

  /// Runs each cell that is ready now for one turn, until `until`. [gateway]
  void run(const Clock& clock, TimePoint until);
  [[nodiscard]] bool empty();

  /// While one lives its owner looks itself for what others post: nobody wakes it. Cells that came
  /// too late for its last look wake it at the end. [gateway]
  class Attention {
   public:
    explicit Attention(ReadyList& list) noexcept;
    ~Attention();
    Attention(const Attention&) = delete;
    Attention& operator=(const Attention&) = delete;
    /// Others have posted since the last run().
    [[nodiscard]] bool has_posted() const;

   private:
    ReadyList& list_;
  };

 private:
  void take_posted();

  const std::function<void()> wake_;
  std::atomic<std::thread::id> owner_{};
  std::deque<Cell*> ready_;  // [gateway] only
  mutable std::mutex mutex_;
  bool is_attended_ = false;   // guarded by mutex_
  std::vector<Cell*> posted_;  // guarded by mutex_
  std::vector<Cell*> taken_;   // [gateway] only
};

}  // namespace backstage::gateway
