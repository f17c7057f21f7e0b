# Installs the configuration and the systemd unit, with the paths of the prefix that is chosen then.
install(CODE [[
  set(etc "${CMAKE_INSTALL_PREFIX}/etc/backstaged")
  if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    set(etc "/etc/backstaged")
  endif()
]])
install(CODE "set(config_source \"${CMAKE_CURRENT_LIST_DIR}\")")
install(CODE [[
  file(INSTALL "${config_source}/schema.json" DESTINATION "${etc}")
  # What an operator has edited stays.
  if(EXISTS "$ENV{DESTDIR}${etc}/backstaged.json")
    message(STATUS "Kept: ${etc}/backstaged.json")
  else()
    file(INSTALL "${config_source}/backstaged.json" DESTINATION "${etc}")
  endif()
  file(READ "${config_source}/backstaged.service" unit)
  string(REPLACE "/usr/bin/backstaged" "${CMAKE_INSTALL_PREFIX}/bin/backstaged" unit "${unit}")
  string(REPLACE "/usr/lib/backstaged" "${CMAKE_INSTALL_PREFIX}/lib/backstaged" unit "${unit}")
  string(REPLACE "/etc/backstaged" "${etc}" unit "${unit}")
  set(units "${CMAKE_INSTALL_PREFIX}/lib/systemd/system")
  message(STATUS "Installing: $ENV{DESTDIR}${units}/backstaged.service")
  file(WRITE "$ENV{DESTDIR}${units}/backstaged.service" "${unit}")
]])
