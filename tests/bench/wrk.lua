-- wrk's side of a measurement: with an argument, that is the JSON body to POST; at the end, one line of
-- figures: answers, duration, failures, time-outs, 99th percentile and longest latency, in microseconds.
init = function(args)
  if args[1] then
    wrk.method = "POST"
    wrk.body = args[1]
    wrk.headers["Content-Type"] = "application/json"
  end
end

done = function(summary, latency)
  local errors = summary.errors
  local failures = errors.connect + errors.read + errors.write + errors.status
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration, failures,
    errors.timeout, latency:percentile(99), latency.max))
end
