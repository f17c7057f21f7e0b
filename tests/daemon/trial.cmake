# Tests of the trial, with plugins that harm who maps them, and of the drop folder.
bad_plugin(hostile_crash hostile.c HOSTILE_CRASH)
bad_plugin(hostile_overflow hostile.c HOSTILE_OVERFLOW)
bad_plugin(hostile_hang hostile.c HOSTILE_HANG)
bad_plugin(hostile_hang_deaf hostile.c HOSTILE_HANG_DEAF)
bad_plugin(hostile_spin hostile.c HOSTILE_SPIN)
bad_plugin(hostile_exit_0 hostile.c HOSTILE_EXIT=0)
bad_plugin(hostile_exit_3 hostile.c HOSTILE_EXIT=3 HOSTILE_IN_ENTRY)
bad_plugin(hostile_fork hostile.c HOSTILE_FORK)
bad_plugin(hostile_fork_away hostile.c HOSTILE_FORK_AWAY)
bad_plugin(hostile_fork_and_hang hostile.c HOSTILE_FORK_AND_HANG)
bad_plugin(hostile_close hostile.c HOSTILE_CLOSE)
bad_plugin(hostile_close_all hostile.c HOSTILE_CLOSE_ALL)
bad_plugin(hostile_meddle hostile.c HOSTILE_MEDDLE)
bad_plugin(hostile_network hostile.c HOSTILE_NETWORK)
bad_plugin(hostile_loud hostile.c HOSTILE_LOUD)
bad_plugin(hostile_liar hostile.c HOSTILE_LIAR)
bad_plugin(hostile_abort_entry hostile.c HOSTILE_ABORT HOSTILE_IN_ENTRY)
bad_plugin(hostile_hang_entry hostile.c HOSTILE_HANG HOSTILE_IN_ENTRY)
bad_plugin(throws_early throws.cpp THROW_EARLY)
bad_plugin(throws_in_entry throws.cpp THROW_IN_ENTRY)

backstage_test(trial_test
  SOURCES trial_test.cpp trial_report_test.cpp
  LINK backstage_plugin_host)
target_compile_definitions(trial_test PRIVATE
  BACKSTAGED_BIN="$<TARGET_FILE:backstaged>"
  BACKSTAGE_PLUGINS="${CMAKE_BINARY_DIR}/plugins"
  BACKSTAGE_BAD_PLUGINS="${bad_plugins_folder}")
add_dependencies(trial_test backstaged all_plugins bad_plugins)

backstage_test(drop_folder_test
  SOURCES drop_folder_test.cpp settling_test.cpp
  LINK backstage_plugin_host ALONE settling_test.cpp)
