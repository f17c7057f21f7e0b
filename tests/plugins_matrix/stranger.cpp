// stranger: the same small plugin for every compiler and C++ library; TYPE_NAME is its actor type.
#include <backstage/plugin.hpp>

#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using backstage::context;
using backstage::message;
using backstage::reply;

// A static with a destructor, and one that the C++ library shares where it can.
std::vector<std::string>& history() {
  static std::vector<std::string> all;
  return all;
}

backstage::counter answers{"answers"};

struct Unusual {
  int number;
};

struct Stranger {
  static constexpr char name[] = TYPE_NAME;

  backstage::status on(message m, context& ctx) {
    return dispatch(*this, m, ctx,
                    {{"library", &Stranger::library},
                     {"add", &Stranger::add},
                     {"inside", &Stranger::inside},
                     {"relay", &Stranger::relay},
                     {"throw", &Stranger::throw_std},
                     {"throw_own", &Stranger::throw_own},
                     {"fail", &Stranger::fail}});
  }

  void library(context& ctx) {
#if defined(_LIBCPP_VERSION)
    ctx.reply("libc++");
#else
    ctx.reply("libstdc++");
#endif
  }
  void add(std::int64_t step, context& ctx) {
    answers.add();
    ctx.reply(total += step);
  }
  // Exceptions that stay inside, streams, maps and a type test.
  void inside(std::string_view text, context& ctx) {
    std::map<std::string, int> counts;
    std::istringstream words{std::string{text}};
    for (std::string word; words >> word;) ++counts[word];
    try {
      if (counts.empty()) throw std::out_of_range("no words");
      throw Unusual{static_cast<int>(counts.size())};
    } catch (const std::exception& thrown) {
      ctx.reply(thrown.what());
    } catch (const Unusual& thrown) {
      history().push_back(std::string{text});
      std::ostringstream out;
      out << thrown.number << " words, " << history().size() << " calls";
      ctx.reply(out.str());
    }
  }
  // Asks another stranger, of another compiler, and passes its answer on.
  void relay(message m, context& ctx) {
    ctx.request(m.body(), backstage::typed("library", ""))
        .then([to = m.request()](const reply& r, context& then) {
          then.reply(to, std::string{r.from_name()} + " has " + std::string{r.must().body()});
        });
  }
  void throw_std(std::string_view text) { throw std::runtime_error(std::string{text}); }
  void throw_own() { throw Unusual{1}; }
  backstage::status fail(std::string_view text, context& ctx) { return ctx.fail(text); }

  std::int64_t total = 0;
};

}  // namespace

BACKSTAGE_PLUGIN("test." TYPE_NAME, "1.0.0", Stranger)
