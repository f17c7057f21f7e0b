// What tests of sessions that outlive their connection say and read.
#pragma once
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/gateway_fixture.hpp"

namespace backstage::gateway::test {

using Lines = std::vector<std::string>;

// The value of `key=` in a line.
inline std::string word(const std::string& line, std::string_view key) {
  const auto begin = line.find(key) + key.size();
  return line.substr(begin, line.find(' ', begin) - begin);
}

// The token of the session that HELLO opened.
inline std::string open(FakeClient& client, const std::string& keys) {
  const auto heard = client.ask("HELLO v=1 " + keys);
  REQUIRE(heard.size() == 1);
  REQUIRE(heard[0].starts_with("WELCOME "));
  return word(heard[0], "session=");
}

inline Lines resume(FakeClient& client, const std::string& token,
                    const std::string& more = "ttl=30") {
  return client.ask("HELLO v=1 id=1 resume=" + token + " " + more);
}

inline void publish(FakeClient& feed, const std::string& address, int count) {
  for (int i = 0; i < count; ++i) feed.say("PUB " + address + "\nx");
}

}  // namespace backstage::gateway::test
