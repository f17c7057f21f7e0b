/// dispatch: one method per message type, each with the body as the type it wants.
///
///   void on(message m, context& ctx) {
///     dispatch(*this, m, ctx, {{"add", &Counter::add}, {"board", &Counter::board}});
///   }
///   void add(std::int64_t step, context& ctx);
///
/// A method takes (body, context&), (body), (context&) or nothing, where body is anything
/// message::as reads, and returns nothing or a status. Where the body's type has a message_type,
/// `{&T::method}` is enough. A type that no row names, and a body that cannot be read, is refused
/// to the sender with a sentence; the actor has not failed. What a method throws fails the actor,
/// as from `on`.
#pragma once
#include <bit>
#include <exception>
#include <initializer_list>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "backstage/context.hpp"

namespace backstage {

namespace detail {

/// The body as a T; nothing when it was refused because it is none.
template <class T>
std::optional<T> read_or_refuse(message what, context& ctx) {
  const auto refuse = [&](bs_status code, std::string_view why) {
    // A decoder that says only why means the argument; the actor itself is well.
    ctx.refuse(code == BS_E_FAIL ? BS_E_ARG : code,
               "the message " + std::string{what.type()} + " cannot be read: " + std::string{why});
  };
  try {
    return what.as<T>();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const error& bad) {
    refuse(bad.code() < 0 ? bad.code() : BS_E_ARG, bad.what());
  } catch (const std::exception& bad) {
    refuse(BS_E_ARG, bad.what());
  }
  return std::nullopt;
}

}  // namespace detail

/// One row of a dispatch table: a message type and the method that handles it.
template <class T>
class method {
  using erased = void (T::*)();

 public:
  // Of T or of a base of it; const or not.
  template <class R, class C, class Body>
  method(std::string_view type, R (C::*handler)(Body, context&)) noexcept
      : method(type, as_own<R (T::*)(Body, context&)>(handler),
               &call<R (T::*)(Body, context&), Body, context&>) {}
  template <class R, class C, class Body>
  method(std::string_view type, R (C::*handler)(Body, context&) const) noexcept
      : method(type, as_own<R (T::*)(Body, context&) const>(handler),
               &call<R (T::*)(Body, context&) const, Body, context&>) {}
  template <class R, class C, class Body>
  method(std::string_view type, R (C::*handler)(Body)) noexcept
      : method(type, as_own<R (T::*)(Body)>(handler), &call<R (T::*)(Body), Body>) {}
  template <class R, class C, class Body>
  method(std::string_view type, R (C::*handler)(Body) const) noexcept
      : method(type, as_own<R (T::*)(Body) const>(handler), &call<R (T::*)(Body) const, Body>) {}
  template <class R, class C>
  method(std::string_view type, R (C::*handler)(context&)) noexcept
      : method(type, as_own<R (T::*)(context&)>(handler), &call<R (T::*)(context&), context&>) {}
  template <class R, class C>
  method(std::string_view type, R (C::*handler)(context&) const) noexcept
      : method(type, as_own<R (T::*)(context&) const>(handler),
               &call<R (T::*)(context&) const, context&>) {}
  template <class R, class C>
  method(std::string_view type, R (C::*handler)()) noexcept
      : method(type, as_own<R (T::*)()>(handler), &call_bare<R (T::*)()>) {}
  template <class R, class C>
  method(std::string_view type, R (C::*handler)() const) noexcept
      : method(type, as_own<R (T::*)() const>(handler), &call_bare<R (T::*)() const>) {}

  /// Under the message_type of what it takes.
  template <class R, class C, class Body, class... Rest>
    requires named_message<std::remove_cvref_t<Body>>
  method(R (C::*handler)(Body, Rest...)) noexcept  // NOLINT: implicit, a row of a table
      : method(std::remove_cvref_t<Body>::message_type, handler) {}
  template <class R, class C, class Body, class... Rest>
    requires named_message<std::remove_cvref_t<Body>>
  method(R (C::*handler)(Body, Rest...) const) noexcept  // NOLINT: implicit, a row of a table
      : method(std::remove_cvref_t<Body>::message_type, handler) {}

  [[nodiscard]] std::string_view type() const noexcept { return type_; }
  [[nodiscard]] status operator()(T& self, message what, context& ctx) const {
    return call_(self, handler_, what, ctx);
  }

 private:
  using caller = bs_status (*)(T&, erased, message, context&);

  method(std::string_view type, erased handler, caller how) noexcept
      : type_(type), handler_(handler), call_(how) {}

  template <class Own, class Handler>
  static erased as_own(Handler handler) noexcept {
    return std::bit_cast<erased>(static_cast<Own>(handler));
  }

  template <class Handler>
  static bs_status call_bare(T& self, erased raw, message, context&) {
    return detail::status_of([&] { return (self.*std::bit_cast<Handler>(raw))(); });
  }
  template <class Handler, class First, class... Rest>
  static bs_status call(T& self, erased raw, message what, context& ctx) {
    const auto handler = std::bit_cast<Handler>(raw);
    if constexpr (std::is_same_v<First, context&>) {
      return detail::status_of([&] { return (self.*handler)(ctx); });
    } else {
      auto body = detail::read_or_refuse<std::remove_cvref_t<First>>(what, ctx);
      if (!body) return BS_OK;
      return detail::status_of([&] {
        if constexpr (sizeof...(Rest) == 0) {
          return (self.*handler)(*std::move(body));
        } else {
          return (self.*handler)(*std::move(body), ctx);
        }
      });
    }
  }

  std::string_view type_;
  erased handler_;
  caller call_;
};

/// Calls the method of the message's type; what is no mail is let pass. Answers what the method
/// returned, else ok: `return dispatch(...)` where methods return statuses. [actor-turn]
template <class T>
status dispatch(T& self, message what, context& ctx,
                std::initializer_list<method<std::type_identity_t<T>>> table) {
  if (!what.is_mail()) return {};
  for (const auto& row : table) {
    if (row.type() == what.type()) return row(self, what, ctx);
  }
  std::string known;
  for (const auto& row : table) {
    known +=
        (known.empty() ? "" : ", ") + (row.type().empty() ? "no type" : std::string{row.type()});
  }
  ctx.refuse(BS_E_NOSUP, std::string{ctx.name()} + " takes no message of " +
                             (what.type().empty() ? std::string{"no type"}
                                                  : "type " + std::string{what.type()}) +
                             "; it takes " + known);
  return {};
}

}  // namespace backstage
