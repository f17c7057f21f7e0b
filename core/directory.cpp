#include "core/directory.hpp"

#include <algorithm>
#include <new>

#include "core/runtime.hpp"
#include "core/thread_number.hpp"

namespace backstage {
namespace {

// Another thread's free slots are worth the trouble from here on.
constexpr std::size_t worth_taking = 128;
constexpr std::uint32_t shard_count = 256;
constexpr std::uint32_t bank_count = 16;

}  // namespace

// How many began and how many are over. Written under a lock, read [any]: whoever reads all that
// are over first counts none of them that he does not count among those that began.
class Directory::Count {
 public:
  void count_opened() noexcept { add_one(opened_); }
  void count_ended() noexcept { add_one(ended_); }
  [[nodiscard]] std::uint64_t opened() const noexcept {
    return opened_.load(std::memory_order_relaxed);
  }
  // Acquire: pairs with the release below; the openings of those that are over are seen as well.
  [[nodiscard]] std::uint64_t ended() const noexcept {
    return ended_.load(std::memory_order_acquire);
  }

 private:
  static void add_one(std::atomic<std::uint64_t>& counter) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  std::atomic<std::uint64_t> opened_{0};
  std::atomic<std::uint64_t> ended_{0};
};

// What a thread takes and gives back. Each has its own as long as they are few.
struct alignas(64) Directory::Bank {
  mutable SpinLock lock;
  // Guarded by lock
  std::vector<std::uint32_t> free;  // the next one last
  Ledger folded;
  Count all;
  Count hosted;
};

Directory::Directory(Runtime& runtime, std::uint32_t actors_max)
    : runtime_(runtime),
      max_(actors_max),
      names_seed_(seed_from(runtime.world.seed)),
      chunk_count_(actors_max / chunk_cells + 1),
      chunks_(std::make_unique<Chunk[]>(chunk_count_)),
      shards_(std::make_unique<Shard[]>(shard_count)),
      banks_(std::make_unique<Bank[]>(bank_count)) {}

Directory::~Directory() {
  for (std::uint32_t i = 0; i < chunk_count_; ++i) {
    Chunk& chunk = chunks_[i];
    for (std::uint32_t block = 0; block < chunk_blocks; ++block) {
      if (!chunk.has(block)) continue;
      std::destroy_n(chunk.cells + std::size_t{block} * block_cells, block_cells);
    }
    ::operator delete(chunk.cells, std::align_val_t{alignof(Cell)});
  }
}

Directory::Shard& Directory::shard_of(std::uint64_t hash) const noexcept {
  return shards_[(hash >> 32U) % shard_count];
}

// A name in the table is its cell's until it is taken out, under the same lock.
Cell* Directory::holder(const Shard& shard, std::uint64_t hash, std::string_view name) const {
  const auto slot = shard.names.find(
      static_cast<std::uint32_t>(hash),
      [&](std::uint32_t candidate) { return cell_of(candidate)->name().text() == name; });
  return slot ? cell_of(*slot) : nullptr;
}

Result<Directory::Opened> Directory::open(CellOptions& options) {
  const std::uint64_t hash = hash_of(options.name, names_seed_);
  const bool is_hosted = options.type != nullptr;
  const auto slot = take_slot(is_hosted);
  Opened opened;
  {
    Shard& shard = shard_of(hash);
    // The name's shard stays locked while the cell opens: a name is single-flight.
    const std::lock_guard lock(shard.lock);
    opened.cell = holder(shard, hash, options.name);
    opened.existed = opened.cell != nullptr;
    if (!opened.existed && slot) {
      opened.cell = cell_of(*slot);
      opened.cell->open(opened.cell->id().generation + 1, options);
      shard.names.insert(static_cast<std::uint32_t>(hash), *slot);
    }
    if (opened.cell != nullptr) opened.id = opened.cell->id();
  }
  if (opened.existed && slot) give_back(*slot, is_hosted, {});
  if (opened.cell == nullptr) return Refused(Errc::actors_full);
  return opened;
}

void Directory::forget_name(std::string_view name, ActorId id) {
  const std::uint64_t hash = hash_of(name, names_seed_);
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.lock);
  // The name may have another holder by now, but that one has another slot.
  (void)shard.names.erase(static_cast<std::uint32_t>(hash), id.slot);
}

namespace {

// Of a closed mailbox nothing waits any more: what seems to is the place of a message on its way,
// which is about to be refused.
Ledger last_of(const Mailbox& mailbox) {
  Ledger last = mailbox.ledger();
  last.accepted -= last.queued;
  last.queued = last.queued_bytes = 0;
  return last;
}

}  // namespace

void Directory::release(Cell& cell) {
  const Mailbox& mailbox = cell.mailbox_;
  const auto losses = mailbox.has_losses() ? std::optional(last_of(mailbox)) : std::nullopt;
  const std::uint64_t handled = losses ? 0 : mailbox.handled();
  const bool is_hosted = !cell.is_client();
  // Let go of now, not when the slot begins another life: it may be all that holds a plugin's code.
  ActorTypePtr type;
  {
    const std::lock_guard lock(cell.lock_);
    type.swap(cell.type_);
    cell.set_phase(Phase::ended);
  }
  cell.mailbox_.retire();
  give_back(cell.id().slot, is_hosted, {handled, losses ? &*losses : nullptr});
}

// --- Slots

Directory::Bank& Directory::bank() const noexcept { return banks_[thread_number() % bank_count]; }

