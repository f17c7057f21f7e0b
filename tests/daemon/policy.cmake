# Tests of the access rules, keys and quotas: all without sockets.
backstage_test(policy_test
  SOURCES acl_test.cpp keys_test.cpp zap_check_test.cpp
  LINK backstage_policy fmt::fmt)
