/* A plugin whose tables are TABLES_SMALLER than, equal to or TABLES_LARGER than ABI 1.0's, with
 * traps where the host must not read. */
#include <backstage/plugin.h>
#include <stdlib.h>

#if defined(TABLES_SMALLER)
#define SIZE "smaller"
#define PLUGIN_SIZE offsetof(bs_plugin, init)
#define TYPE_SIZE offsetof(bs_actor_type, save)
#elif defined(TABLES_LARGER)
#define SIZE "larger"
#define PLUGIN_SIZE sizeof(larger_plugin)
#define TYPE_SIZE sizeof(larger_type)
#else
#define SIZE "equal"
#define PLUGIN_SIZE sizeof(bs_plugin)
#define TYPE_SIZE sizeof(bs_actor_type)
#endif

BS_NOTE_C("id=test." SIZE "\0version=1.0.0\0types=" SIZE, BS_UNLOAD_SAFE);

/* What a later minor version may have added. */
typedef struct larger_plugin {
  bs_plugin known;
  void (*unknown[4])(void);
} larger_plugin;
typedef struct larger_type {
  bs_actor_type known;
  void (*unknown[4])(void);
} larger_type;

static const bs_api* host;

static bs_status create(bs_ctx* ctx, bs_slice config, void** self) {
  (void)ctx, (void)config, (void)self;
  return BS_OK;
}
static bs_status receive(void* self, bs_ctx* ctx, const bs_msg* msg) {
  bs_request request;
  bs_out out;
  (void)self;
  request.from = msg->from;
  request.corr = msg->corr;
  memset(&out, 0, sizeof out);
  out.body = bs_text(SIZE);
  return host->reply(ctx, request, &out);
}
static void destroy(void* self, bs_ctx* ctx, int32_t reason) {
  (void)self, (void)ctx, (void)reason;
}

/* Behind the end of a smaller table, and in the unknown part of a larger one. */
static void trap(void) { abort(); }

#if defined(TABLES_SMALLER)
#define TRAP(type) ((type)trap)
#pragma GCC diagnostic ignored "-Wcast-function-type"
#else
#define TRAP(type) NULL
#endif
typedef bs_status (*save_function)(void*, bs_sink*);
typedef bs_status (*load_function)(bs_ctx*, bs_slice, uint32_t, bs_slice, void**);
typedef bs_status (*init_function)(bs_slice);
typedef bs_status (*quiesce_function)(uint32_t);
typedef void (*fini_function)(void);
typedef const void* (*extension_function)(const char*);

static const larger_type type = {
    {TYPE_SIZE, 0, SIZE, 0, 0, create, receive, destroy, TRAP(save_function), TRAP(load_function)},
    {trap, trap, trap, trap}};
static const bs_actor_type* const types[] = {&type.known};
static const larger_plugin plugin = {
    {PLUGIN_SIZE, BS_ABI_MAJOR, 0, BS_UNLOAD_SAFE, 1, "test." SIZE, "1.0.0", types,
     TRAP(init_function), TRAP(quiesce_function), TRAP(fini_function), TRAP(extension_function)},
    {trap, trap, trap, trap}};

BS_EXPORT const bs_plugin* backstage_plugin_v1(const bs_api* api) {
  host = api;
  return &plugin.known;
}
