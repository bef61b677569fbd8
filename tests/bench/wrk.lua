-- SPDX-License-Identifier: Apache-2.0
-- Sends the requests of a file, one a line, each once. Says in one line of JSON what became of them.
--   wrk ... --script wrk.lua URL -- FILE

local prepared = {}
issued = 0

function init(args)
  wrk.headers["Content-Type"] = "application/json"
  for line in io.lines(args[1]) do
    prepared[#prepared + 1] = wrk.format("POST", "/execute", nil, line)
  end
  count = #prepared
end

function request()
  issued = issued + 1
  return prepared[math.min(issued, #prepared)]
end

local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

function done(summary, latency, requests)
  local sent, available = 0, 0
  for _, thread in ipairs(threads) do
    sent = sent + thread:get("issued")
    available = available + thread:get("count")
  end
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"answered":%d,"failed":%d,"us":%d,"p50_us":%d,"p99_us":%d,"exhausted":%d}\n',
    sent, summary.requests, errors.status + errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration, latency:percentile(50), latency:percentile(99), sent > available and 1 or 0))
end
