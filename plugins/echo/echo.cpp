// echo: replies to every request with its own type and body.
#include <backstage/plugin.hpp>

struct Echo {
  static constexpr char name[] = "echo";

  void on(backstage::message m, backstage::context& ctx) {
    if (m.is_request()) ctx.reply(m.forward());
  }
};

BACKSTAGE_PLUGIN("org.backstage.echo", "1.0.0", Echo)
