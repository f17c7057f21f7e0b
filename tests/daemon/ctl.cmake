# Tests of backstagectl's own parts; what it does is tested end to end.
backstage_test(ctl_test
  SOURCES ctl_client_test.cpp ctl_keys_test.cpp ctl_test.cpp ctl_traffic_test.cpp
  LINK backstage_ctl backstage_policy
  ALONE ctl_traffic_test.cpp)
