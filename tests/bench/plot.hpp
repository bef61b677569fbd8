// SPDX-License-Identifier: Apache-2.0
// Three charts in one SVG: throughput and latency against submitters, cost against the ledger's size.
#pragma once

#include <string>
#include <vector>

namespace openexec::bench {

struct Point {
  double x = 0;
  double y = 0;
};
using Curve = std::vector<Point>;

/// What the rows `submitters` and `ledger` found; a chart without points is left out.
struct Plot {
  Curve throughput;     ///< executions a second, by submitters
  Curve verifications;  ///< the limit beside it
  Curve latency_p50;    ///< milliseconds, by submitters
  Curve latency_p99;
  Curve cost_approved;  ///< microseconds an execution, by sealed nonces
  Curve cost_unverified;

  [[nodiscard]] std::string svg() const;
};

}  // namespace openexec::bench
