# backstage_daemon_base: what the process needs before anything runs: config, command line, log,
# notify, runtime directory. Arrows: -> core/values, policy. Knows no engine, socket, plugin or
# Asio.

# The schema is a file that people and editors read; the binary carries the same bytes.
set(schema_source ${CMAKE_SOURCE_DIR}/config/schema.json)
set(schema_cpp ${CMAKE_CURRENT_BINARY_DIR}/schema_text.cpp)
add_custom_command(
  OUTPUT ${schema_cpp}
  COMMAND ${CMAKE_COMMAND} -DINPUT=${schema_source} -DOUTPUT=${schema_cpp}
          -P ${CMAKE_CURRENT_LIST_DIR}/schema_embed.cmake
  DEPENDS ${schema_source} ${CMAKE_CURRENT_LIST_DIR}/schema_embed.cmake
  VERBATIM)

set(base_sources
  cli.cpp cli_suggest.cpp
  config_check.cpp config_diff.cpp config_file.cpp config_load.cpp config_problem.cpp
  config_read.cpp
  json_document.cpp json_locate.cpp json_syntax.cpp json_tokens.cpp
  log.cpp log_escape.cpp log_line.cpp
  notify.cpp runtime_dir.cpp
  schema.cpp schema_complete.cpp schema_kinds.cpp schema_validate.cpp)
list(TRANSFORM base_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
add_library(backstage_daemon_base STATIC ${base_sources} ${schema_cpp})
target_link_libraries(backstage_daemon_base
  PUBLIC backstage_options backstage_values backstage_policy
  PRIVATE nlohmann_json::nlohmann_json CLI11::CLI11 fmt::fmt spdlog::spdlog)
backstage_precompile(backstage_daemon_base <fmt/format.h> <nlohmann/json.hpp>)
