// SPDX-License-Identifier: Apache-2.0
#include <fetched.hpp>
int main() { return fetched(); }
