// counter_c: the counter once more in plain C, to show the ABI with nothing in between.
#include <backstage/plugin.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct counter {
  int64_t total;
};

static const bs_api* host;

// All of the body as a decimal integer; 0 when it is anything else or out of range. Counts
// downwards because the range has one more negative number than positive ones.
static int parse(bs_slice body, int64_t* value) {
  const char* at = body.len > 0 ? body.ptr : "";
  const char* end = at + body.len;
  const int negative = body.len > 0 && *at == '-';
  int64_t sum = 0;
  at += negative;
  if (at == end) return 0;
  for (; at != end; ++at) {
    if (*at < '0' || *at > '9') return 0;
    if (__builtin_mul_overflow(sum, 10, &sum)) return 0;
    if (__builtin_sub_overflow(sum, *at - '0', &sum)) return 0;
  }
  if (!negative && __builtin_sub_overflow((int64_t)0, sum, &sum)) return 0;
  *value = sum;
  return 1;
}

static void refuse(bs_ctx* ctx, const bs_msg* msg, const char* text) {
  if (msg->kind == BS_MSG_REQUEST) {
    const bs_request request = {msg->from, msg->corr};
    host->reply_error(ctx, request, BS_E_ARG, bs_text(text));
  } else {
    host->log(host, BS_LOG_WARN, bs_text(text));
  }
}

static bs_status failed(bs_status code, const char* text) {
  host->set_error(host, code, bs_text(text));
  return code;
}

// All that this config may say is {"start": 40}; a JSON library would be more than the actor.
static int read_start(bs_slice config, int64_t* start) {
  char text[80] = "";
  int end = 0;
  if (config.len == 0) return 1;
  if (config.len >= sizeof text) return 0;
  memcpy(text, config.ptr, config.len);
  sscanf(text, " { } %n", &end);
  if (end > 0 && (size_t)end == config.len) return 1;
  int number_at = 0;
  sscanf(text, " { \"start\" : %n", &number_at);
  if (number_at == 0) return 0;
  char* rest = NULL;
  errno = 0;
  *start = strtoll(text + number_at, &rest, 10);
  if (rest == text + number_at || errno != 0) return 0;
  end = 0;
  sscanf(rest, " } %n", &end);
  return end > 0 && rest + end == text + config.len;
}

static bs_status create(bs_ctx* ctx, bs_slice config, void** self) {
  int64_t start = 0;
  (void)ctx;
  if (!read_start(config, &start)) {
    return failed(BS_E_ARG, "the config must be {\"start\": N}, N an integer, or empty");
  }
  struct counter* counter = malloc(sizeof *counter);
  if (counter == NULL) return failed(BS_E_FAIL, "out of memory");
  counter->total = start;
  *self = counter;
  return BS_OK;
}

static bs_status receive(void* self, bs_ctx* ctx, const bs_msg* msg) {
  struct counter* counter = self;
  int64_t step = 0;
  if (msg->kind != BS_MSG_SEND && msg->kind != BS_MSG_PUBLISH && msg->kind != BS_MSG_REQUEST) {
    return BS_OK;
  }
  if (!parse(msg->body, &step)) {
    refuse(ctx, msg, "counter_c adds integers, like 5 or -3; this message holds none");
    return BS_OK;
  }
  if (__builtin_add_overflow(counter->total, step, &step)) {
    refuse(ctx, msg, "the total has no room for that; add something smaller");
    return BS_OK;
  }
  counter->total = step;

  char text[24];
  snprintf(text, sizeof text, "%" PRId64, counter->total);
  const bs_out out = {{NULL, 0}, bs_text(text), NULL};
  const bs_slice default_topic = {NULL, 0};
  if (host->publish(ctx, default_topic, &out, BS_PUBLISH_RETAIN) < 0) {
    host->log(host, BS_LOG_WARN, bs_text("the new total was not published"));
  }
  if (msg->kind == BS_MSG_REQUEST) {
    const bs_request request = {msg->from, msg->corr};
    host->reply(ctx, request, &out);
  }
  return BS_OK;
}

static void destroy(void* self, bs_ctx* ctx, int32_t reason) {
  (void)ctx;
  (void)reason;
  free(self);
}

static bs_status save(void* self, bs_sink* sink) {
  const struct counter* counter = self;
  const bs_slice bytes = {&counter->total, sizeof counter->total};
  return host->write(sink, bytes);
}

static bs_status load(bs_ctx* ctx, bs_slice config, uint32_t version, bs_slice state, void** self) {
  (void)version;
  if (state.len != sizeof(int64_t)) {
    return failed(BS_E_FAIL, "the saved state is not 8 bytes");
  }
  const bs_status made = create(ctx, config, self);
  if (made == BS_OK) memcpy(&((struct counter*)*self)->total, state.ptr, sizeof(int64_t));
  return made;
}

static const bs_actor_type counter_type = {
    .struct_size = sizeof(bs_actor_type),
    .name = "counter_c",
    .state_version = 1,
    .state_min = 1,
    .create = create,
    .receive = receive,
    .destroy = destroy,
    .save = save,
    .load = load,
};
static const bs_actor_type* const types[] = {&counter_type};
static const bs_plugin plugin = {
    .struct_size = sizeof(bs_plugin),
    .abi_major = BS_ABI_MAJOR,
    .abi_minor = BS_ABI_MINOR,
    .flags = BS_UNLOAD_SAFE,
    .type_count = 1,
    .id = "org.backstage.counter_c",
    .version = "1.0.0",
    .types = types,
};

BS_NOTE_C("id=org.backstage.counter_c\0version=1.0.0\0types=counter_c", BS_UNLOAD_SAFE);

const bs_plugin* backstage_plugin_v1(const bs_api* api) {
  host = api;
  if (api->abi_major == BS_ABI_MAJOR) return &plugin;
  api->set_error(api, BS_E_NOSUP,
                 bs_text("built for plugin ABI 1, which this daemon does not offer"));
  return NULL;
}
