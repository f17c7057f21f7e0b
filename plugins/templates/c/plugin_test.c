// Asks the actor through the plugin's own entry, with a host that is as small as the question.
#include "plugin.c"

static char said[512];
static size_t said_bytes;
static int failures;

static void keep(bs_slice text) {
  said_bytes = text.len < sizeof said ? text.len : sizeof said - 1;
  memcpy(said, text.ptr, said_bytes);
  said[said_bytes] = '\0';
}
static void set_error(const bs_api* api, bs_status code, bs_slice text) {
  (void)api;
  (void)code;
  keep(text);
}
static bs_status reply(bs_ctx* ctx, bs_request request, const bs_out* out) {
  (void)ctx;
  (void)request;
  keep(out->body);
  return BS_OK;
}
static bs_status reply_error(bs_ctx* ctx, bs_request request, bs_status code, bs_slice text) {
  (void)ctx;
  (void)request;
  (void)code;
  keep(text);
  return BS_OK;
}
static bs_status write_state(bs_sink* sink, bs_slice bytes) {
  (void)sink;
  keep(bytes);
  return BS_OK;
}

static void expect(const char* wanted) {
  if (strcmp(said, wanted) == 0) return;
  printf("expected \"%s\", got \"%s\"\n", wanted, said);
  ++failures;
}

static void ask(const bs_actor_type* type, void* self, const char* body) {
  bs_msg question = {.struct_size = sizeof question, .kind = BS_MSG_REQUEST};
  question.body = bs_text(body);
  if (type->receive(self, NULL, &question) != BS_OK) ++failures;
}

int main(void) {
  const bs_api api = {.struct_size = sizeof api,
                      .abi_major = BS_ABI_MAJOR,
                      .set_error = set_error,
                      .reply = reply,
                      .reply_error = reply_error,
                      .write = write_state};
  const bs_actor_type* type = backstage_plugin_v1(&api)->types[0];
  void* self = NULL;
  if (type->create(NULL, bs_text("{\"greeting\": 5}"), &self) != BS_E_ARG) ++failures;
  expect("the config must be {\"greeting\": \"TEXT\"}, or empty");

  if (type->create(NULL, bs_text("{\"greeting\": \"good day\"}"), &self) != BS_OK) return 1;
  ask(type, self, "world");
  expect("good day world, you are number 1");
  ask(type, self, "moon");
  expect("good day moon, you are number 2");

  // An upgrade: what one saves, the next one loads.
  char state[sizeof said];
  type->save(self, NULL);
  memcpy(state, said, sizeof state);
  const bs_slice saved = {state, said_bytes};
  type->destroy(self, NULL, BS_END_UPGRADED);
  if (type->load(NULL, bs_text(""), type->state_version, saved, &self) != BS_OK) return 1;
  ask(type, self, "again");
  expect("hello again, you are number 3");
  type->destroy(self, NULL, BS_END_STOPPED);
  return failures == 0 ? 0 : 1;
}
