// crasher: ends the process it runs in, in each way and at each moment a plugin can. Test-only.
//
// How: "null" writes through a null pointer, "abort" aborts, "divide" divides by zero, "illegal"
// runs an illegal instruction, "bus" reads behind the end of a file, "overflow" recurses without an
// end, "nowhere" calls a null pointer, "scribble" damages what the host has to tell of the message
// and "smash" its own way back before they write through a null pointer, "throw" lets an exception
// meet a noexcept, "thread" crashes in a thread of the plugin's own, "thread_throw" lets an
// exception out of one.
//
// When: a message says how in its type. Config "create=HOW" or "destroy=HOW" crashes there; so does
// the environment's CRASHER, "entry=HOW", "map=HOW", "init=HOW", "quiesce=HOW" or "fini=HOW".
#include <backstage/plugin.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace {

const bs_api* host = nullptr;

// What the compiler may not see through.
volatile int zero = 0;
int* volatile nowhere = nullptr;
void (*volatile no_function)() = nullptr;

}  // namespace

// The fault is what is wanted: not for a sanitizer to catch before it happens.
#define UNCHECKED __attribute__((noinline, no_sanitize("address", "undefined")))

// Named in the backtraces that tests look for; not exported.
namespace crasher {

UNCHECKED void writes_through_null() { *nowhere = 1; }
UNCHECKED int divides_by_zero() { return 1000 / zero; }
UNCHECKED void aborts() {
  std::abort();
  asm volatile("");
}
UNCHECKED void runs_illegal_code() { __builtin_trap(); }
UNCHECKED void calls_nowhere() {
  no_function();
  asm volatile("");
}
UNCHECKED void smashes_its_way_back() {
  // Frame pointer and return address, and nothing of the host's.
  auto* frame = static_cast<void* volatile*>(__builtin_frame_address(0));
  frame[0] = static_cast<void*>(&frame);
  frame[1] = static_cast<void*>(&frame);
  *nowhere = 1;
}
UNCHECKED void throws() { throw std::runtime_error("out of a noexcept"); }
UNCHECKED void reads_behind_the_end() {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const int fd = ::memfd_create("empty", MFD_CLOEXEC);
  const auto* bytes = static_cast<const volatile unsigned char*>(
      ::mmap(nullptr, page, PROT_READ, MAP_SHARED, fd, 0));
  zero = bytes[0];
}
UNCHECKED int overflows_the_stack(int depth) {
  volatile char room[512];
  room[0] = static_cast<char>(depth);
  if (depth == -1) return 0;
  return overflows_the_stack(depth + 1) + room[0];
}

}  // namespace crasher

namespace {

void not_throwing() noexcept { crasher::throws(); }

void crash(std::string_view how) {
  if (how == "null") crasher::writes_through_null();
  if (how == "abort") crasher::aborts();
  if (how == "divide") zero = crasher::divides_by_zero();
  if (how == "illegal") crasher::runs_illegal_code();
  if (how == "bus") crasher::reads_behind_the_end();
  if (how == "overflow") zero = crasher::overflows_the_stack(0);
  if (how == "nowhere") crasher::calls_nowhere();
  if (how == "smash") crasher::smashes_its_way_back();
  if (how == "throw") not_throwing();
  if (how == "thread") std::thread(&crasher::writes_through_null).join();
  if (how == "thread_throw") std::thread(&crasher::throws).join();
}

std::string_view text(bs_slice slice) { return {static_cast<const char*>(slice.ptr), slice.len}; }

// Crashes if `told`, which may be in the quotes of JSON, says so for `when`.
void maybe_crash(std::string_view told, std::string_view when) {
  if (told.starts_with('"')) told = told.substr(1, told.size() - 2);
  if (!told.starts_with(when)) return;
  told.remove_prefix(when.size());
  if (told.starts_with('=')) crash(told.substr(1));
}

void maybe_crash(std::string_view when) {
  if (const char* told = std::getenv("CRASHER")) maybe_crash(told, when);
}

struct OnMap {
  OnMap() { maybe_crash("map"); }
} const on_map;

bs_status create(bs_ctx*, bs_slice config, void** self) {
  maybe_crash(text(config), "create");
  *self = new std::string{text(config)};
  return BS_OK;
}

bs_status receive(void*, bs_ctx* ctx, const bs_msg* msg) {
  if (text(msg->type) == "scribble") {
    // Nothing is at that address, and the compiler is not to see it.
    volatile std::uintptr_t unmapped = std::uintptr_t{1} << 44;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a number in a pointer's place is the point
    const_cast<bs_msg*>(msg)->type.ptr = reinterpret_cast<const void*>(unmapped);
    crash("null");
  }
  crash(text(msg->type));
  if (msg->kind != BS_MSG_REQUEST) return BS_OK;
  const bs_out out = {{nullptr, 0}, bs_text("alive"), nullptr};
  return host->reply(ctx, {msg->from, msg->corr}, &out);
}

void destroy(void* self, bs_ctx*, int32_t) {
  auto* config = static_cast<std::string*>(self);
  maybe_crash(*config, "destroy");
  delete config;
}

bs_status init(bs_slice) {
  maybe_crash("init");
  return BS_OK;
}
bs_status quiesce(uint32_t) {
  maybe_crash("quiesce");
  return BS_OK;
}
void fini() { maybe_crash("fini"); }

constexpr bs_actor_type type{
    .struct_size = sizeof(bs_actor_type),
    .flags = 0,
    .name = "crasher",
    .state_version = 0,
    .state_min = 0,
    .create = &create,
    .receive = &receive,
    .destroy = &destroy,
    .save = nullptr,
    .load = nullptr,
};
constexpr const bs_actor_type* types[] = {&type};
constexpr bs_plugin plugin{
    .struct_size = sizeof(bs_plugin),
    .abi_major = BS_ABI_MAJOR,
    .abi_minor = BS_ABI_MINOR,
    .flags = 0,
    .type_count = 1,
    .id = "test.crasher",
    .version = "1.2.3",
    .types = &types[0],
    .init = &init,
    .quiesce = &quiesce,
    .fini = &fini,
    .extension = nullptr,
};

BS_NOTE_C("id=test.crasher\0version=1.2.3\0types=crasher", 0);

}  // namespace

const bs_plugin* backstage_plugin_v1(const bs_api* api) {
  host = api;
  maybe_crash("entry");
  return &plugin;
}
