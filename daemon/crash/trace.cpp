// Unwinds, reads /proc/self/maps and symbol tables with system calls only, and names what it found.
#include "daemon/crash/trace.hpp"

#include <execinfo.h>
#include <fcntl.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "daemon/crash/frame_names.hpp"

namespace backstage::crash {
namespace {

constexpr std::string_view between = " < ";
// Beyond the guard: a frame may be larger than a page, and the first thread's stack grows.
constexpr std::uintptr_t overflow_reach = std::uintptr_t{64} * 1024;

std::uintptr_t number_at(std::uintptr_t address) noexcept {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a place on a stack, within its bounds
  return *reinterpret_cast<const std::uintptr_t*>(address);
}

// Takes a hexadecimal number off the front of `text`.
std::uint64_t take_hex(std::string_view& text) noexcept {
  std::uint64_t number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number, 16).ptr;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

void skip_word(std::string_view& text) noexcept {
  text.remove_prefix(std::min(text.find(' '), text.size()));
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
}

// "12Type8function..." at the front of `text`; false when there is no plain name.
bool take_name(std::string_view& text, std::string_view& name) noexcept {
  std::size_t size = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (failed != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (size == 0 || size > text.size()) return false;
  name = text.substr(0, size);
  text.remove_prefix(size);
  return true;
}

// The parts of a nested name up to its E; false when one is no plain name.
bool add_parts(FixedText& out, std::string_view text) noexcept {
  std::string_view last;
  bool is_first = true;
  const auto part = [&](std::string_view prefix, std::string_view name) {
    if (!is_first) out.add("::");
    is_first = false;
    out.add(prefix).add(name);
  };
  while (!text.empty() && text.front() != 'E') {
    std::string_view name;
    if (text.starts_with("St")) {
      text.remove_prefix(2);
      part("", "std");
    } else if (text.front() == 'L') {
      text.remove_prefix(1);
    } else if (text.size() > 1 && (text.front() == 'C' || text.front() == 'D') && !last.empty()) {
      part(text.front() == 'D' ? "~" : "", last);
      text.remove_prefix(2);
    } else if (take_name(text, name)) {
      last = name;
      if (!name.starts_with("_GLOBAL__N_")) part("", name);
    } else {
      if (!is_first) out.add("...");
      return !is_first;
    }
  }
  return !is_first;
}

}  // namespace

CrashPlace place_of(const void* context) noexcept {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return {static_cast<std::uintptr_t>(machine.gregs[REG_RIP]),
          static_cast<std::uintptr_t>(machine.gregs[REG_RSP]),
          static_cast<std::uintptr_t>(machine.gregs[REG_RBP])};
#elif defined(__aarch64__)
  return {machine.pc, machine.sp, machine.regs[29]};
#else
  (void)machine;
  return {};
#endif
}

bool StackBounds::is_overflow(std::uintptr_t address) const noexcept {
  if (low == 0) return false;
  return address + guard + overflow_reach >= low && address < low + overflow_reach;
}

void CrashTrace::capture() noexcept {
  raw_.fill(nullptr);
  (void)::backtrace(raw_.data(), static_cast<int>(raw_.size()));
}

void CrashTrace::settle(const CrashPlace& place, const StackBounds& bounds) noexcept {
  const auto end = std::find(raw_.begin(), raw_.end(), nullptr);
  const auto first = std::find_if(raw_.begin(), end, [&](const void* frame) {
    return reinterpret_cast<std::uintptr_t>(frame) == place.pc;
  });
  count_ = 0;
  for (auto at = first; at != end && count_ < frames_max; ++at) {
    frames_[count_++] = reinterpret_cast<std::uintptr_t>(*at);
  }
  if (count_ > 1) return;
  frames_[0] = place.pc;
  count_ = 1;
  // A call to nowhere has just pushed where it came from.
  if (place.sp >= bounds.low && place.sp + sizeof(std::uintptr_t) <= bounds.high) {
    frames_[count_++] = number_at(place.sp);
  }
  follow_frame_pointers(place.fp, bounds);
}

void CrashTrace::follow_frame_pointers(std::uintptr_t fp, const StackBounds& bounds) noexcept {
  constexpr std::uintptr_t word = sizeof(std::uintptr_t);
  auto low = bounds.low;
  while (count_ < frames_max && fp % word == 0 && fp >= low && fp + 2 * word <= bounds.high) {
    frames_[count_++] = number_at(fp + word);
    // Callers lie above: no circle.
    low = fp + 2 * word;
    fp = number_at(fp);
  }
}

// A return address may be the first of the next function: the call is the byte before it.
std::uintptr_t CrashTrace::inside(std::size_t frame) const noexcept {
  return frames_[frame] - (frame == 0 ? 0U : 1U);
}

void CrashTrace::find_files() noexcept {
  const int fd = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  std::array<char, 2048> chunk{};
  std::array<char, 512> line{};
  std::size_t size = 0;
  for (;;) {
    const auto got = ::read(fd, chunk.data(), chunk.size());
    if (got <= 0) break;
    for (const char c : std::span{chunk}.first(static_cast<std::size_t>(got))) {
      if (c == '\n') {
        note_mapping({line.data(), size});
        size = 0;
      } else if (size < line.size()) {
        line[size++] = c;
      }
    }
  }
  ::close(fd);
}

// A line is "begin-end perms offset device inode path", the numbers without 0x.
void CrashTrace::note_mapping(std::string_view line) noexcept {
  const auto begin = take_hex(line);
  if (!line.starts_with('-')) return;
  line.remove_prefix(1);
  const auto end = take_hex(line);
  skip_word(line);
  const bool is_code = line.substr(0, 4).find('x') != std::string_view::npos;
  skip_word(line);
  const auto offset = take_hex(line);
  for (int words = 0; words < 3; ++words) skip_word(line);
  if (!is_code || line.empty()) return;
  for (std::size_t i = 0; i < count_; ++i) {
    const auto at = inside(i);
    if (at >= begin && at < end) found_[i] = {file_of(line), at - begin + offset};
  }
}

std::size_t CrashTrace::file_of(std::string_view path) noexcept {
  for (std::size_t i = 0; i < file_count_; ++i) {
    if (files_[i].path.text() == path) return i;
  }
  if (file_count_ == files_max) return files_max;
  files_[file_count_].path.assign(path);
  return file_count_++;
}

void CrashTrace::name(FixedText& out) noexcept {
  std::string_view before;
  std::size_t times = 1;
  const auto tell_times = [&] {
    if (times > 1) out.add(" (").add(times).add(" times)");
    times = 1;
  };
  for (std::size_t i = 0; i < count_; ++i) {
    const auto [index, offset] = found_[i];
    if (index == files_max) {
      // Only the place itself is worth a bare number: what follows it was a guess.
      if (i == 0) out.add("0x").add(frames_[i], 16);
      continue;
    }
    File& file = files_[index];
    if (!file.is_open) {
      file.is_open = true;
      std::array<char, 257> path{};
      std::ranges::copy(file.path.text(), path.begin());
      file.symbols = ElfSymbols(path.data());
    }
    const auto found = file.symbols.find(offset);
    // The frames of a recursion, and no others, come from the same bytes of the same table.
    if (found && found->name.data() == before.data()) {
      ++times;
      continue;
    }
    tell_times();
    before = found ? found->name : std::string_view{};
    if (!out.text().empty()) out.add(between);
    const auto begin = out.text().size();
    if (found) {
      add_readable(out, found->name);
      out.add("+0x").add(found->offset, 16).add(" ").add(leaf_of(file.path.text()));
    } else {
      out.add(leaf_of(file.path.text())).add("+0x").add(offset, 16);
    }
    if (out.text().substr(begin).starts_with(engine_frame)) break;
  }
  tell_times();
}

void add_readable(FixedText& out, std::string_view symbol) noexcept {
  const auto begin = out.text().size();
  std::string_view rest = symbol;
  if (rest.starts_with("_Z")) {
    rest.remove_prefix(2);
    if (rest.starts_with('L')) rest.remove_prefix(1);
    if (rest.starts_with('N')) {
      rest.remove_prefix(1);
      rest.remove_prefix(std::min(rest.find_first_not_of("rVKRO"), rest.size()));
      if (add_parts(out, rest)) return;
    } else {
      const bool is_std = rest.starts_with("St");
      if (is_std) rest.remove_prefix(2);
      if (std::string_view name; take_name(rest, name)) {
        out.add(is_std ? "std::" : "").add(name);
        return;
      }
    }
  }
  out.cut_back(begin);
  out.add(symbol.substr(0, frame_name_bytes_max));
  if (symbol.size() > frame_name_bytes_max) out.add("...");
}

}  // namespace backstage::crash
