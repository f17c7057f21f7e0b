// A plugin of many versions: its actors count, save and load, and fail as the build says.
#include <backstage/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION "1.0.0"
#endif
#ifndef PLUGIN_TYPE
#define PLUGIN_TYPE "heir"
#endif
#ifndef STATE_VERSION
#define STATE_VERSION 1
#endif
#ifndef STATE_MIN
#define STATE_MIN 1
#endif
#ifndef BUSY_TIMES
#define BUSY_TIMES 0
#endif

static const bs_api* host;

typedef struct heir {
  long total;
  int busy;
} heir;

static bs_status create(bs_ctx* ctx, bs_slice config, void** self) {
  (void)ctx;
  (void)config;
  heir* me = calloc(1, sizeof *me);
  if (me == NULL) return BS_E_NO_MEMORY;
  me->busy = BUSY_TIMES;
  *self = me;
  return BS_OK;
}

// "TEXT" fails if it is "fail"; a number is added; the answer is "VERSION TOTAL".
static bs_status receive(void* self, bs_ctx* ctx, const bs_msg* msg) {
  heir* me = self;
  char text[64] = {0};
  const size_t length = msg->body.len < sizeof text ? msg->body.len : sizeof text - 1;
  if (length != 0) memcpy(text, msg->body.ptr, length);
  if (strcmp(text, "fail") == 0) {
    host->set_error(host, BS_E_FAIL, bs_text("asked to fail"));
    return BS_E_FAIL;
  }
#ifdef RECEIVE_FAILS
  host->set_error(host, BS_E_FAIL, bs_text("this version is bad"));
  return BS_E_FAIL;
#endif
  if (strcmp(text, "idle") == 0) me->busy = 0;
  me->total += strtol(text, NULL, 10);
  if (msg->kind != BS_MSG_REQUEST) return BS_OK;
  char answer[96];
  snprintf(answer, sizeof answer, "%s %ld", PLUGIN_VERSION, me->total);
  const bs_request request = {msg->from, msg->corr};
  const bs_out out = {bs_text("total"), bs_text(answer), NULL};
  return host->reply(ctx, request, &out);
}

static void destroy(void* self, bs_ctx* ctx, int32_t reason) {
  (void)ctx;
  (void)reason;
  free(self);
}

#ifndef NO_SAVE
static bs_status save(void* self, bs_sink* sink) {
  heir* me = self;
#ifdef SAVE_FAILS
  (void)me;
  (void)sink;
  host->set_error(host, BS_E_FAIL, bs_text("the disk of my mind is full"));
  return BS_E_FAIL;
#endif
  // Busy as often as it was made to be; counted in the host's copy of nothing: save changes no self
  // that anybody could see.
  if (me->busy > 0) {
    --me->busy;
    return BS_E_BUSY;
  }
  const bs_slice bytes = {&me->total, sizeof me->total};
  return host->write(sink, bytes);
}

static bs_status load(bs_ctx* ctx, bs_slice config, uint32_t version, bs_slice state, void** self) {
  (void)version;
#ifdef LOAD_FAILS
  (void)ctx;
  (void)config;
  (void)state;
  (void)self;
  host->set_error(host, BS_E_FAIL, bs_text("I cannot read that"));
  return BS_E_FAIL;
#endif
#ifdef LOAD_FAILS_FROM
  // Those that have counted so far are too much for it.
  long total = 0;
  memcpy(&total, state.ptr, sizeof total);
  if (total >= LOAD_FAILS_FROM) {
    host->set_error(host, BS_E_FAIL, bs_text("that is too much for me"));
    return BS_E_FAIL;
  }
#endif
  const bs_status made = create(ctx, config, self);
  if (made < 0) return made;
  if (state.len != sizeof(long)) return BS_E_ARG;
  memcpy(&((heir*)*self)->total, state.ptr, sizeof(long));
  return BS_OK;
}
#endif

static bs_status init(bs_slice config) {
  (void)config;
#ifdef INIT_FAILS
  host->set_error(host, BS_E_FAIL, bs_text("nothing works"));
  return BS_E_FAIL;
#endif
  return BS_OK;
}

static const bs_actor_type type = {
    .struct_size = sizeof type,
    .name = PLUGIN_TYPE,
    .create = create,
    .receive = receive,
    .destroy = destroy,
#ifndef NO_SAVE
    .state_version = STATE_VERSION,
    .state_min = STATE_MIN,
    .save = save,
    .load = load,
#endif
};
static const bs_actor_type* const types[] = {&type};
static const bs_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_major = BS_ABI_MAJOR,
    .abi_minor = BS_ABI_MINOR,
    .flags = BS_UNLOAD_SAFE,
    .type_count = 1,
    .id = "test.heir",
    .version = PLUGIN_VERSION,
    .types = types,
    .init = init,
};

BS_NOTE_C("id=test.heir\0version=" PLUGIN_VERSION "\0types=" PLUGIN_TYPE, BS_UNLOAD_SAFE);

BS_EXPORT const bs_plugin* backstage_plugin_v1(const bs_api* api) {
  host = api;
  return &plugin;
}
