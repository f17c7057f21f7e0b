# Tests of the admin door, on a stage; and of what config gives to the engine.
backstage_test(admin_test
  SOURCES admin_explain_test.cpp admin_refusal_test.cpp admin_test.cpp settings_lives_test.cpp
  LINK backstage_daemon stage nlohmann_json::nlohmann_json)
