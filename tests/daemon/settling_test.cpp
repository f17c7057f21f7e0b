// What happened to a directory's plugins, told from snapshots: each way to drop a file, as a table.
#include "daemon/plugin_host/settling.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using namespace backstage;
using namespace backstage::plugin_host;
using namespace std::chrono_literals;

namespace {

constexpr Settling::Limits limits{.settle = 300ms, .rescan = 2s};

struct Seen {
  std::string name;
  ino_t inode;
  off_t size;
  std::int64_t modified = 0;
  std::int64_t changed = 0;
};

// A look at a time, and what it tells: "+x.so" for settled, "-x.so" for vanished.
struct Step {
  std::chrono::milliseconds at;
  std::vector<Seen> files;
  std::string told;
};

std::vector<Sighting> snapshot(const std::vector<Seen>& files) {
  std::vector<Sighting> out;
  out.reserve(files.size());
  for (const auto& file : files) {
    out.push_back({file.name,
                   {.device = 1,
                    .inode = file.inode,
                    .size = file.size,
                    .modified_ns = file.modified,
                    .changed_ns = file.changed}});
  }
  return out;
}

std::string text(const FolderChanges& changes) {
  std::string out;
  for (const auto& name : changes.settled) out += (out.empty() ? "+" : " +") + name;
  for (const auto& name : changes.vanished) out += (out.empty() ? "-" : " -") + name;
  return out;
}

void play(Settling& settling, const std::vector<Step>& steps) {
  for (const auto& step : steps) {
    INFO(step.at.count() << " ms");
    CHECK(text(settling.look(snapshot(step.files), TimePoint{step.at})) == step.told);
  }
}

}  // namespace

TEST_CASE("each way to drop a file is one change, once it has settled", "[folder]") {
  struct Row {
    const char* way;
    std::vector<Step> steps;
  };
  const Row rows[] = {
      {"a quick cp",
       {{0ms, {{"x.so", 1, 90}}, ""},
        {299ms, {{"x.so", 1, 90}}, ""},
        {300ms, {{"x.so", 1, 90}}, "+x.so"},
        {900ms, {{"x.so", 1, 90}}, ""}}},
      {"a slow cp",
       {{0ms, {{"x.so", 1, 10}}, ""},
        {250ms, {{"x.so", 1, 20}}, ""},
        {500ms, {{"x.so", 1, 30}}, ""},
        {750ms, {{"x.so", 1, 90}}, ""},
        {1049ms, {{"x.so", 1, 90}}, ""},
        {1050ms, {{"x.so", 1, 90}}, "+x.so"}}},
      {"a cp that pauses is told cut short, and whole again",
       {{0ms, {{"x.so", 1, 10}}, ""},
        {400ms, {{"x.so", 1, 10}}, "+x.so"},
        {500ms, {{"x.so", 1, 90}}, ""},
        {800ms, {{"x.so", 1, 90}}, "+x.so"}}},
      {"a cp that is killed is told once",
       {{0ms, {{"x.so", 1, 10}}, ""},
        {300ms, {{"x.so", 1, 10}}, "+x.so"},
        {2300ms, {{"x.so", 1, 10}}, ""},
        {4300ms, {{"x.so", 1, 10}}, ""}}},
      {"a cp that is killed and cleaned up was never there",
       {{0ms, {{"x.so", 1, 10}}, ""}, {200ms, {}, ""}, {500ms, {}, ""}}},
      {"mv from elsewhere",
       {{0ms, {{"x.so", 7, 90, 1, 5}}, ""}, {300ms, {{"x.so", 7, 90, 1, 5}}, "+x.so"}}},
      {"rsync: a file with a dot, then its name",
       {{0ms, {{".x.so.Yz12Ab", 3, 10}}, ""},
        {400ms, {{".x.so.Yz12Ab", 3, 90}}, ""},
        {500ms, {{"x.so", 3, 90}}, ""},
        {800ms, {{"x.so", 3, 90}}, "+x.so"}}},
      {"names of unfinished and other files",
       {{0ms,
         {{"x.so.part", 1, 1},
          {"x.so.tmp", 2, 1},
          {"x.so~", 3, 1},
          {".x.so", 4, 1},
          {"x.txt", 5, 1},
          {"..data", 6, 1},
          {"so", 7, 1},
          {".so", 8, 1}},
         ""},
        {300ms,
         {{"x.so.part", 1, 1},
          {"x.so.tmp", 2, 1},
          {"x.so~", 3, 1},
          {".x.so", 4, 1},
          {"x.txt", 5, 1},
          {"..data", 6, 1},
          {"so", 7, 1},
          {".so", 8, 1}},
         ""}}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.way);
    Settling settling{limits};
    play(settling, row.steps);
  }
}

