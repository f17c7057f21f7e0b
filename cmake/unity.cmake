# Several sources of a target compiled as one: what they include is read once for all of them, and
# functions are inlined across files. A clean build takes half the time.
#
# Which sources go together follows from their names alone, so that a new file moves no other. Names
# in anonymous namespaces are unique among the sources that meet; where they are not the compiler
# says so. -DBACKSTAGE_UNITY=OFF compiles each source by itself, as clang-tidy wants it, and is the
# faster way to edit one of them again and again. Sources with options of their own, as all of
# the engine's are, stay by themselves.

# That many sources go together, more or less.
set(backstage_unity_sources 10)

function(backstage_unite target)
  get_target_property(sources ${target} SOURCES)
  get_target_property(directory ${target} SOURCE_DIR)
  list(FILTER sources INCLUDE REGEX "\\.cpp$")
  list(LENGTH sources count)
  # A power of two, so that it changes rarely.
  set(groups 1)
  math(EXPR most "${count} / ${backstage_unity_sources}")
  while(groups LESS most)
    math(EXPR groups "${groups} * 2")
  endwhile()
  foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME)
    get_filename_component(path ${source} ABSOLUTE BASE_DIR ${directory})
    string(MD5 hash ${name})
    string(SUBSTRING ${hash} 0 4 hash)
    math(EXPR group "0x${hash} % ${groups}")
    set_source_files_properties(${path} TARGET_DIRECTORY ${target} PROPERTIES
      UNITY_GROUP ${group})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()

# backstage_unite_all(DIRECTORY): every target made there and below.
function(backstage_unite_all directory)
  get_property(targets DIRECTORY ${directory} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(type MATCHES "EXECUTABLE|STATIC_LIBRARY|OBJECT_LIBRARY")
      backstage_unite(${target})
    endif()
  endforeach()
  get_property(below DIRECTORY ${directory} PROPERTY SUBDIRECTORIES)
  foreach(one IN LISTS below)
    backstage_unite_all(${one})
  endforeach()
endfunction()
