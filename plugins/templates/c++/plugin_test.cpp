// Asks the actor through the plugin's own entry, with a host that is as small as the question.
#include <cstdio>

#include "plugin.cpp"

namespace {

std::string replied;
std::string said;
int failures = 0;

std::string text(bs_slice slice) {
  return slice.len == 0 ? "" : std::string{static_cast<const char*>(slice.ptr), slice.len};
}
bs_status take_reply(bs_ctx*, bs_request, const bs_out* out) {
  replied = text(out->body);
  return BS_OK;
}
bs_status take_state(bs_sink*, bs_slice bytes) {
  said += text(bytes);
  return BS_OK;
}

bs_api make_host() {
  bs_api api{};
  api.struct_size = sizeof api;
  api.abi_major = BS_ABI_MAJOR;
  api.extension = [](const bs_api*, const char*) -> const void* { return nullptr; };
  api.set_error = [](const bs_api*, bs_status, bs_slice why) { said = text(why); };
  api.reply = take_reply;
  api.write = take_state;
  return api;
}

std::string ask(const bs_actor_type& type, void* self, const char* body) {
  bs_msg question{};
  question.struct_size = sizeof question;
  question.kind = BS_MSG_REQUEST;
  question.body = bs_text(body);
  replied.clear();
  return type.receive(self, nullptr, &question) == BS_OK ? replied : "failed: " + said;
}

void expect(const std::string& got, const std::string& wanted) {
  if (got == wanted) return;
  std::printf("expected \"%s\", got \"%s\"\n", wanted.c_str(), got.c_str());
  ++failures;
}

}  // namespace

int main() {
  const bs_api host = make_host();
  const bs_actor_type& type = *backstage_plugin_v1(&host)->types[0];
  void* self = nullptr;
  expect(type.create(nullptr, bs_text(R"({"greeting": 5})"), &self) == BS_OK ? "made" : said,
         "config key \"greeting\" must be a text without escapes, not 5");

  expect(type.create(nullptr, bs_text(R"({"greeting": "good day"})"), &self) == BS_OK ? "" : said,
         "");
  expect(ask(type, self, "world"), "good day world, you are number 1");
  expect(ask(type, self, "moon"), "good day moon, you are number 2");

  // An upgrade: what one saves, the next one loads.
  said.clear();
  type.save(self, nullptr);
  const std::string state = said;
  type.destroy(self, nullptr, BS_END_UPGRADED);
  type.load(nullptr, {}, type.state_version, {state.data(), state.size()}, &self);
  expect(ask(type, self, "again"), "hello again, you are number 3");
  type.destroy(self, nullptr, BS_END_STOPPED);
  return failures == 0 ? 0 : 1;
}
