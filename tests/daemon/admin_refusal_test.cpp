// Bad questions to the admin door: each is refused with what is wrong, why and what to do.
#include <array>
#include <string>

#include "tests/daemon/admin_door.hpp"

namespace backstage::daemon {
namespace {

constexpr std::array no_questions{
    RefusedRow{"", Errc::bad_arg, {"no JSON", R"({"op":"stats"})", "op one of: stats"}},
    RefusedRow{"{", Errc::bad_arg, {"no JSON", "1:2"}},
    RefusedRow{"[]", Errc::bad_arg, {"no JSON object"}},
    RefusedRow{"\xff\xfe", Errc::bad_arg, {"no JSON"}},
    RefusedRow{R"({"op":"stats","op":"stop"})", Errc::bad_arg, {"second time"}},
    RefusedRow{"{}", Errc::bad_arg, {R"("op" is missing)"}},
    RefusedRow{R"({"op":5})", Errc::bad_arg, {R"("op" is missing or no string)"}},
    RefusedRow{R"({"op":"sats"})", Errc::bad_arg, {"no op \"sats\"", R"(did you mean "stats")"}},
    RefusedRow{R"({"op":"stats","name":"x"})", Errc::bad_arg, {R"(op stats knows no "name")"}},
};

constexpr std::array bad_lives{
    RefusedRow{R"({"op":"stop"})", Errc::bad_arg, {R"(op stop needs "name", a string)"}},
    RefusedRow{R"({"op":"stop","name":5})", Errc::bad_arg, {R"("name" must be a string, not 5)"}},
    RefusedRow{R"({"op":"stop","name":"vase","how":"kil"})",
               Errc::bad_arg,
               {R"("how" is "kil")", R"(did you mean "kill")", "one of: stop, drain, kill"}},
    RefusedRow{R"({"op":"stop","name":"vase","deadline_ms":-1})",
               Errc::bad_arg,
               {R"("deadline_ms" must be a whole number from 0 to 86400000, not -1)"}},
    RefusedRow{
        R"({"op":"stop","name":"vase","deadline_ms":86400001})", Errc::bad_arg, {"86400000"}},
    RefusedRow{R"({"op":"stop","name":"vase","how":"kill","deadline_ms":5})",
               Errc::bad_arg,
               {"kill waits for nothing"}},
    RefusedRow{R"({"op":"stop","name":"vase","hwo":"kill"})",
               Errc::bad_arg,
               {R"(knows no "hwo")", R"(did you mean "how")"}},
    RefusedRow{R"({"op":"stop","name":"nobody"})", Errc::no_actor, {"nobody", "op actors lists"}},
    RefusedRow{R"({"op":"stop","name":"$backstage"})", Errc::reserved_name, {"$"}},
    RefusedRow{R"({"op":"unpark","name":"nobody"})", Errc::no_actor, {"without a name"}},
    RefusedRow{R"({"op":"unpark","name":"vase"})", Errc::bad_arg, {"not parked but running"}},
    RefusedRow{R"({"op":"unpark","name":true})", Errc::bad_arg, {R"("name" must be a string)"}},
    RefusedRow{R"({"op":"spawn"})", Errc::bad_arg, {R"(op spawn needs "type")"}},
    RefusedRow{R"({"op":"spawn","type":"fragile"})", Errc::bad_arg, {R"(op spawn needs "name")"}},
    RefusedRow{R"({"op":"spawn","type":"nosuch","name":"x"})", Errc::no_type, {"nosuch"}},
    RefusedRow{R"({"op":"spawn","type":"fragile","name":"a/b"})", Errc::bad_name, {"a/b"}},
    RefusedRow{R"({"op":"spawn","type":"fragile","name":"$x"})", Errc::reserved_name, {"$x"}},
    RefusedRow{R"({"op":"spawn","type":"fragile","name":"x","mailbox":{"messages":0}})",
               Errc::bad_arg,
               {"mailbox/messages: 0 is below the minimum 1"}},
    RefusedRow{R"({"op":"spawn","type":"fragile","name":"x","mailbox":{"mesages":1}})",
               Errc::bad_arg,
               {"mailbox/mesages", R"(did you mean "messages")"}},
    RefusedRow{R"({"op":"spawn","type":"fragile","name":"x","mailbox":5})",
               Errc::bad_arg,
               {"mailbox: must be an object"}},
    RefusedRow{R"({"op":"spawn","type":"fragile","name":"x","overflow":"kick"})",
               Errc::bad_arg,
               {"overflow: \"kick\" is not one of the allowed values", "drop_oldest"}},
    RefusedRow{R"({"op":"spawn","type":"fragile","name":"x","restart":"never"})",
               Errc::bad_arg,
               {"restart:", "\"permanent\", \"transient\", \"temporary\""}},
};

constexpr std::array bad_letters{
    RefusedRow{R"({"op":"dead_letters","cause":"fail"})",
               Errc::bad_arg,
               {R"("cause" is "fail")", "one of: failed, stopped, parked"}},
    RefusedRow{R"({"op":"dead_letters","limit":0})", Errc::bad_arg, {"from 1 to 1000, not 0"}},
    RefusedRow{R"({"op":"dead_letters","limit":1001})", Errc::bad_arg, {"from 1 to 1000"}},
    RefusedRow{R"({"op":"dead_letters","offset":"1"})", Errc::bad_arg, {R"("offset" must be)"}},
    RefusedRow{R"({"op":"dead_letters","payload":1})", Errc::bad_arg, {"true or false, not 1"}},
    RefusedRow{R"({"op":"replay"})", Errc::bad_arg, {"needs to know which", R"("all":true)"}},
    RefusedRow{R"({"op":"replay","all":true,"target":"vase"})", Errc::bad_arg, {"or else"}},
    RefusedRow{R"({"op":"replay","id":7})", Errc::bad_arg, {"no dead letter has the id 7"}},
    RefusedRow{R"({"op":"replay","id":"7"})", Errc::bad_arg, {R"("id" must be a whole number)"}},
    RefusedRow{R"({"op":"drop_letters"})", Errc::bad_arg, {"needs to know which"}},
    RefusedRow{R"({"op":"drop_letters","targte":"vase","all":true})",
               Errc::bad_arg,
               {R"(did you mean "target")"}},
    RefusedRow{R"({"op":"drop_letters","id":0})", Errc::bad_arg, {"from 1"}},
    RefusedRow{R"({"op":"explain"})", Errc::bad_arg, {R"(needs "what")", "message id", "address"}},
    RefusedRow{R"({"op":"explain","what":{}})", Errc::bad_arg, {R"(needs "what")"}},
    RefusedRow{R"({"op":"explain","what":"a b"})", Errc::bad_name, {"a b"}},
    RefusedRow{R"({"op":"explain","what":"a/*"})", Errc::bad_addr, {"pattern"}},
    RefusedRow{
        R"({"op":"explain","what":"99999999999999999999999"})", Errc::bad_arg, {"no message id"}},
    RefusedRow{R"({"op":"explain","what":"x","as":"message"})", Errc::bad_arg, {"no message id"}},
    RefusedRow{R"({"op":"explain","what":"x","as":"thing"})", Errc::bad_arg, {"one of: message"}},
};

}  // namespace

TEST_CASE("what is no question is refused with how to ask", "[admin]") {
  Door door;
  for (const auto& row : no_questions) check(door, row);
  const std::string deep = R"({"op":"spawn","type":"fragile","name":"x","config":)" +
                           std::string(400'000, '[') + std::string(400'000, ']') + "}";
  check(door, {deep, Errc::bad_arg, {"nested deeper than 32 levels"}});
  CHECK(door.stage.ledger().is_balanced());
}

TEST_CASE("a bad spawn, stop or unpark is refused and changes nothing", "[admin]") {
  Door door;
  door.stage.spawn("fragile", "vase");
  for (const auto& row : bad_lives) check(door, row);
  CHECK_FALSE(door.stage.engine.find("x"));
  CHECK(door.stage.engine.explain("vase").phase == Phase::running);
  CHECK(door.stage.ledger().is_balanced());
}

TEST_CASE("a bad choice of dead letters is refused and touches none, a bad explain likewise",
          "[admin]") {
  Door door;
  door.fail("bad");
  for (const auto& row : bad_letters) check(door, row);
  CHECK(door.stage.engine.dead_letters().size() == 1);
  CHECK(door.stage.ledger().is_balanced());
}

}  // namespace backstage::daemon
