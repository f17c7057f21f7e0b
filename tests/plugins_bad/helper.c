// A library that a test plugin links and nobody installs.
int backstage_absent_helper(void);
int backstage_absent_helper(void) { return 1; }
