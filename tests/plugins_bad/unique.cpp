// unique: a plugin whose inline static g++ shares between generations. -DGENERATION=1 or 2 gives
// that static another layout, as two versions of a plugin would. Test-only.
#include <backstage/plugin.hpp>

#include <string>

namespace unique_test {

// Visible from outside, as whatever a header of the standard library or of a framework defines.
template <int>
struct Book {
#if GENERATION == 1
  long pages = 0;
#else
  long magic = 2222;
  long pages = 0;
#endif
};

inline Book<0>& the_book() {
  static Book<0> book;
  return book;
}

struct Reader {
  static constexpr char name[] = "reader";
  explicit Reader(backstage::config) {}
  void on(const backstage::message& message, backstage::context& ctx) {
    if (message.is_request()) ctx.reply(std::to_string(++the_book().pages));
  }
};

}  // namespace unique_test

// What a test calls without a daemon.
extern "C" BS_EXPORT long turn_page();
extern "C" BS_EXPORT long read_magic();
long turn_page() { return ++unique_test::the_book().pages; }
long read_magic() {
#if GENERATION == 1
  return 0;
#else
  return unique_test::the_book().magic;
#endif
}

#define TEXT_OF(number) #number
#define VERSION_OF(number) TEXT_OF(number) ".0.0"
BACKSTAGE_PLUGIN("test.unique", VERSION_OF(GENERATION), unique_test::Reader)
