-- Sales with ids of their own, to random meters of a list; `done` prints what was answered other than success.
local meters, sellers, secret = {}, {}, nil
function init(args)
  for line in io.lines(args[1]) do meters[#meters + 1] = line end
  for line in io.lines(args[2]) do sellers[#sellers + 1] = line end
  local seed = io.open("/dev/urandom", "rb")
  local bytes = seed:read(4)
  math.randomseed(bytes:byte(1) + bytes:byte(2) * 256 + bytes:byte(3) * 65536 + bytes:byte(4) * 16777216)
end
local function uuid()
  return string.format("%08x-%04x-4%03x-a%03x-%06x%06x", math.random(0, 4294967295), math.random(0, 65535),
    math.random(0, 4095), math.random(0, 4095), math.random(0, 16777215), math.random(0, 16777215))
end
function request()
  local body = string.format(
    '{"order_id":"%s","meter":"%s","amount":{"money_minor":%d,"currency":"ZAR"}}',
    uuid(), meters[math.random(#meters)], math.random(2500, 9000))
  return wrk.format("POST", "/api/v1/vends", {
    ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. sellers[math.random(#sellers)] }, body)
end
-- The first answer that is none is told, so that a void run says why. Threads have their own state, hence standard error.
local told = false
function response(status, _headers, body)
  if status ~= 200 and not told then
    told = true
    io.stderr:write(status, " ", body:sub(1, 300), "\n")
  end
end
function done(summary, latency, _requests)
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
