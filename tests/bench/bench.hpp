// What every benchmark program needs: arguments, time, the result line.
#pragma once
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace backstage::bench {

struct Arguments {
  int count;
  char** values;
  [[nodiscard]] std::string text(std::string_view key, std::string_view otherwise) const {
    for (int i = 1; i + 1 < count; ++i) {
      if (std::string_view(values[i]) == key) return values[i + 1];
    }
    return std::string(otherwise);
  }
  /// A count: an argument that is none ends the program with the usage's exit code.
  [[nodiscard]] long number(std::string_view key, long otherwise) const {
    const std::string given = text(key, "");
    if (given.empty()) return otherwise;
    long value = 0;
    const auto [end, failed] = std::from_chars(given.data(), given.data() + given.size(), value);
    if (failed == std::errc{} && end == given.data() + given.size() && value > 0) return value;
    std::fprintf(stderr, "%s: '%s' is no count\n  next: %.*s %ld\n", values[0], given.c_str(),
                 static_cast<int>(key.size()), key.data(), otherwise);
    std::exit(64);
  }
};

inline std::uint64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}
inline double seconds_between(std::uint64_t start_ns, std::uint64_t end_ns) {
  return static_cast<double>(end_ns - start_ns) / 1e9;
}
inline double seconds_since(std::uint64_t start_ns) { return seconds_between(start_ns, now_ns()); }

// Of this process.
inline std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  if (!(file >> all >> resident)) {
    std::fprintf(stderr, "bench: /proc/self/statm cannot be read\n  next: mount /proc\n");
    std::exit(1);
  }
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// The line that run_all.py reads.
inline void report(std::string_view workload, const std::string& params, double value,
                   std::string_view unit, std::string_view peer = "backstage") {
  std::printf(
      "{\"peer\":\"%.*s\",\"workload\":\"%.*s\",\"params\":\"%s\",\"value\":%.6g,"
      "\"unit\":\"%.*s\"}\n",
      static_cast<int>(peer.size()), peer.data(), static_cast<int>(workload.size()),
      workload.data(), params.c_str(), value, static_cast<int>(unit.size()), unit.data());
  std::fflush(stdout);
}

inline double percentile(std::vector<std::uint64_t>& values, double percent) {
  const auto at =
      std::min(values.size() - 1,
               static_cast<std::size_t>(percent / 100.0 * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return static_cast<double>(values[at]);
}

}  // namespace backstage::bench
