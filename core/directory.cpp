#include "core/directory.hpp"

#include "core/runtime.hpp"

namespace backstage {

struct Directory::Chunk {
  std::array<std::atomic<Cell*>, chunk_size> cells{};
  ~Chunk() {
    for (auto& cell : cells) delete cell.load();
  }
};

Directory::~Directory() {
  for (auto& chunk : chunks_) delete chunk.load();
}

Directory::Shard& Directory::shard_of(std::string_view name) const {
  return shards_[StringHash{}(name) % shard_count];
}

Result<Directory::Opened> Directory::open(CellOptions options) {
  Shard& shard = shard_of(options.name);
  const std::string_view name = options.name;
  // The name's shard stays locked while the slot opens: a name is single-flight.
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.names.find(name); found != shard.names.end()) {
    return Opened{found->second, at(found->second), true};
  }
  auto opened = open_slot(std::move(options));
  if (opened) shard.names.emplace(opened->cell->name(), opened->id);
  return opened;
}

Result<Directory::Opened> Directory::open_slot(CellOptions options) {
  const std::lock_guard lock(slot_mutex_);
  std::uint32_t slot = 0;
  if (!free_.empty()) {
    slot = free_.back();
    free_.pop_back();
  } else {
    if (used_ >= max_ || used_ >= chunk_size * chunks_max) return Refused(Errc::actors_full);
    slot = used_++;
  }
  auto& chunk = chunks_[slot / chunk_size];
  if (chunk.load(std::memory_order_relaxed) == nullptr) {
    // Pairs with the acquire in at(): the chunk's fields are seen with its address.
    chunk.store(new Chunk, std::memory_order_release);
  }
  auto& place = chunk.load(std::memory_order_relaxed)->cells[slot % chunk_size];
  Cell* cell = place.load(std::memory_order_relaxed);
  if (cell == nullptr) {
    cell = new Cell(runtime_, slot);
    place.store(cell, std::memory_order_release);
  }
  const bool is_hosted = options.type != nullptr;
  cell->open(cell->id().generation + 1, std::move(options));
  living_.fetch_add(1, std::memory_order_release);
  if (is_hosted) hosted_.fetch_add(1, std::memory_order_release);
  return Opened{cell->id(), cell, false};
}

void Directory::forget_name(std::string_view name, ActorId id) {
  Shard& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.names.find(name);
  if (found != shard.names.end() && found->second == id) shard.names.erase(found);
}

void Directory::release(Cell& cell) {
  const std::lock_guard lock(slot_mutex_);
  if (!cell.is_client()) hosted_.fetch_sub(1, std::memory_order_release);
  living_.fetch_sub(1, std::memory_order_release);
  cell.set_phase(Phase::ended);
  cell.mailbox_.retire();
  free_.push_back(cell.id().slot);
}

Cell* Directory::at(ActorId id) const noexcept {
  if (id.is_nobody() || id.slot / chunk_size >= chunks_max) return nullptr;
  const Chunk* chunk = chunks_[id.slot / chunk_size].load(std::memory_order_acquire);
  if (chunk == nullptr) return nullptr;
  return chunk->cells[id.slot % chunk_size].load(std::memory_order_acquire);
}

Result<ActorId> Directory::find(std::string_view name) const {
  const Shard& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.names.find(name);
  if (found == shard.names.end()) return Refused(Errc::no_actor);
  return found->second;
}

bool Directory::is_alive(ActorId id) const {
  const Cell* cell = at(id);
  return cell != nullptr && cell->mailbox().is_open_for(id.generation);
}

std::uint32_t Directory::slots() const {
  const std::lock_guard lock(slot_mutex_);
  return used_;
}

bool Directory::visit(ActorId id, const std::function<void(const Cell&)>& visit) const {
  const Cell* cell = at(id);
  const std::lock_guard lock(slot_mutex_);
  if (cell == nullptr || cell->id() != id) return false;
  visit(*cell);
  return true;
}

std::string Directory::name_in(std::uint32_t slot) const {
  const Cell* cell = at({slot, 1});
  const std::lock_guard lock(slot_mutex_);
  if (cell == nullptr || cell->phase() == Phase::ended) return {};
  return std::string(cell->name().text());
}

std::string Directory::type_of(ActorId id) const {
  const Cell* cell = at(id);
  const std::lock_guard lock(slot_mutex_);
  if (cell == nullptr || cell->phase() == Phase::ended || cell->id() != id) return {};
  return std::string(cell->type_name());
}

void Directory::for_each(const std::function<void(const Cell&)>& visit) const {
  const std::lock_guard lock(slot_mutex_);
  for (std::uint32_t slot = 0; slot < used_; ++slot) {
    const Chunk* chunk = chunks_[slot / chunk_size].load(std::memory_order_acquire);
    const Cell* cell = chunk->cells[slot % chunk_size].load(std::memory_order_acquire);
    if (cell != nullptr && cell->phase() != Phase::ended) visit(*cell);
  }
}

}  // namespace backstage
