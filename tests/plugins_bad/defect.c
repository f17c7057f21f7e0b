// A sound little plugin with one defect, chosen at compile time by -DDEFECT_<NAME>. Test-only.
#include <backstage/plugin.h>

#ifndef PLUGIN_ID
#define PLUGIN_ID "test.defect"
#endif
#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION "1.0.0"
#endif
#ifndef PLUGIN_TYPE
#define PLUGIN_TYPE "defect"
#endif
#ifndef PLUGIN_FLAGS
#define PLUGIN_FLAGS BS_UNLOAD_SAFE
#endif
#ifndef NOTE_ID
#define NOTE_ID PLUGIN_ID
#endif
#ifndef NOTE_VERSION
#define NOTE_VERSION PLUGIN_VERSION
#endif
#ifndef NOTE_TYPES
#define NOTE_TYPES PLUGIN_TYPE
#endif
#ifndef NOTE_FLAGS
#define NOTE_FLAGS PLUGIN_FLAGS
#endif

#ifdef DEFECT_ABI_MAJOR
#undef BS_ABI_MAJOR
#define BS_ABI_MAJOR 9
#endif

static const bs_api* host;

static bs_status create(bs_ctx* ctx, bs_slice config, void** self) {
  (void)ctx;
  (void)config;
  (void)self;
  return BS_OK;
}

// Replies with the version, so that a test sees whose code runs.
static bs_status receive(void* self, bs_ctx* ctx, const bs_msg* msg) {
  (void)self;
  const bs_out out = {{NULL, 0}, {PLUGIN_VERSION, sizeof PLUGIN_VERSION - 1}, NULL};
  const bs_request request = {msg->from, msg->corr};
  if (msg->kind == BS_MSG_REQUEST) host->reply(ctx, request, &out);
  return BS_OK;
}

static void destroy(void* self, bs_ctx* ctx, int32_t reason) {
  (void)self;
  (void)ctx;
  (void)reason;
}

#ifdef DEFECT_MISSING_SYMBOL
extern void a_function_that_nobody_defines(void);
#endif

static bs_status init(bs_slice config) {
  (void)config;
#ifdef DEFECT_MISSING_SYMBOL
  a_function_that_nobody_defines();
#endif
#ifdef DEFECT_INIT_FAILS
  host->set_error(host, BS_E_FAIL, bs_text("the door in the back is locked"));
  return BS_E_FAIL;
#elif defined(DEFECT_INIT_SILENT)
  return BS_E_BUSY;
#else
  return BS_OK;
#endif
}

static bs_status quiesce(uint32_t deadline_ms) {
  (void)deadline_ms;
#ifdef DEFECT_NEVER_QUIET
  return BS_E_BUSY;
#else
  return BS_OK;
#endif
}

static void fini(void) { host->log(host, BS_LOG_INFO, bs_text("fini " PLUGIN_ID)); }

// The larger structs of a plugin that was built with a later minor version.
static const struct {
  bs_actor_type known;
  void* later;
} type = {
    .known =
        {
            .struct_size = sizeof type,
            .name = PLUGIN_TYPE,
            .create = create,
#ifndef DEFECT_NO_RECEIVE
            .receive = receive,
#endif
            .destroy = destroy,
        },
    .later = (void*)&host,
};
static const bs_actor_type* const types[] = {&type.known};
static const struct {
  bs_plugin known;
  void* later;
} plugin = {
    .known =
        {
#ifdef DEFECT_SMALL_DESCRIPTOR
            .struct_size = 8,
#else
            .struct_size = sizeof plugin,
#endif
            .abi_major = BS_ABI_MAJOR,
            .abi_minor = BS_ABI_MINOR,
            .flags = PLUGIN_FLAGS,
            .type_count = 1,
            .id = PLUGIN_ID,
            .version = PLUGIN_VERSION,
            .types = types,
            .init = init,
#ifndef DEFECT_NO_QUIESCE
            .quiesce = quiesce,
#endif
            .fini = fini,
        },
    .later = (void*)&host,
};

#ifndef DEFECT_NO_NOTE
BS_NOTE_C("id=" NOTE_ID "\0version=" NOTE_VERSION "\0types=" NOTE_TYPES, NOTE_FLAGS);
#endif

#ifdef DEFECT_NO_ENTRY
__attribute__((visibility("default"))) const bs_plugin* another_entry(const bs_api* api);
const bs_plugin* another_entry(const bs_api* api) {
#else
const bs_plugin* backstage_plugin_v1(const bs_api* api) {
#endif
  host = api;
  (void)quiesce;
  (void)receive;
#ifdef DEFECT_ENTRY_REFUSES
  api->set_error(api, BS_E_NOSUP, bs_text("only for hosts with a moon"));
  return api->struct_size == 0 ? &plugin.known : NULL;
#else
  return &plugin.known;
#endif
}
