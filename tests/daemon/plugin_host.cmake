# Tests of plugin_host: with the plugins that ship, and with broken ones made for it.
set(bad_plugins_folder ${CMAKE_BINARY_DIR}/test_plugins/bad)
add_custom_target(bad_plugins)

# bad_plugin(NAME SOURCE definitions...): NAME.so in test_plugins/bad. No -z defs: some lack
# symbols.
function(bad_plugin name source)
  set(target bad_plugin_${name})
  add_library(${target} MODULE ${PROJECT_SOURCE_DIR}/tests/plugins_bad/${source})
  target_link_libraries(${target} PRIVATE backstage_options backstage_sdk)
  target_compile_definitions(${target} PRIVATE ${ARGN})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${name} PREFIX "" SUFFIX ".so"
    LIBRARY_OUTPUT_DIRECTORY ${bad_plugins_folder}
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden CXX_STANDARD 20
    SKIP_BUILD_RPATH ON)
  target_link_options(${target} PRIVATE -Wl,-z,now)
  add_dependencies(bad_plugins ${target})
endfunction()

bad_plugin(sound defect.c)
bad_plugin(no_note defect.c DEFECT_NO_NOTE)
bad_plugin(abi_major defect.c DEFECT_ABI_MAJOR)
bad_plugin(no_entry defect.c DEFECT_NO_ENTRY)
bad_plugin(entry_refuses defect.c DEFECT_ENTRY_REFUSES)
bad_plugin(init_fails defect.c DEFECT_INIT_FAILS)
bad_plugin(init_silent defect.c DEFECT_INIT_SILENT)
bad_plugin(missing_symbol defect.c DEFECT_MISSING_SYMBOL)
bad_plugin(small_descriptor defect.c DEFECT_SMALL_DESCRIPTOR)
bad_plugin(no_receive defect.c DEFECT_NO_RECEIVE)
bad_plugin(id_mismatch defect.c NOTE_ID="test.other")
bad_plugin(version_mismatch defect.c NOTE_VERSION="3.0.0")
bad_plugin(types_mismatch defect.c NOTE_TYPES="other")
bad_plugin(flags_mismatch defect.c NOTE_FLAGS=0)
bad_plugin(threads_unjoined defect.c DEFECT_NO_QUIESCE PLUGIN_FLAGS=BS_HAS_THREADS)
bad_plugin(isolated defect.c PLUGIN_FLAGS=BS_NEEDS_ISOLATION)
bad_plugin(never_quiet defect.c DEFECT_NEVER_QUIET PLUGIN_ID="test.never_quiet"
  PLUGIN_TYPE="never_quiet")
bad_plugin(newer defect.c PLUGIN_VERSION="1.10.0")
bad_plugin(newer_broken defect.c PLUGIN_VERSION="1.11.0" DEFECT_INIT_FAILS)
bad_plugin(same_version defect.c PLUGIN_TYPE="defect_too")
bad_plugin(same_type defect.c PLUGIN_ID="test.rival")
bad_plugin(second defect.c PLUGIN_ID="test.second" PLUGIN_TYPE="second")
bad_plugin(misuse misuse.c)
bad_plugin(heir_1 heir.c)
bad_plugin(heir_2 heir.c PLUGIN_VERSION="2.0.0")
bad_plugin(heir_3 heir.c PLUGIN_VERSION="3.0.0")
bad_plugin(heir_2_late heir.c PLUGIN_VERSION="2.0.0" STATE_VERSION=3 STATE_MIN=2)
bad_plugin(heir_2_busy heir.c PLUGIN_VERSION="2.0.0" BUSY_TIMES=3)
bad_plugin(heir_2_stuck heir.c PLUGIN_VERSION="2.0.0" BUSY_TIMES=1000000)
bad_plugin(heir_2_unsaved heir.c PLUGIN_VERSION="2.0.0" NO_SAVE)
bad_plugin(heir_2_save_fails heir.c PLUGIN_VERSION="2.0.0" SAVE_FAILS)
bad_plugin(heir_2_load_fails heir.c PLUGIN_VERSION="2.0.0" LOAD_FAILS)
bad_plugin(heir_2_load_fails_late heir.c PLUGIN_VERSION="2.0.0" LOAD_FAILS_FROM=5)
bad_plugin(heir_2_init_fails heir.c PLUGIN_VERSION="2.0.0" INIT_FAILS)
bad_plugin(heir_2_fails heir.c PLUGIN_VERSION="2.0.0" RECEIVE_FAILS)
bad_plugin(heir_2_renamed heir.c PLUGIN_VERSION="2.0.0" PLUGIN_TYPE="heiress")
bad_plugin(clinging clinging.cpp)
# One that brings a library along.
add_library(heirloom SHARED ${PROJECT_SOURCE_DIR}/tests/plugins_bad/helper.c)
set_target_properties(heirloom PROPERTIES
  OUTPUT_NAME backstage_heirloom LIBRARY_OUTPUT_DIRECTORY ${bad_plugins_folder}/heirloom)
bad_plugin(heir_2_with_library heir.c PLUGIN_VERSION="2.0.0")
target_link_libraries(bad_plugin_heir_2_with_library PRIVATE heirloom)
target_link_options(bad_plugin_heir_2_with_library PRIVATE -Wl,--no-as-needed)
set_target_properties(bad_plugin_heir_2_with_library PROPERTIES
  SKIP_BUILD_RPATH OFF BUILD_RPATH ${bad_plugins_folder}/heirloom)
target_link_libraries(bad_plugin_misuse PRIVATE Threads::Threads)
bad_plugin(throws throws.cpp)
bad_plugin(throws_in_init throws.cpp THROW_IN_INIT)

# A plugin that needs a library which is not there when it is loaded.
add_library(bad_helper SHARED ${PROJECT_SOURCE_DIR}/tests/plugins_bad/helper.c)
set_target_properties(bad_helper PROPERTIES
  OUTPUT_NAME backstage_absent LIBRARY_OUTPUT_DIRECTORY ${bad_plugins_folder}/absent)
bad_plugin(missing_library defect.c)
target_link_libraries(bad_plugin_missing_library PRIVATE bad_helper)
target_link_options(bad_plugin_missing_library PRIVATE -Wl,--no-as-needed)

backstage_test(plugin_host_test
  SOURCES crash_record_test.cpp plugin_host_test.cpp plugin_host_actor_test.cpp
          plugin_host_refusal_test.cpp plugin_host_staging_test.cpp
          plugin_host_threads_test.cpp plugin_host_unit_test.cpp
          plugin_host_life_test.cpp plugin_host_upgrade_test.cpp plugin_host_theatre.cpp
          ${PROJECT_SOURCE_DIR}/tests/support/stage.cpp
  LINK backstage_plugin_host)
target_compile_definitions(plugin_host_test PRIVATE
  BACKSTAGE_PLUGINS="${CMAKE_BINARY_DIR}/plugins"
  BACKSTAGE_TEST_PLUGINS="${CMAKE_BINARY_DIR}/test_plugins"
  BACKSTAGE_BAD_PLUGINS="${bad_plugins_folder}")
add_dependencies(plugin_host_test all_plugins bad_plugins)
