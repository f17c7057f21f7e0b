// greeter: an actor that uses what an author uses, for tests of the test kit. Built as two versions
// of a file, and linked into the test program.
#include <backstage/plugin.hpp>

#include <map>
#include <stdexcept>
#include <string>

namespace {

using backstage::context;
using backstage::message;
using backstage::milliseconds;
using backstage::reply;

#ifndef GREETER_VERSION
#define GREETER_VERSION "1.0.0"
#endif

constinit backstage::counter greetings{"greetings"};
constinit backstage::gauge known{"known"};

struct Greeter {
  static constexpr char name[] = "greeter";
  static constexpr unsigned state_version = 1;

  explicit Greeter(backstage::config given) : greeting(given.string("greeting", "hello")) {
    if (greeting.empty()) throw backstage::error(BS_E_ARG, "a greeting is not empty");
  }

  void on(message m, context& ctx) {
    dispatch(*this, m, ctx,
             {{"", &Greeter::greet},
              {"age", &Greeter::age},
              {"ask", &Greeter::ask},
              {"later", &Greeter::later},
              {"tick", &Greeter::tick},
              {"watch", &Greeter::watch},
              {"tell", &Greeter::tell},
              {"fail", &Greeter::fail},
              {"version", &Greeter::version}});
  }
  void on_end(backstage::ended, context& ctx) { ctx.publish("end", "good-bye"); }
  void save(backstage::writer& out) const {
    if (greeting == "stubborn") throw std::runtime_error("it does not want to go");
    out.put(greeting, ages);
  }
  void load(backstage::reader& in, unsigned) { in.get(greeting, ages); }

  void greet(std::string_view who, context& ctx) {
    greetings.add();
    ctx.retain(who);
    ctx.info("greeted " + std::string{who});
    ctx.reply(greeting + " " + std::string{who});
  }
  void age(std::uint8_t years, context& ctx) {
    ages[std::string{ctx.name()}] = years;
    known.set(static_cast<double>(ages.size()) / 2);
    ctx.reply(ages[std::string{ctx.name()}]);
  }
  void ask(message m, context& ctx) {
    ctx.request("names", m.body(), milliseconds{1000})
        .then([this, to = m.request()](const reply& r, context& then) {
          if (!r.ok())
            return (void)then.reply_error(to, r.status(), "names: " + std::string{r.why()});
          then.reply(to, greeting + " " + std::string{r.body()});
        });
  }
  void later(std::int64_t ms, context& ctx) {
    ctx.after(milliseconds{ms},
              [](context& then) {
                then.publish("late", "now");
                // Who is there hears of it in the order in which it happens.
                if (const auto ear = then.resolve("ear"); ear.ok())
                  then.send(ear.value(), "late").must();
              })
        .must();
  }
  void tick(std::int64_t ms, context& ctx) {
    ctx.every(milliseconds{ms}, [n = 0](context& then) mutable { then.publish("tick", ++n); })
        .must();
  }
  void watch(std::string_view who, context& ctx) {
    ctx.monitor(ctx.resolve(who).must(),
                [](const backstage::down& end, context& then) {
                  then.publish("down", std::string{end.name()} + " " + std::string{end.reason()});
                })
        .must();
  }
  void tell(std::string_view who, context& ctx) { ctx.send(who, "told").must(); }
  void fail(std::string_view why) { throw std::runtime_error(std::string{why}); }
  void version(context& ctx) { ctx.reply(GREETER_VERSION); }

  std::string greeting;
  std::map<std::string, std::uint8_t> ages;
};

struct Hooks {
  static void init(backstage::config given) {
    if (given.boolean("refuse", false)) throw std::runtime_error("told to refuse");
  }
};

}  // namespace

BACKSTAGE_PLUGIN_WITH(Hooks, BS_UNLOAD_SAFE, "test.greeter", GREETER_VERSION, Greeter)
