// The one place that knows which Catch2 there is: 3.x where installed, Debian 12's 2.13 otherwise.
#pragma once
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
