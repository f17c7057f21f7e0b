/// Directory: the cells by slot, and the living ones by name.
///
/// Slots are never given back, so a Cell pointer stays valid; whether its life is the one meant is
/// the mailbox's to say. Lock order: a names shard, then the slot mutex, then the mailbox of the
/// cell being opened.
#pragma once
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/cell.hpp"
#include "core/string_map.hpp"
#include "core/values/result.hpp"

namespace backstage {

class Directory {
 public:
  Directory(Runtime& runtime, std::uint32_t actors_max) : runtime_(runtime), max_(actors_max) {}
  ~Directory();

  /// Opens a cell under a free name. A held name answers its holder's id and makes nothing. The new
  /// cell counts as awake: the caller posts it. Errors: actors_full. [any]
  struct Opened {
    ActorId id;
    Cell* cell = nullptr;
    bool existed = false;
  };
  [[nodiscard]] Result<Opened> open(CellOptions options);
  /// Frees the name: it may be taken at once. [actor]
  void forget_name(std::string_view name, ActorId id);
  /// Frees the slot. The cell's last act. [actor]
  void release(Cell& cell);

  /// The cell of a slot; null for nobody or a slot never used. [any]
  [[nodiscard]] Cell* at(ActorId id) const noexcept;
  [[nodiscard]] Result<ActorId> find(std::string_view name) const;
  [[nodiscard]] bool is_alive(ActorId id) const;
  /// Slots used so far: `at` knows a cell for each of them. [any]
  [[nodiscard]] std::uint32_t slots() const;
  /// The cell of just this life, or of one that ended and whose slot was not used again. As
  /// for_each. False: there is none. [any]
  bool visit(ActorId id, const std::function<void(const Cell&)>& visit) const;
  /// Of the life that a slot holds now; empty: none. [any]
  [[nodiscard]] std::string name_in(std::uint32_t slot) const;
  /// "client" for clients, empty for the dead. [any]
  [[nodiscard]] std::string type_of(ActorId id) const;
  [[nodiscard]] std::size_t living() const noexcept {
    return living_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::size_t hosted() const noexcept {
    return hosted_.load(std::memory_order_acquire);
  }
  /// Each living cell, under the slot mutex: `visit` must be short and call nothing back. [any]
  void for_each(const std::function<void(const Cell&)>& visit) const;

 private:
  static constexpr std::size_t chunk_size = 4096;
  static constexpr std::size_t chunks_max = 1024;
  static constexpr std::size_t shard_count = 64;
  struct Chunk;
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    // Keyed by the cell's own name: nothing is stored twice.
    std::unordered_map<NameRef, ActorId, NameHash, NameEqual> names;
  };
  [[nodiscard]] Shard& shard_of(std::string_view name) const;
  [[nodiscard]] Result<Opened> open_slot(CellOptions options);

  Runtime& runtime_;
  const std::uint32_t max_;
  std::array<std::atomic<Chunk*>, chunks_max> chunks_{};
  mutable std::array<Shard, shard_count> shards_;
  std::atomic<std::size_t> living_{0};
  std::atomic<std::size_t> hosted_{0};
  mutable std::mutex slot_mutex_;
  // Guarded by slot_mutex_
  std::vector<std::uint32_t> free_;
  std::uint32_t used_ = 0;
};

}  // namespace backstage