TEST_CASE("each way to replace a file is one change and no removal", "[folder]") {
  struct Row {
    const char* way;
    std::vector<Step> steps;
  };
  // x.so is known from the start: inode 1, 90 bytes.
  const Row rows[] = {
      {"nothing at all", {{0ms, {{"x.so", 1, 90}}, ""}, {2000ms, {{"x.so", 1, 90}}, ""}}},
      {"mv over it", {{0ms, {{"x.so", 2, 90}}, ""}, {300ms, {{"x.so", 2, 90}}, "+x.so"}}},
      {"ln -sf, whose target is another file",
       {{0ms, {}, ""}, {1ms, {{"x.so", 9, 80}}, ""}, {301ms, {{"x.so", 9, 80}}, "+x.so"}}},
      {"rm, then cp within the window",
       {{0ms, {}, ""},
        {200ms, {{"x.so", 3, 10}}, ""},
        {299ms, {{"x.so", 3, 95}}, ""},
        {599ms, {{"x.so", 3, 95}}, "+x.so"},
        {2599ms, {{"x.so", 3, 95}}, ""}}},
      {"cp over it, of the same size",
       {{0ms, {{"x.so", 1, 0, 5, 5}}, ""},
        {100ms, {{"x.so", 1, 90, 6, 6}}, ""},
        {400ms, {{"x.so", 1, 90, 6, 6}}, "+x.so"}}},
      {"rsync --inplace -t, which sets the time back",
       {{0ms, {{"x.so", 1, 90, 0, 7}}, ""}, {300ms, {{"x.so", 1, 90, 0, 7}}, "+x.so"}}},
      {"touch", {{0ms, {{"x.so", 1, 90, 8, 8}}, ""}, {300ms, {{"x.so", 1, 90, 8, 8}}, "+x.so"}}},
      {"chmod", {{0ms, {{"x.so", 1, 90, 0, 8}}, ""}, {300ms, {{"x.so", 1, 90, 0, 8}}, "+x.so"}}},
      {"three versions in a row are the last one",
       {{0ms, {{"x.so", 2, 90}}, ""},
        {200ms, {{"x.so", 3, 90}}, ""},
        {400ms, {{"x.so", 4, 90}}, ""},
        {700ms, {{"x.so", 4, 90}}, "+x.so"}}},
      {"a moment away and back",
       {{0ms, {}, ""},
        {200ms, {{"x.so", 1, 90}}, ""},
        {500ms, {{"x.so", 1, 90}}, ""},
        {900ms, {{"x.so", 1, 90}}, ""}}},
      {"rm", {{0ms, {}, ""}, {299ms, {}, ""}, {300ms, {}, "-x.so"}, {900ms, {}, ""}}},
      {"changed, and removed before that has settled",
       {{0ms, {{"x.so", 2, 90}}, ""}, {100ms, {}, ""}, {400ms, {}, "-x.so"}}},
      {"rm, and cp after the window",
       {{0ms, {}, ""},
        {300ms, {}, "-x.so"},
        {400ms, {{"x.so", 1, 90}}, ""},
        {700ms, {{"x.so", 1, 90}}, "+x.so"}}},
      {"renamed", {{0ms, {{"y.so", 1, 90}}, ""}, {300ms, {{"y.so", 1, 90}}, "+y.so -x.so"}}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.way);
    Settling settling{limits};
    settling.adopt(snapshot({{"x.so", 1, 90}}), TimePoint{});
    play(settling, row.steps);
  }
}

