// The simulator's program: runs seeds, finds planted bugs, proves that runs repeat.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "core/planted.hpp"
#include "tests/sim/chaos.hpp"
#include "tests/sim/trees.hpp"

namespace {

using namespace backstage;
using namespace backstage::sim;

constexpr const char* usage =
    "usage: sim [--seeds N] [--from S]      run N seeds; ends with `N seeds, V violations`\n"
    "       sim --trace S                   run one seed and tell all of it\n"
    "       sim --fingerprints FILE [--update]  compare with (or write) the kept ones\n"
    "       sim --kept FILE                 run the seeds that once found a bug\n"
    "       sim --planted [--seeds N]       (sim_planted only) find each planted bug\n";

struct Arguments {
  std::uint64_t seeds = 2000;
  std::uint64_t from = 1;
  std::string fingerprints;
  std::string kept;
  bool updates = false;
  bool is_trace = false;
  bool is_planted = false;
};

struct Result {
  std::uint64_t fingerprint = 0;
  std::string violation;
};

// Both scenarios of a seed.
Result run_seed(std::uint64_t seed, bool traces) {
  Journal journal;
  journal.trace_to_stdout(traces);
  {
    Chaos chaos(seed, journal);
    chaos.run();
  }
  if (!journal.is_violated()) {
    Trees trees(seed, journal);
    trees.run();
  }
  return {journal.fingerprint(), journal.violation()};
}

bool run_and_tell(std::uint64_t seed) {
  const Result result = run_seed(seed, false);
  if (result.violation.empty()) return true;
  std::printf("FAIL seed=%llu why=%s\n  next: sim --trace %llu\n",
              static_cast<unsigned long long>(seed), result.violation.c_str(),
              static_cast<unsigned long long>(seed));
  return false;
}

int run_seeds(const Arguments& arguments) {
  std::uint64_t violations = 0;
  for (std::uint64_t i = 0; i < arguments.seeds; ++i) {
    if (!run_and_tell(arguments.from + i)) ++violations;
    if (violations == 20) {
      std::printf("stopped after 20 violations\n");
      break;
    }
  }
  std::printf("%llu seeds, %llu violations\n", static_cast<unsigned long long>(arguments.seeds),
              static_cast<unsigned long long>(violations));
  return violations == 0 ? 0 : 1;
}

int run_trace(std::uint64_t seed) {
  const Result result = run_seed(seed, true);
  std::printf("seed %llu: fingerprint %016llx, %s\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(result.fingerprint),
              result.violation.empty() ? "no violation" : result.violation.c_str());
  return result.violation.empty() ? 0 : 1;
}

// Seed by seed the same with every compiler, and twice in one process.
int check_fingerprints(const Arguments& arguments) {
  constexpr std::uint64_t count = 50;
  std::string text;
  int differing = 0;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    const auto first = run_seed(seed, false).fingerprint;
    if (run_seed(seed, false).fingerprint != first) ++differing;
    char line[64];
    std::snprintf(line, sizeof line, "%llu %016llx\n", static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(first));
    text += line;
  }
  if (arguments.updates) {
    std::ofstream(arguments.fingerprints) << text;
    return 0;
  }
  std::ifstream file(arguments.fingerprints);
  const std::string kept((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const bool is_same = kept == text;
  std::printf("%llu fingerprints, %d differ in the second run, %s the kept ones\n",
              static_cast<unsigned long long>(count), differing,
              is_same ? "equal" : "not equal to");
  if (!is_same) {
    std::printf(
        "  next: if the engine was changed on purpose, scripts/sim.sh --update, and look\n"
        "        that g++ and clang agree; otherwise something is not repeatable\n");
  }
  return is_same && differing == 0 ? 0 : 1;
}

// Lines of `SEED what it found`.
int run_kept(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  int seeds = 0;
  int violations = 0;
  while (std::getline(file, line)) {
    if (line.empty() || line.front() == '#') continue;
    ++seeds;
    if (!run_and_tell(std::strtoull(line.c_str(), nullptr, 10))) ++violations;
  }
  std::printf("%d kept seeds, %d violations\n", seeds, violations);
  return seeds > 0 && violations == 0 ? 0 : 1;
}

#ifdef BACKSTAGE_PLANTED
int run_planted(const Arguments& arguments) {
  int found = 0;
  for (int bug = 1; bug < bug_count; ++bug) {
    planted_bug = static_cast<Bug>(bug);
    std::uint64_t hits = 0;
    std::uint64_t first = 0;
    std::string why;
    for (std::uint64_t seed = 1; seed <= arguments.seeds && hits < 3; ++seed) {
      const Result result = run_seed(seed, false);
      if (result.violation.empty()) continue;
      if (++hits == 1) {
        first = seed;
        why = result.violation;
      }
    }
    if (hits > 0) ++found;
    std::printf("%2d %-24s first seed %-6llu %s\n", bug, name_of(planted_bug),
                static_cast<unsigned long long>(first), hits == 0 ? "NOT FOUND" : why.c_str());
    std::fflush(stdout);
  }
  std::printf("%d of %d found\n", found, bug_count - 1);
  return found == bug_count - 1 ? 0 : 1;
}
#else
int run_planted(const Arguments&) {
  std::fprintf(stderr, "sim: this build holds no planted bugs; use sim_planted\n");
  return 64;
}
#endif

bool read(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--planted") {
      arguments.is_planted = true;
      arguments.seeds = 20'000;
      continue;
    }
    if (name == "--update") {
      arguments.updates = true;
      continue;
    }
    if (++i == argc) return false;
    arguments.is_trace = arguments.is_trace || name == "--trace";
    if (name == "--seeds" || name == "--from" || name == "--trace") {
      auto& number = name == "--seeds" ? arguments.seeds : arguments.from;
      number = std::strtoull(argv[i], nullptr, 10);
    } else if (name == "--fingerprints" || name == "--kept") {
      (name == "--kept" ? arguments.kept : arguments.fingerprints) = argv[i];
    } else {
      return false;
    }
  }
  return arguments.seeds > 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!read(argc, argv, arguments)) {
    std::fputs(usage, stderr);
    return 64;
  }
  if (arguments.is_planted) return run_planted(arguments);
  if (arguments.is_trace) return run_trace(arguments.from);
  if (!arguments.fingerprints.empty()) return check_fingerprints(arguments);
  if (!arguments.kept.empty()) return run_kept(arguments.kept);
  return run_seeds(arguments);
}
