// A plugin that says unmapping it is safe, and leaves a thread-local destructor behind.
#include <backstage/plugin.hpp>

struct Clinging {
  static constexpr char name[] = "clinging";
  void on(backstage::message m, backstage::context& ctx) {
    struct Held {
      int count = 0;
      ~Held() { count = -1; }
    };
    thread_local Held held;
    ctx.reply(std::to_string(++held.count) + std::string(m.body()));
  }
};

BACKSTAGE_PLUGIN("test.clinging", "1.0.0", Clinging)
