// SPDX-License-Identifier: Apache-2.0
// What nearly every test includes. No test relies on it: each includes what it uses.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <openexec/openexec.hpp>

#include "support/catch.hpp"
#include "support/parts.hpp"
