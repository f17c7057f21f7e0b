// bench_loads_c: the load W1 and the sink of abi_call in plain C, with nothing over the ABI.
#include <backstage/plugin.h>
#include <stdlib.h>
#include <time.h>

struct pay64 {
  uint64_t seq;
  char pad[56];
};

struct player {
  uint64_t rounds, got, start_ns;
};

static const bs_api* host;

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bs_status tell(bs_ctx* ctx, bs_addr to, const char* type, const void* body, size_t size) {
  const bs_out out = {bs_text(type), {body, size}, NULL};
  const bs_status sent = host->send(ctx, to, &out);
  if (sent < 0) host->set_error(host, sent, bs_text("a send was refused"));
  return sent;
}

// `{"n":1000}`: the digits; 0 when there are none.
static uint64_t number_in(bs_slice config) {
  uint64_t number = 0;
  const char* text = config.ptr;
  for (size_t i = 0; i < config.len; ++i) {
    if (text[i] >= '0' && text[i] <= '9') number = number * 10 + (uint64_t)(text[i] - '0');
  }
  return number;
}

static bs_status create(bs_ctx* ctx, bs_slice config, void** self) {
  (void)ctx;
  struct player* player = calloc(1, sizeof *player);
  if (player == NULL) return BS_E_NO_MEMORY;
  player->rounds = number_in(config);
  *self = player;
  return BS_OK;
}

static bs_status start(struct player* player, bs_ctx* ctx) {
  bs_addr pong;
  const bs_slice none = {NULL, 0};
  const bs_status spawned = host->spawn(ctx, bs_text("w1_c"), bs_text("pong"), none, 0, &pong);
  if (spawned < 0) return spawned;
  struct pay64 ball = {0, {0}};
  memset(ball.pad, 7, sizeof ball.pad);
  player->start_ns = now_ns();
  return tell(ctx, pong, "", &ball, sizeof ball);
}

static bs_status tell_judge(const struct player* player, bs_ctx* ctx) {
  bs_addr judge;
  const uint64_t lap[2] = {player->start_ns, now_ns()};
  const bs_status found = host->resolve(ctx, bs_text("judge"), &judge);
  return found < 0 ? found : tell(ctx, judge, "lap", lap, sizeof lap);
}

static bs_status receive(void* self, bs_ctx* ctx, const bs_msg* msg) {
  struct player* player = self;
  if (msg->kind != BS_MSG_SEND) return BS_OK;
  if (msg->type.len != 0) return start(player, ctx);
  struct pay64 ball;
  memcpy(&ball, msg->body.ptr, sizeof ball);
  ++ball.seq;
  if (player->start_ns != 0 && ++player->got == player->rounds) return tell_judge(player, ctx);
  return tell(ctx, msg->from, "", &ball, sizeof ball);
}

static bs_status sink_receive(void* self, bs_ctx* ctx, const bs_msg* msg) {
  (void)ctx;
  uint64_t seq;
  memcpy(&seq, msg->body.ptr, sizeof seq);
  ((struct player*)self)->got += seq;
  return BS_OK;
}

static void destroy(void* self, bs_ctx* ctx, int32_t reason) {
  (void)ctx;
  (void)reason;
  free(self);
}

static const bs_actor_type player_type = {
    .struct_size = sizeof(bs_actor_type),
    .name = "w1_c",
    .create = create,
    .receive = receive,
    .destroy = destroy,
};
static const bs_actor_type sink_type = {
    .struct_size = sizeof(bs_actor_type),
    .name = "sink_c",
    .create = create,
    .receive = sink_receive,
    .destroy = destroy,
};
static const bs_actor_type* const types[] = {&player_type, &sink_type};
static const bs_plugin plugin = {
    .struct_size = sizeof(bs_plugin),
    .abi_major = BS_ABI_MAJOR,
    .abi_minor = BS_ABI_MINOR,
    .flags = BS_UNLOAD_SAFE,
    .type_count = 2,
    .id = "org.backstage.bench_loads_c",
    .version = "1.0.0",
    .types = types,
};

BS_NOTE_C("id=org.backstage.bench_loads_c\0version=1.0.0\0types=w1_c;sink_c", BS_UNLOAD_SAFE);

const bs_plugin* backstage_plugin_v1(const bs_api* api) {
  host = api;
  return api->abi_major == BS_ABI_MAJOR ? &plugin : NULL;
}
