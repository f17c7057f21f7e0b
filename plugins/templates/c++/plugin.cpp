// my_actor: greets whoever asks, and counts them.
#include <backstage/plugin.hpp>
#include <cstdint>
#include <string>

class MyActor {
 public:
  static constexpr char name[] = "my_actor";  // the actor type
  static constexpr unsigned state_version = 1;

  explicit MyActor(backstage::config given) : greeting_(given.string("greeting", "hello")) {}

  void on(backstage::message m, backstage::context& ctx) {
    if (!m.is_request()) return;
    ++asked_;
    ctx.reply(greeting_ + " " + std::string{m.body()} + ", you are number " +
              std::to_string(asked_));
  }

  // What survives an upgrade to the next version of this file.
  void save(backstage::writer& out) const { out.put(asked_); }
  void load(backstage::reader& in, unsigned) { in.get(asked_); }

 private:
  std::string greeting_;
  std::uint64_t asked_ = 0;
};

BACKSTAGE_PLUGIN("com.example.my_actor", "1.0.0", MyActor)