TEST_CASE("what was there at the start is known", "[folder]") {
  Settling settling{limits};
  settling.adopt(snapshot({{"a.so", 1, 1}, {".b.so", 2, 1}}), TimePoint{});
  play(settling, {{1000ms, {{"a.so", 1, 1}, {".b.so", 2, 1}}, ""},
                  {2000ms, {{"a.so", 1, 1}, {"c.so", 3, 1}}, ""},
                  {2300ms, {{"a.so", 1, 1}, {"c.so", 3, 1}}, "+c.so"}});
}

TEST_CASE("a file can be asked for again", "[folder]") {
  Settling settling{limits};
  settling.adopt(snapshot({{"a.so", 1, 1}}), TimePoint{});
  settling.look_again("a.so", TimePoint{100ms});
  settling.look_again("none.so", TimePoint{100ms});
  CHECK(settling.next_look(TimePoint{100ms}) == TimePoint{400ms});
  play(settling, {{399ms, {{"a.so", 1, 1}}, ""},
                  {400ms, {{"a.so", 1, 1}}, "+a.so"},
                  {900ms, {{"a.so", 1, 1}}, ""}});
}

TEST_CASE("the next look is when something settles, else the rescan", "[folder]") {
  Settling settling{limits};
  CHECK(settling.next_look(TimePoint{0ms}) == TimePoint{2s});
  play(settling, {{1000ms, {}, ""}});
  CHECK(settling.next_look(TimePoint{1000ms}) == TimePoint{3000ms});
  play(settling, {{1500ms, {{"a.so", 1, 1}}, ""}, {1600ms, {{"a.so", 1, 1}, {"b.so", 2, 1}}, ""}});
  CHECK(settling.next_look(TimePoint{1600ms}) == TimePoint{1800ms});
  play(settling, {{1800ms, {{"a.so", 1, 1}, {"b.so", 2, 1}}, "+a.so"}});
  CHECK(settling.next_look(TimePoint{1800ms}) == TimePoint{1900ms});
  play(settling, {{1900ms, {{"a.so", 1, 1}, {"b.so", 2, 1}}, "+b.so"}});
  CHECK(settling.next_look(TimePoint{1900ms}) == TimePoint{3900ms});
  play(settling, {{2000ms, {{"b.so", 2, 1}}, ""}});
  CHECK(settling.next_look(TimePoint{2000ms}) == TimePoint{2300ms});
  play(settling, {{2300ms, {{"b.so", 2, 1}}, "-a.so"}});
  CHECK(settling.next_look(TimePoint{2300ms}) == TimePoint{4300ms});
}

TEST_CASE("many files settle together, in the order of their names", "[folder]") {
  std::vector<Seen> files;
  for (int i = 999; i >= 0; --i) {
    files.push_back({"p" + std::to_string(1000 + i) + ".so", static_cast<ino_t>(i + 1), 1});
  }
  Settling settling{limits};
  CHECK(settling.look(snapshot(files), TimePoint{0ms}).empty());
  const auto changes = settling.look(snapshot(files), TimePoint{300ms});
  REQUIRE(changes.settled.size() == 1000);
  CHECK(changes.settled.front() == "p1000.so");
  CHECK(changes.settled.back() == "p1999.so");
  CHECK(settling.look({}, TimePoint{400ms}).empty());
  CHECK(settling.look({}, TimePoint{700ms}).vanished.size() == 1000);
}
