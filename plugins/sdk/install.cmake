# The package "backstage": what an author needs, and where the daemon and its plugins are installed.
# Paths under the prefix are fixed, not those of GNUInstallDirs: the daemon finds its plugins, and
# backstagectl its templates, relative to bin/; only plugins and the test kit in lib/ are native.
include(CMakePackageConfigHelpers)
include(${CMAKE_CURRENT_LIST_DIR}/../../config/install.cmake)

# The gate refuses plugins below directories that others may write, whatever the installer's umask.
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(sdk ${CMAKE_CURRENT_LIST_DIR})
set(package_to lib/cmake/backstage)

install(DIRECTORY ${sdk}/backstage DESTINATION include FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(FILES ${sdk}/backstage.map ${sdk}/backstage_plugin.cmake DESTINATION share/backstage)
install(FILES ${sdk}/rust/backstage.rs DESTINATION share/backstage/rust)
install(DIRECTORY ${sdk}/../templates DESTINATION share/backstage)

configure_package_config_file(
  ${sdk}/backstageConfig.cmake.in ${CMAKE_BINARY_DIR}/package/backstageConfig.cmake
  INSTALL_DESTINATION ${package_to})
write_basic_package_version_file(
  ${CMAKE_BINARY_DIR}/package/backstageConfigVersion.cmake
  COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES
  ${CMAKE_BINARY_DIR}/package/backstageConfig.cmake
  ${CMAKE_BINARY_DIR}/package/backstageConfigVersion.cmake
  DESTINATION ${package_to})
configure_file(${sdk}/backstage.pc.in ${CMAKE_BINARY_DIR}/package/backstage.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/package/backstage.pc DESTINATION lib/pkgconfig)
