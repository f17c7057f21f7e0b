/// Directory: the cells by slot, and the living ones by name.
///
/// Slots are never given back, so a Cell pointer stays valid; whether its life is the one meant is
/// the mailbox's to say. A thread takes slots from a bank of its own and puts them back there, the
/// last one used first: it is warm. Lock order: the shard of a name, then a cell's own lock, under
/// which its name and type change, then its mailbox. A bank's lock is a leaf.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cell.hpp"
#include "core/hash_index.hpp"
#include "core/ledger.hpp"
#include "core/spin_lock.hpp"
#include "core/values/result.hpp"

namespace backstage {

class Directory {
 public:
  Directory(Runtime& runtime, std::uint32_t actors_max);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  /// Opens a cell under a free name. A held name answers its holder's id and makes nothing. The new
  /// cell counts as awake: the caller posts it. Errors: actors_full. [any]
  struct Opened {
    ActorId id;
    Cell* cell = nullptr;
    bool existed = false;
  };
  [[nodiscard]] Result<Opened> open(CellOptions& options);
  /// Frees the name: it may be taken at once. [any]
  void forget_name(std::string_view name, ActorId id);
  /// Adds up the life's ledger and frees the slot. The cell's last act. [actor]
  void release(Cell& cell);

  /// The cell of a slot; null for nobody or a slot never used. [any]
  [[nodiscard]] Cell* at(ActorId id) const noexcept;
  [[nodiscard]] Result<ActorId> find(std::string_view name) const;
  [[nodiscard]] bool is_alive(ActorId id) const;
  /// `at` knows a cell for no slot from here on. [any]
  [[nodiscard]] std::uint32_t slots() const noexcept {
    return used_.load(std::memory_order_relaxed);
  }
  /// The cell of just this life, or of one that ended and whose slot was not used again. As
  /// for_each. False: there is none. [any]
  bool visit(ActorId id, const std::function<void(const Cell&)>& visit) const;
  /// Of the life that a slot holds now; empty: none. [any]
  [[nodiscard]] std::string name_in(std::uint32_t slot) const;
  /// "client" for clients, empty for the dead. [any]
  [[nodiscard]] std::string type_of(ActorId id) const;
  /// While actors come, these may count some too many, never too few. [any]
  [[nodiscard]] std::size_t living() const noexcept;
  [[nodiscard]] std::size_t hosted() const noexcept;
  /// Each living cell, under its own lock: `visit` must be short, ask for no trouble() and call
  /// nothing back. [any]
  void for_each(const std::function<void(const Cell&)>& visit) const;
  /// Of the lives that are over. [any]
  [[nodiscard]] Ledger folded() const;

 private:
  // Cells are made this many at a time: what a thread without a free slot takes for itself.
  static constexpr std::uint32_t block_cells = 64;
  // Their memory is taken in chunks of at most a huge page.
  static constexpr std::uint32_t chunk_bytes_max = 2U << 20U;
  static constexpr std::uint32_t chunk_blocks_max = 128;
  static constexpr std::uint32_t chunk_blocks = std::bit_floor(
      std::min<std::uint32_t>(chunk_bytes_max / (sizeof(Cell) * block_cells), chunk_blocks_max));
  static constexpr std::uint32_t chunk_cells = chunk_blocks * block_cells;
  struct Chunk;
  class Count;
  struct Bank;
  struct alignas(64) Shard {
    mutable SpinLock lock;
    HashIndex names;
  };
  [[nodiscard]] Shard& shard_of(std::uint64_t hash) const noexcept;
  [[nodiscard]] Cell* holder(const Shard& shard, std::uint64_t hash, std::string_view name) const;
  [[nodiscard]] Bank& bank() const noexcept;
  [[nodiscard]] std::optional<std::uint32_t> take_slot(bool is_hosted);
  /// A life's books: most lives handle all that they accept.
  struct Settled {
    std::uint64_t handled = 0;
    const Ledger* all = nullptr;  ///< of a life that lost something; `handled` is not counted then
  };
  void give_back(std::uint32_t slot, bool is_hosted, const Settled& settled);
  [[nodiscard]] bool take_from_others(Bank& own, std::size_t worth_it);
  [[nodiscard]] bool make_slots(Bank& own);
  void make_cells(std::uint32_t first);
  [[nodiscard]] Cell* cell_of(std::uint32_t slot) const noexcept;
  [[nodiscard]] std::size_t count(Count Bank::* what) const noexcept;

  Runtime& runtime_;
  const std::uint32_t max_;
  const std::uint64_t names_seed_;
  const std::uint32_t chunk_count_;
  std::unique_ptr<Chunk[]> chunks_;
  std::unique_ptr<Shard[]> shards_;
  std::unique_ptr<Bank[]> banks_;
  std::atomic<std::uint32_t> used_{0};
  std::mutex chunks_mutex_;  // under which a chunk gets its memory
};

struct Directory::Chunk {
  Cell* cells = nullptr;
  std::array<std::atomic<std::uint64_t>, chunk_blocks_max / 64> made{};  // a bit for each block

  [[nodiscard]] bool has(std::uint32_t block) const noexcept {
    // Acquire: pairs with the release of whoever made the block; its cells are seen whole.
    return (made[block / 64].load(std::memory_order_acquire) >> block % 64 & 1U) != 0;
  }
  void tell_made(std::uint32_t block) noexcept {
    made[block / 64].fetch_or(std::uint64_t{1} << block % 64, std::memory_order_release);
  }
};

inline Cell* Directory::cell_of(std::uint32_t slot) const noexcept {
  return chunks_[slot / chunk_cells].cells + slot % chunk_cells;
}

inline Cell* Directory::at(ActorId id) const noexcept {
  if (id.is_nobody() || id.slot / chunk_cells >= chunk_count_) return nullptr;
  const Chunk& chunk = chunks_[id.slot / chunk_cells];
  const std::uint32_t place = id.slot % chunk_cells;
  return chunk.has(place / block_cells) ? chunk.cells + place : nullptr;
}

}  // namespace backstage
