// State of the SDK: the types of std, types with save and load of their own, and smashed bytes.
#include <backstage/plugin.hpp>

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/plugins/fake_host.hpp"
#include "tests/support/catch.hpp"

namespace {

enum class Side : std::uint8_t { buy = 1, sell = 2 };

struct Order {
  std::string symbol;
  double price = 0;
  std::optional<Side> side;
  void save(backstage::writer& out) const { out.put(symbol, price, side); }
  void load(backstage::reader& in) { in.get(symbol, price, side); }
  friend bool operator==(const Order&, const Order&) = default;
};

struct Book {
  bool is_open = true;
  float factor = 0.25F;
  std::vector<Order> orders{{"BTC", 1e-300, Side::sell}, {"", -0.0, {}}};
  std::map<std::string, std::vector<std::int16_t>> levels{{"a", {1, -2}}, {"b", {}}};
  std::unordered_map<std::uint64_t, std::string> names{{1, "one"}, {2, "two"}};
  std::set<std::string> seen{"x", "y"};
  std::array<std::int64_t, 3> last{7, 8, 9};
  std::vector<bool> flags{true, false, true};
  std::deque<std::pair<int, char>> pairs{{1, 'a'}};
  std::optional<std::string> note{"n"};

  template <class Stream>
  void each(Stream&& stream) {
    stream(is_open, factor, orders, levels, names, seen, last, flags, pairs, note);
  }
  friend bool operator==(const Book&, const Book&) = default;
};

struct Bare {
  static constexpr char name[] = "bare";
  void on(backstage::message, backstage::context&) {}
};

struct Scene {
  Scene() {
    backstage::detail::enter<backstage::detail::no_hooks, Bare>(host.api(), "bare", "1.0.0", 0);
  }
  template <class T>
  std::string saved(const T& value) {
    StateSink sink(host);
    backstage::writer out{sink.raw()};
    out.put(value);
    return host.state;
  }
  FakeHost host;
};

}  // namespace

TEST_CASE("containers, optionals, enums and own types come back as they were", "[state]") {
  Scene scene;
  StateSink sink(scene.host);
  backstage::writer out{sink.raw()};
  Book book;
  book.each([&](const auto&... parts) { out.put(parts...); });

  Book other{false, 0, {}, {{"gone", {}}}, {}, {"old"}, {}, {}, {}, {}};
  backstage::reader in{scene.host.state};
  other.each([&](auto&... parts) { in.get(parts...); });
  CHECK(in.left() == 0);
  CHECK(other == book);
}

TEST_CASE("every cut of a saved state is refused, and none is obeyed", "[state]") {
  Scene scene;
  StateSink sink(scene.host);
  backstage::writer out{sink.raw()};
  Book book;
  book.each([&](const auto&... parts) { out.put(parts...); });
  for (std::size_t size = 0; size < scene.host.state.size(); ++size) {
    INFO(size);
    Book other;
    backstage::reader in{std::string_view{scene.host.state}.substr(0, size)};
    CHECK_THROWS_AS(other.each([&](auto&... parts) { in.get(parts...); }), backstage::error);
  }
}

TEST_CASE("a count larger than what is left is refused before anything is made", "[state]") {
  backstage::reader in{std::string_view("\xff\xff\xff\xff\x01", 5)};
  std::vector<std::uint8_t> bytes;
  CHECK_THROWS_WITH(in.get(bytes), Catch::Matchers::Contains("bytes early"));
}

TEST_CASE("a bool is 0 or 1, and an array has its own size", "[state]") {
  Scene scene;
  bool flag = false;
  CHECK_THROWS_WITH(backstage::reader{"\x02"}.get(flag), Catch::Matchers::Contains("2 for a bool"));
  const std::string two = scene.saved(std::vector<std::int64_t>{1, 2});
  std::array<std::int64_t, 3> three{};
  backstage::reader in{two};
  CHECK_THROWS_WITH(in.get(three), Catch::Matchers::Contains("2 elements for an array of 3"));
}

TEST_CASE("the bytes of a state are those of ever", "[state]") {
  Scene scene;
  CHECK(scene.saved(std::optional<std::int16_t>{-2}) == std::string("\x01\xfe\xff", 3));
  CHECK(scene.saved(std::vector<std::string>{"a"}) == std::string("\1\0\0\0\1\0\0\0a", 9));
  CHECK(scene.saved(1.5) == std::string("\0\0\0\0\0\0\xf8\x3f", 8));
  CHECK(scene.saved("text") == std::string("\4\0\0\0text", 8));
  CHECK(scene.saved(Side::sell) == "\x02");
}
