# Tests of the gateway: its logic on a stage, and a few over real libzmq; and of the transports.
backstage_test(transport_test
  SOURCES envelope_test.cpp zmtp_filters_test.cpp zmtp_output_test.cpp zmtp_reader_test.cpp
  LINK backstage_transport)
backstage_test(gateway_test
  SOURCES gateway_verbs_test.cpp gateway_session_test.cpp gateway_flow_test.cpp
          gateway_pub_test.cpp gateway_ingest_test.cpp gateway_req_test.cpp gateway_batch_test.cpp
          gateway_rights_test.cpp
          gateway_hear_test.cpp gateway_packed_test.cpp gateway_watch_test.cpp gateway_shed_test.cpp
          deadlines_test.cpp delivery_window_test.cpp ready_list_test.cpp
          gateway_ack_test.cpp gateway_books_test.cpp
          gateway_detach_test.cpp gateway_late_books_test.cpp
          gateway_memory_test.cpp gateway_resume_test.cpp
          ${PROJECT_SOURCE_DIR}/tests/support/gateway_fixture.cpp
  LINK backstage_gateway stage fmt::fmt)
backstage_test(gateway_zmq_test
  SOURCES gateway_zmq_test.cpp gateway_curve_test.cpp gateway_endpoint_test.cpp
          ${PROJECT_SOURCE_DIR}/tests/support/zmq_client.cpp
  LINK backstage_gateway stage PkgConfig::zmq fmt::fmt)
# Once more where libzmq speaks, as it does with CURVE.
add_test(NAME "gateway_zmq_test: all of them where libzmq speaks" COMMAND gateway_zmq_test)
set_tests_properties("gateway_zmq_test: all of them where libzmq speaks" PROPERTIES
  ENVIRONMENT "BACKSTAGED_PLAIN_ZMTP=libzmq" TIMEOUT 120)
