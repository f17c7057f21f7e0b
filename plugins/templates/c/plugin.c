// my_actor: greets whoever asks, and counts them.
#include <backstage/plugin.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { GREETING_BYTES_MAX = 64, NAME_BYTES_MAX = 200 };

struct greeter {
  char greeting[GREETING_BYTES_MAX];
  uint64_t asked;
};

static const bs_api* host;

static bs_status failed(bs_status code, const char* text) {
  host->set_error(host, code, bs_text(text));
  return code;
}

// The config is {"greeting": "hello"} or empty; give a larger one to a JSON library.
static int read_greeting(bs_slice config, char* greeting) {
  char text[2 * GREETING_BYTES_MAX] = "";
  int end = 0;
  if (config.len == 0) return 1;
  if (config.len >= sizeof text) return 0;
  memcpy(text, config.ptr, config.len);
  sscanf(text, " { \"greeting\" : \"%63[^\"\\]\" } %n", greeting, &end);
  return end > 0 && (size_t)end == config.len;
}

static bs_status create(bs_ctx* ctx, bs_slice config, void** self) {
  struct greeter* made = calloc(1, sizeof *made);
  (void)ctx;
  if (made == NULL) return failed(BS_E_FAIL, "out of memory");
  snprintf(made->greeting, sizeof made->greeting, "hello");
  if (!read_greeting(config, made->greeting)) {
    free(made);
    return failed(BS_E_ARG, "the config must be {\"greeting\": \"TEXT\"}, or empty");
  }
  *self = made;
  return BS_OK;
}

static bs_status receive(void* self, bs_ctx* ctx, const bs_msg* msg) {
  struct greeter* actor = self;
  const bs_request request = {msg->from, msg->corr};
  char text[GREETING_BYTES_MAX + NAME_BYTES_MAX + 64];
  if (msg->kind != BS_MSG_REQUEST) return BS_OK;
  if (msg->body.len > NAME_BYTES_MAX) {
    host->reply_error(ctx, request, BS_E_ARG, bs_text("that name is longer than 200 bytes"));
    return BS_OK;
  }
  ++actor->asked;
  snprintf(text, sizeof text, "%s %.*s, you are number %" PRIu64, actor->greeting,
           (int)msg->body.len, msg->body.len > 0 ? (const char*)msg->body.ptr : "", actor->asked);
  const bs_out out = {{NULL, 0}, bs_text(text), NULL};
  host->reply(ctx, request, &out);
  return BS_OK;
}

static void destroy(void* self, bs_ctx* ctx, int32_t reason) {
  (void)ctx;
  (void)reason;
  free(self);
}

// What survives an upgrade to the next version of this file.
static bs_status save(void* self, bs_sink* sink) {
  const struct greeter* actor = self;
  const bs_slice bytes = {&actor->asked, sizeof actor->asked};
  return host->write(sink, bytes);
}

static bs_status load(bs_ctx* ctx, bs_slice config, uint32_t version, bs_slice state, void** self) {
  (void)version;
  if (state.len != sizeof(uint64_t)) return failed(BS_E_FAIL, "the saved state is not 8 bytes");
  const bs_status made = create(ctx, config, self);
  if (made == BS_OK) memcpy(&((struct greeter*)*self)->asked, state.ptr, sizeof(uint64_t));
  return made;
}

static const bs_actor_type my_actor_type = {
    .struct_size = sizeof(bs_actor_type),
    .name = "my_actor",
    .state_version = 1,
    .state_min = 1,
    .create = create,
    .receive = receive,
    .destroy = destroy,
    .save = save,
    .load = load,
};
static const bs_actor_type* const types[] = {&my_actor_type};
static const bs_plugin plugin = {
    .struct_size = sizeof(bs_plugin),
    .abi_major = BS_ABI_MAJOR,
    .abi_minor = BS_ABI_MINOR,
    .flags = BS_UNLOAD_SAFE,
    .type_count = 1,
    .id = "com.example.my_actor",
    .version = "1.0.0",
    .types = types,
};

BS_NOTE_C("id=com.example.my_actor\0version=1.0.0\0types=my_actor", BS_UNLOAD_SAFE);

const bs_plugin* backstage_plugin_v1(const bs_api* api) {
  host = api;
  if (api->abi_major == BS_ABI_MAJOR) return &plugin;
  api->set_error(api, BS_E_NOSUP,
                 bs_text("built for plugin ABI 1, which this daemon does not offer"));
  return NULL;
}
