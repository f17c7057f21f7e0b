// A plugin of the upgrade stress: its recorders check the order of what they get, and count it.
//
// Built in several variants: SAVE_FAILS_AT and LOAD_FAILS_AT name the call of this generation that
// fails; INIT_FAILS; VICTIM_FAILS.
#include <backstage/plugin.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/stress/record.h"

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION "1.0.0"
#endif

static const bs_api* host;
static atomic_uint saves;
static atomic_uint loads;

static bs_status fail(const char* why) {
  host->set_error(host, BS_E_FAIL, bs_text(why));
  return BS_E_FAIL;
}

static bs_status create(bs_ctx* ctx, bs_slice config, void** self) {
  (void)ctx;
  (void)config;
  *self = calloc(1, sizeof(stress_record));
  return *self == NULL ? BS_E_NO_MEMORY : BS_OK;
}

static void destroy(void* self, bs_ctx* ctx, int32_t reason) {
  (void)ctx;
  (void)reason;
  free(self);
}

static void note_lateness(const stress_mail* mail) {
  if (mail->lateness == NULL) return;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t nanos = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - mail->due_nanos;
  int64_t micros = nanos < 0 ? 0 : nanos / 1000;
  if (micros >= STRESS_MICROS_MAX) micros = STRESS_MICROS_MAX - 1;
  __atomic_fetch_add(&mail->lateness[micros], 1, __ATOMIC_RELAXED);
}

static bs_status receive(void* self, bs_ctx* ctx, const bs_msg* msg) {
  stress_record* me = self;
  (void)ctx;
  stress_mail mail;
  if (msg->body.len != sizeof mail) return fail("that is no mail of the stress");
  memcpy(&mail, msg->body.ptr, sizeof mail);
  if (mail.report != NULL) {
    mail.report->record = *me;
    __atomic_store_n(&mail.report->is_there, 1, __ATOMIC_RELEASE);
    return BS_OK;
  }
  stress_count* count = &me->of[mail.sender % STRESS_SENDERS_MAX];
  if (mail.number != count->last + 1) ++me->disorders;
  count->last = mail.number;
  count->digest = stress_digest(count->digest, mail.number);
  ++me->handled;
  note_lateness(&mail);
  return BS_OK;
}

static bs_status save(void* self, bs_sink* sink) {
#ifdef SAVE_FAILS_AT
  if (atomic_fetch_add(&saves, 1) + 1 == SAVE_FAILS_AT) return fail("this save fails on purpose");
#endif
  const bs_slice bytes = {self, sizeof(stress_record)};
  return host->write(sink, bytes);
}

static bs_status load(bs_ctx* ctx, bs_slice config, uint32_t version, bs_slice state, void** self) {
  (void)version;
#ifdef LOAD_FAILS_AT
  if (atomic_fetch_add(&loads, 1) + 1 == LOAD_FAILS_AT) return fail("this load fails on purpose");
#endif
  if (state.len != sizeof(stress_record)) return fail("that is no state of a recorder");
  const bs_status made = create(ctx, config, self);
  if (made < 0) return made;
  memcpy(*self, state.ptr, sizeof(stress_record));
  return BS_OK;
}

static bs_status receive_victim(void* self, bs_ctx* ctx, const bs_msg* msg) {
  (void)self;
  (void)ctx;
  (void)msg;
#ifdef VICTIM_FAILS
  return fail("this version fails its victims");
#else
  return BS_OK;
#endif
}

static bs_status init(bs_slice config) {
  (void)config;
  // Both are used in one variant each.
  (void)saves;
  (void)loads;
#ifdef INIT_FAILS
  return fail("this init fails on purpose");
#else
  return BS_OK;
#endif
}

static const bs_actor_type recorder = {
    .struct_size = sizeof recorder,
    .name = "recorder",
    .state_version = 1,
    .state_min = 1,
    .create = create,
    .receive = receive,
    .destroy = destroy,
    .save = save,
    .load = load,
};
static const bs_actor_type victim = {
    .struct_size = sizeof victim,
    .name = "victim",
    .create = create,
    .receive = receive_victim,
    .destroy = destroy,
};
static const bs_actor_type* const types[] = {&recorder, &victim};
static const bs_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_major = BS_ABI_MAJOR,
    .abi_minor = BS_ABI_MINOR,
    .flags = BS_UNLOAD_SAFE,
    .type_count = 2,
    .id = "test.recorder",
    .version = PLUGIN_VERSION,
    .types = types,
    .init = init,
};

BS_NOTE_C("id=test.recorder\0version=" PLUGIN_VERSION "\0types=recorder;victim", BS_UNLOAD_SAFE);

BS_EXPORT const bs_plugin* backstage_plugin_v1(const bs_api* api) {
  host = api;
  return &plugin;
}