std::optional<std::uint32_t> Directory::take_slot(bool is_hosted) {
  Bank& own = bank();
  do {
    const std::lock_guard lock(own.lock);
    if (own.free.empty()) continue;
    const std::uint32_t slot = own.free.back();
    own.free.pop_back();
    own.all.count_opened();
    if (is_hosted) own.hosted.count_opened();
    return slot;
  } while (take_from_others(own, worth_taking) || make_slots(own) || take_from_others(own, 1));
  return std::nullopt;
}

void Directory::give_back(std::uint32_t slot, bool is_hosted, const Settled& settled) {
  Bank& own = bank();
  const std::lock_guard lock(own.lock);
  own.folded.accepted += settled.handled;
  own.folded.handled += settled.handled;
  if (settled.all != nullptr) own.folded += *settled.all;
  own.free.push_back(slot);
  own.all.count_ended();
  if (is_hosted) own.hosted.count_ended();
}

// Half of what another bank has, if that is much: the one thread spawns, the other ends.
bool Directory::take_from_others(Bank& own, std::size_t worth_it) {
  std::vector<std::uint32_t> taken;
  for (std::uint32_t i = 0; i < bank_count && taken.empty(); ++i) {
    Bank& other = banks_[i];
    const std::lock_guard lock(other.lock);
    if (other.free.size() < worth_it) continue;
    if (&other == &own) return true;
    const auto kept = static_cast<std::ptrdiff_t>(other.free.size() / 2);
    taken.assign(other.free.begin() + kept, other.free.end());
    other.free.resize(static_cast<std::size_t>(kept));
  }
  if (taken.empty()) return false;
  const std::lock_guard lock(own.lock);
  own.free.insert(own.free.end(), taken.begin(), taken.end());
  return true;
}

bool Directory::make_slots(Bank& own) {
  std::uint32_t first = used_.load(std::memory_order_relaxed);
  do {
    if (first >= max_) return false;
  } while (!used_.compare_exchange_weak(first, first + block_cells, std::memory_order_relaxed));
  make_cells(first);
  const std::lock_guard lock(own.lock);
  // The lowest one is taken first.
  for (std::uint32_t slot = std::min(first + block_cells, max_); slot > first; --slot) {
    own.free.push_back(slot - 1);
  }
  return true;
}

void Directory::make_cells(std::uint32_t first) {
  Chunk& chunk = chunks_[first / chunk_cells];
  {
    const std::lock_guard lock(chunks_mutex_);
    if (chunk.cells == nullptr) {
      chunk.cells = static_cast<Cell*>(
          ::operator new(chunk_cells * sizeof(Cell), std::align_val_t{alignof(Cell)}));
    }
  }
  for (std::uint32_t slot = first; slot < first + block_cells; ++slot) {
    new (chunk.cells + slot % chunk_cells) Cell(runtime_, slot);
  }
  chunk.tell_made(first % chunk_cells / block_cells);
}

// --- Looking

Result<ActorId> Directory::find(std::string_view name) const {
  const std::uint64_t hash = hash_of(name, names_seed_);
  const Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.lock);
  const Cell* cell = holder(shard, hash, name);
  if (cell == nullptr) return Refused(Errc::no_actor);
  return cell->id();
}

bool Directory::is_alive(ActorId id) const {
  const Cell* cell = at(id);
  return cell != nullptr && cell->mailbox().is_open_for(id.generation);
}

std::size_t Directory::living() const noexcept { return count(&Bank::all); }
std::size_t Directory::hosted() const noexcept { return count(&Bank::hosted); }

std::size_t Directory::count(Count Bank::* what) const noexcept {
  std::uint64_t ended = 0;
  std::uint64_t opened = 0;
  for (std::uint32_t i = 0; i < bank_count; ++i) ended += (banks_[i].*what).ended();
  for (std::uint32_t i = 0; i < bank_count; ++i) opened += (banks_[i].*what).opened();
  return opened - ended;
}

bool Directory::visit(ActorId id, const std::function<void(const Cell&)>& visit) const {
  const Cell* cell = at(id);
  if (cell == nullptr) return false;
  const std::lock_guard lock(cell->lock_);
  if (cell->id() != id) return false;
  visit(*cell);
  return true;
}

std::string Directory::name_in(std::uint32_t slot) const {
  const Cell* cell = at({slot, 1});
  if (cell == nullptr) return {};
  const std::lock_guard lock(cell->lock_);
  return cell->phase() == Phase::ended ? std::string() : std::string(cell->name().text());
}

std::string Directory::type_of(ActorId id) const {
  std::string type;
  (void)visit(id, [&](const Cell& cell) {
    if (cell.phase() != Phase::ended) type = cell.type_name();
  });
  return type;
}

void Directory::for_each(const std::function<void(const Cell&)>& visit) const {
  const std::uint32_t end = slots();
  for (std::uint32_t slot = 0; slot < end; ++slot) {
    const Cell* cell = at({slot, 1});
    if (cell == nullptr || cell->phase() == Phase::ended) continue;
    const std::lock_guard lock(cell->lock_);
    if (cell->phase() != Phase::ended) visit(*cell);
  }
}

Ledger Directory::folded() const {
  Ledger sum;
  for (std::uint32_t i = 0; i < bank_count; ++i) {
    const std::lock_guard lock(banks_[i].lock);
    sum += banks_[i].folded;
  }
  return sum;
}

}  // namespace backstage
