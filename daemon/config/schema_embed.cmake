# Turns the file INPUT into the C++ source OUTPUT that defines backstage::config::schema_text.
file(READ "${INPUT}" text)
file(WRITE "${OUTPUT}"
"// The config schema, embedded by the build from config/schema.json.
#include \"daemon/config/schema.hpp\"

namespace backstage::config {
const std::string_view schema_text = R\"SCHEMA(${text})SCHEMA\";
}  // namespace backstage::config
")
