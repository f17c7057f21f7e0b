/// Upgrade: the living actors of one plugin move from one generation to another.
///
/// Both generations are active while it goes on. First one actor of each type, the canary: if it
/// cannot pass, nothing else is touched. Then the type's name means the new generation for spawns,
/// and the others follow in batches, each in a turn of its own. Nothing of their mail is lost
/// whatever happens. A way back is another Upgrade, with the sides changed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/actor.hpp"
#include "core/clock.hpp"
#include "core/fwd.hpp"
#include "core/succession.hpp"
#include "daemon/plugin_host/plugin_info.hpp"
#include "daemon/plugin_host/plugin_succession.hpp"
#include "daemon/plugin_host/upgrade_plan.hpp"

namespace backstage::plugin_host {

class Upgrade {
 public:
  /// A generation and the engine's types of it, in the order of its own.
  struct Side {
    std::shared_ptr<Generation> generation;
    std::vector<ActorTypePtr> types;
  };
  struct Rules {
    OnIncompatible on_incompatible = OnIncompatible::refuse;
    bool drain_first = false;    ///< the present selves handle what is in their mailboxes now
    bool has_canary = true;      ///< false: on the way back, where whoever can pass does
    bool switches_names = true;  ///< false: the types' names mean `to` already
    /// For an actor that is busy or does not come to its turn, since it was asked first.
    Duration deadline = std::chrono::seconds{10};
  };
  enum class Status : std::uint8_t {
    canary,
    rolling,
    done,    ///< everybody who could pass has
    failed,  ///< by its rules it should not be: whoever has passed is to go back
  };
  using Report = UpgradeReport;

  /// `engine` must outlive it; its plan entries are those of plan_upgrade(from, to).
  Upgrade(Engine& engine, Side from, Side to, std::vector<TypePassage> plan, Rules rules,
          TimePoint now);
  /// What has not happened yet does not.
  ~Upgrade();
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;

  /// Goes as far as it can without waiting. Call it again after look_interval. [loader]
  Status look(TimePoint now);
  [[nodiscard]] const Report& report() const noexcept { return report_; }
  [[nodiscard]] const Side& from() const noexcept { return from_; }
  [[nodiscard]] const Side& to() const noexcept { return to_; }
  /// "120 of 1000 actors". [loader]
  [[nodiscard]] std::string progress() const;

  /// So many are asked at a time: enough to keep workers from waiting for the next look, few enough
  /// that other mail gets its turns in between.
  static constexpr std::size_t batch = 256;
  static constexpr Duration look_interval = std::chrono::milliseconds{1};
  /// Who was busy is asked again after this.
  static constexpr Duration busy_wait = std::chrono::milliseconds{10};

 private:
  struct Asked {
    std::size_t entry;  // of the plan
    bool is_fresh;
    TimePoint first_asked;
    bool is_called_off = false;
  };
  struct Waiting {
    ActorId id;
    std::size_t entry;
    bool is_fresh;
    std::optional<TimePoint> first_asked{};
    TimePoint not_before{};
  };

  void begin_canaries(TimePoint now);
  void look_at_canaries(TimePoint now);
  void switch_types();
  void look_at_rolling(TimePoint now);
  void ask(const Waiting& who, TimePoint now);
  [[nodiscard]] std::shared_ptr<PluginSuccession> succession(std::size_t entry, Passage passage);
  [[nodiscard]] const std::shared_ptr<PluginSuccession>& succession_of(const Asked& asked) const;
  void ask_waiting(TimePoint now);
  void gather_stragglers(TimePoint now);
  void call_off_overdue(TimePoint now);
  void take_outcomes(TimePoint now);
  void on_outcome(ActorId who, const Asked& asked, const std::optional<Succession::Hindrance>& why,
                  TimePoint now);
  void on_stays(ActorId who, std::string reason);
  [[nodiscard]] std::string name_of(ActorId id) const;

  Engine& engine_;
  const Side from_;
  const Side to_;
  const std::vector<TypePassage> plan_;
  const Rules rules_;
  const std::shared_ptr<Tally> tally_ = std::make_shared<Tally>();
  // By plan entry; null where none can pass
  std::vector<std::shared_ptr<PluginSuccession>> planned_;
  std::vector<std::shared_ptr<PluginSuccession>> fresh_;
  Status status_ = Status::canary;
  std::unordered_map<ActorId, Asked> asked_;
  std::deque<Waiting> waiting_;
  std::unordered_set<ActorId> stays_;
  std::vector<bool> has_canary_;  // by plan entry: one has passed, or nobody is there
  Report report_;
};

}  // namespace backstage::plugin_host
