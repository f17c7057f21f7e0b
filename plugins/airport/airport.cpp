// airport: the departures of one airport; publishes its board after each of them.
#include <backstage/plugin.hpp>
#include <string>
#include <string_view>

#include "board.hpp"

class Airport {
 public:
  static constexpr char name[] = "airport";
  static constexpr unsigned state_version = 1;

  /// The actor's name ends in the origin it stands for: `airport:ATL`.
  Airport(backstage::config, backstage::context& ctx) : origin_(ctx.name()) {
    origin_.erase(0, origin_.rfind(':') + 1);
  }

  void on(backstage::message m, backstage::context& ctx) {
    if (!m.is_mail()) return;
    // "board" asks for the numbers and adds nothing to them.
    if (m.type() == "board" && m.is_request()) {
      ctx.reply(board_.json(origin_));
      return;
    }
    try {
      add(m.as<Departure>());
    } catch (const backstage::error& bad) {
      // One bad line is the feed's mistake; the numbers counted so far stay.
      return ctx.refuse(bad.code(), bad.what());
    }
    const std::string text = board_.json(origin_);
    if (const auto kept = ctx.retain("board", text); !kept.ok()) {
      ctx.warn("the board was not published: " + std::string{kept.name()});
    }
    if (m.is_request()) ctx.reply(text);
  }

  void save(backstage::writer& out) const { board_.save(out); }
  void load(backstage::reader& in, unsigned) { board_.load(in); }

 private:
  void add(const Departure& departure) {
    if (departure.origin != origin_) {
      throw backstage::error(BS_E_ARG, "a departure from " + std::string{departure.origin} +
                                           " is for airport:" + std::string{departure.origin} +
                                           ", not for the airport of " + origin_);
    }
    board_.add(departure.delay_min);
  }

  std::string origin_;
  Board board_;
};

BACKSTAGE_PLUGIN("org.backstage.airport", "1.0.0", Airport)
