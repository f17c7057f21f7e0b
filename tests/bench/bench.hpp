// What every benchmark program needs: arguments, time, the result line.
#pragma once
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
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
  [[nodiscard]] long number(std::string_view key, long otherwise) const {
    const std::string given = text(key, "");
    return given.empty() ? otherwise : std::stol(given);
  }
};

inline std::uint64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}
inline double seconds_since(std::uint64_t start_ns) {
  return static_cast<double>(now_ns() - start_ns) / 1e9;
}

// The line that run_all.py reads.
inline void report(std::string_view workload, const std::string& params, double value,
                   std::string_view unit) {
  std::printf(
      "{\"peer\":\"backstage\",\"workload\":\"%.*s\",\"params\":\"%s\",\"value\":%.6g,"
      "\"unit\":\"%.*s\"}\n",
      static_cast<int>(workload.size()), workload.data(), params.c_str(), value,
      static_cast<int>(unit.size()), unit.data());
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
