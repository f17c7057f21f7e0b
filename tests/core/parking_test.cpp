// Every interleaving, in small, of the two protocols that could lose a wake-up: how a worker parks
// (WorkerPool::park, tell, give_back; Parking) and how a mailbox tells its owner of mail from afar
// (Mailbox::push_from_afar, notice, noticed, next). Each step is one access to shared memory, in
// the order of the code, which makes them sequentially consistent. What is left out on purpose is a
// mistake that the search must find.
#include <array>
#include <set>
#include <vector>

#include "tests/support/catch.hpp"

namespace {

constexpr int posters = 2;
constexpr int posts = 2;

// Depth first through all states; a state is what threads share and where each of them is.
template <class State, class Next>
struct Search {
  Next next;  // (state, thread) -> whether the thread could take a step, which it has then taken
  std::set<State> seen{};
  int threads;
  int stuck_with_work = 0;
  int ends = 0;

  void explore(const State& state) {
    if (!seen.insert(state).second) return;
    bool is_end = true;
    for (int thread = 0; thread < threads; ++thread) {
      State after = state;
      if (!next(after, thread)) continue;
      is_end = false;
      explore(after);
    }
    if (!is_end) return;
    ++ends;
    if (state.has_work()) ++stuck_with_work;
  }
};

template <class State, class Next>
Search<State, Next> explored(Next next) {
  Search<State, Next> search{next, {}, posters + 1};
  search.explore(State{});
  return search;
}

enum class Mistake {
  none,
  looks_before_it_parks,
  sleeps_without_a_last_look,
  forgets_what_was_given_back,
  forgets_last
};

struct Parking {
  int told = 0;
  int queued = 0;
  bool is_parked = false;
  bool sleeps = false;  // in the kernel
  int worker = 0;       // its next step
  std::array<int, posters> poster{};
  std::array<int, posters> posted{};
  [[nodiscard]] bool has_work() const { return told > 0 || queued > 0; }
  auto operator<=>(const Parking&) const = default;
};

bool post(Parking& at, std::size_t who) {
  int& step = at.poster.at(who);
  const auto done = [&] {
    ++at.posted.at(who);
    step = 0;
  };
  if (at.posted.at(who) == posts) return false;
  switch (step) {
    case 0:  // Worker::tell, or WorkerPool::give_back into its queue
      ++(who == 0 ? at.told : at.queued);
      step = 1;
      return true;
    case 1:  // WorkerPool::tell looks whether it is parked
      at.is_parked ? void(step = 2) : done();
      return true;
    case 2:  // Parking::wake
      if (!at.is_parked) {
        done();
      } else {
        at.is_parked = false;
        step = 3;
      }
      return true;
    default:
      at.sleeps = false;
      done();
      return true;
  }
}

bool work(Parking& at, Mistake mistake) {
  const bool is_wrong = mistake == Mistake::looks_before_it_parks;
  switch (at.worker) {
    case 0:  // WorkerPool::next
      if (at.has_work()) {
        at.told = at.queued = 0;
      } else {
        at.worker = is_wrong ? 2 : 1;
      }
      return true;
    case 1:  // WorkerPool::park says that it does
      at.is_parked = true;
      at.worker = is_wrong ? 3 : 2;
      return true;
    case 2:  // and looks once more
      if (is_wrong) {
        at.worker = at.has_work() ? 0 : 1;
      } else if (at.told > 0 ||
                 (at.queued > 0 && mistake != Mistake::forgets_what_was_given_back)) {
        at.is_parked = false;
        at.worker = 0;
      } else {
        at.worker = 3;
      }
      return true;
    case 3:  // Parking::sleep
      at.worker = at.is_parked ? 4 : 0;
      return true;
    case 4:  // the kernel compares and lets it sleep, in one
      at.sleeps = at.is_parked || mistake == Mistake::sleeps_without_a_last_look;
      at.worker = 5;
      return true;
    default:
      if (at.sleeps) return false;
      at.worker = 3;
      return true;
  }
}

auto parking(Mistake mistake) {
  return explored<Parking>([mistake](Parking& at, int thread) {
    if (thread == posters) return work(at, mistake);
    return post(at, static_cast<std::size_t>(thread));
  });
}

struct Afar {
  int mail = 0;
  bool is_noticed = false;
  bool is_told = false;  // in the owner's list of told ones
  bool is_scheduled = false;
  int owner = 0;
  std::array<int, posters> sender{};
  std::array<int, posters> sent{};
  std::array<bool, posters> was_noticed{};
  [[nodiscard]] bool has_work() const { return mail > 0; }
  auto operator<=>(const Afar&) const = default;
};

bool send(Afar& at, std::size_t who) {
  int& step = at.sender.at(who);
  const auto done = [&] {
    ++at.sent.at(who);
    step = 0;
  };
  if (at.sent.at(who) == posts) return false;
  switch (step) {
    case 0:  // push_from_afar: the exchange that adds the mail also shows the tag
      ++at.mail;
      at.is_noticed ? done() : void(step = 1);
      return true;
    case 1:  // notice
      at.is_noticed ? done() : void(step = 2);
      at.is_noticed = true;
      return true;
    default:  // Worker::tell
      at.is_told = true;
      done();
      return true;
  }
}

bool own(Afar& at, Mistake mistake) {
  const bool is_wrong = mistake == Mistake::forgets_last;
  switch (at.owner) {
    case 0:  // WorkerPool::next: those it was told of, then those that wait
      if (at.is_told) {
        at.is_told = false;
        at.owner = is_wrong ? 2 : 1;
      } else if (at.is_scheduled) {
        at.owner = 3;
      } else {
        return false;
      }
      return true;
    case 1:  // noticed: first the tag
      at.is_noticed = false;
      at.owner = 2;
      return true;
    case 2:  // then the actor is to run
      at.is_scheduled = true;
      at.owner = 0;
      return true;
    case 3:  // merge_afar, and handled
      at.mail = 0;
      at.owner = 4;
      return true;
    case 4:  // Mailbox::next looks once more
      at.owner = at.mail > 0 ? 3 : 5;
      return true;
    default:
      at.is_scheduled = false;
      if (is_wrong) at.is_noticed = false;
      at.owner = 0;
      return true;
  }
}

auto afar(Mistake mistake) {
  return explored<Afar>([mistake](Afar& at, int thread) {
    if (thread == posters) return own(at, mistake);
    return send(at, static_cast<std::size_t>(thread));
  });
}

}  // namespace

TEST_CASE("no interleaving of two posters and a worker that parks loses a wake-up") {
  const auto search = parking(Mistake::none);
  CHECK(search.stuck_with_work == 0);
  CHECK(search.ends > 0);
  CHECK(search.seen.size() > 500);
}

TEST_CASE("a worker that looks for work before it says that it parks would sleep through it") {
  CHECK(parking(Mistake::looks_before_it_parks).stuck_with_work > 0);
}

TEST_CASE("a worker that sleeps without a last look would sleep through what woke it before") {
  CHECK(parking(Mistake::sleeps_without_a_last_look).stuck_with_work > 0);
}

TEST_CASE("a worker that parks without a look at its queue would sleep on what was given back") {
  CHECK(parking(Mistake::forgets_what_was_given_back).stuck_with_work > 0);
}

TEST_CASE("no interleaving of two senders from afar and an owner leaves mail lying") {
  const auto search = afar(Mistake::none);
  CHECK(search.stuck_with_work == 0);
  CHECK(search.ends > 0);
}

TEST_CASE(
    "an owner that takes the tag off after its turn would miss the mail that came meanwhile") {
  CHECK(afar(Mistake::forgets_last).stuck_with_work > 0);
}
