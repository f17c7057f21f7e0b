// golden in C++: what today's SDK compiles into a plugin, kept as a binary. See README.md.
#include <backstage/plugin.hpp>

#include <string>
#include <vector>

struct Golden {
  static constexpr char name[] = "golden_cpp";

  explicit Golden(backstage::config given) : total(given.integer("start", 0)) {}

  void on(backstage::message m, backstage::context& ctx) {
    dispatch(*this, m, ctx,
             {{"add", &Golden::add}, {"ask", &Golden::ask}, {"later", &Golden::later}});
  }
  void add(std::int64_t step, backstage::context& ctx) {
    adds.add();
    last.push_back(step);
    ctx.retain(total += step);
    ctx.reply(total);
  }
  void ask(backstage::message m, backstage::context& ctx) {
    ctx.request(m.body(), "from golden", backstage::milliseconds{1000})
        .then([to = m.request()](const backstage::reply& r, backstage::context& then) {
          then.reply(to, r.must().body());
        });
  }
  void later(std::int64_t ms, backstage::context& ctx) {
    ctx.after(backstage::milliseconds{ms},
              [](backstage::context& then) { then.publish("late", "now"); })
        .must();
  }
  void save(backstage::writer& out) const { out.put(total, last); }
  void load(backstage::reader& in, unsigned) { in.get(total, last); }

  std::int64_t total;
  std::vector<std::int64_t> last;
  backstage::counter adds{"golden_adds"};
};

BACKSTAGE_PLUGIN("test.golden_cpp", "1.0.0", Golden)
