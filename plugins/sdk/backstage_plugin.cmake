# How a plugin is built, in this tree and with the installed package: one definition for both.
# Beside this file lie backstage.map and rust/; who includes it has the target backstage::sdk. With
# BACKSTAGE_SANITIZE set, plugins may leave symbols to the executable that loads them.

find_program(BACKSTAGE_RUSTC rustc DOC "Compiler of plugins in Rust, version 1.63 or newer")

# backstage_plugin_target(TARGET NAME FOLDER sources...): NAME.so in FOLDER, from sources in C and
# C++, or from one in Rust.
function(backstage_plugin_target target name folder)
  if("${ARGN}" MATCHES "[.]rs$")
    backstage_rust_plugin(${target} ${name} ${folder} ${ARGN})
    return()
  endif()
  set(map ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/backstage.map)
  add_library(${target} MODULE ${ARGN})
  target_link_libraries(${target} PRIVATE backstage::sdk)
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${name} PREFIX "" SUFFIX ".so"
    LIBRARY_OUTPUT_DIRECTORY ${folder}
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON C_STANDARD 11 POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    SKIP_BUILD_RPATH ON
    LINK_DEPENDS ${map})
  # STB_GNU_UNIQUE statics would be shared by two generations of one plugin, whatever their layout.
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
  target_link_options(${target} PRIVATE
    -Wl,--version-script=${map} -Wl,-z,now -Wl,-z,noexecstack -Wl,--build-id)
  if(NOT BACKSTAGE_SANITIZE)
    # Sanitizer runtimes live in the executable only.
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
endfunction()

# The binding, compiled once for all plugins of a build tree.
function(backstage_rust_binding)
  if(NOT BACKSTAGE_RUSTC)
    message(FATAL_ERROR "A plugin in Rust needs rustc: install it, or set BACKSTAGE_RUSTC")
  endif()
  if(TARGET backstage_rust)
    return()
  endif()
  set(binding ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/rust)
  set(library ${CMAKE_BINARY_DIR}/backstage_rust/libbackstage.rlib)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/backstage_rust)
  add_custom_command(
    OUTPUT ${library}
    COMMAND ${BACKSTAGE_RUSTC} --edition 2021 --crate-name backstage --crate-type rlib
            -C opt-level=2 --remap-path-prefix=${binding}=backstage
            -o ${library} ${binding}/backstage.rs
    DEPENDS ${binding}/backstage.rs
    VERBATIM)
  add_custom_target(backstage_rust DEPENDS ${library})
  set_target_properties(backstage_rust PROPERTIES BACKSTAGE_LIBRARY ${library})
endfunction()

# A plugin of one Rust file; more are its modules. rustc exports nothing but the entry.
function(backstage_rust_plugin target name folder source)
  backstage_rust_binding()
  get_target_property(library backstage_rust BACKSTAGE_LIBRARY)
  get_filename_component(source ${source} ABSOLUTE)
  set(output ${folder}/${name}.so)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${BACKSTAGE_RUSTC} --edition 2021 --crate-name ${name} --crate-type cdylib
            -C opt-level=2 -C panic=unwind -C strip=debuginfo
            --remap-path-prefix=${CMAKE_SOURCE_DIR}=.
            -C link-arg=-Wl,-z,defs,-z,now,-z,noexecstack,--build-id
            --extern backstage=${library} -o ${output} ${source}
    DEPENDS ${source} ${library} backstage_rust
    VERBATIM)
  add_custom_target(${target} ALL DEPENDS ${output})
  set_target_properties(${target} PROPERTIES BACKSTAGE_FILE ${output})
endfunction()

# backstage_rust_test(NAME SOURCE): the #[test] functions of a Rust file, as one test of ctest.
function(backstage_rust_test name source)
  backstage_rust_binding()
  get_target_property(library backstage_rust BACKSTAGE_LIBRARY)
  get_filename_component(source ${source} ABSOLUTE)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${name})
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${BACKSTAGE_RUSTC} --edition 2021 --crate-name ${name} --test
            --extern backstage=${library} -o ${output} ${source}
    DEPENDS ${source} ${library} backstage_rust
    VERBATIM)
  add_custom_target(${name}_program ALL DEPENDS ${output})
  add_test(NAME ${name} COMMAND ${output})
endfunction()
