// throws: lets C++ exceptions out through the C ABI, which it must not. Test-only.
#include <backstage/plugin.h>

#include <stdexcept>

namespace {

#ifdef THROW_EARLY
struct Early {
  Early() { throw std::runtime_error("out of a static constructor"); }
};
const Early early;
#endif

bs_status create(bs_ctx*, bs_slice config, void**) {
  if (config.len != 0) throw std::runtime_error("out of create");
  return BS_OK;
}
bs_status receive(void*, bs_ctx*, const bs_msg*) { throw std::runtime_error("out of receive"); }
void destroy(void*, bs_ctx*, int32_t) {}
#ifdef THROW_IN_INIT
bs_status init(bs_slice) { throw std::runtime_error("out of init"); }
#else
bs_status init(bs_slice) { return BS_OK; }
#endif

constexpr bs_actor_type type{
    .struct_size = sizeof(bs_actor_type),
    .flags = 0,
    .name = "throws",
    .state_version = 0,
    .state_min = 0,
    .create = &create,
    .receive = &receive,
    .destroy = &destroy,
    .save = nullptr,
    .load = nullptr,
};
constexpr const bs_actor_type* types[] = {&type};
constexpr bs_plugin plugin{
    .struct_size = sizeof(bs_plugin),
    .abi_major = BS_ABI_MAJOR,
    .abi_minor = BS_ABI_MINOR,
    .flags = 0,
    .type_count = 1,
    .id = "test.throws",
    .version = "1.0.0",
    .types = &types[0],
    .init = &init,
    .quiesce = nullptr,
    .fini = nullptr,
    .extension = nullptr,
};

BS_NOTE_C("id=test.throws\0version=1.0.0\0types=throws", 0);

}  // namespace

#ifdef THROW_IN_ENTRY
const bs_plugin* backstage_plugin_v1(const bs_api* api) {
  if (api != nullptr) throw std::runtime_error("out of the entry");
  return &plugin;
}
#else
const bs_plugin* backstage_plugin_v1(const bs_api*) { return &plugin; }
#endif
