-- wrk's side of a measurement with many different requests, sent in turn: the arguments are path, token
-- and JSON body of each; an empty token means none, an empty body GET. At the end one line of figures, as in wrk.lua.
local folder = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
dofile(folder .. "wrk.lua")

local requests, turn = {}, 0

init = function(args)
  for i = 1, #args, 3 do
    local headers = {}
    if args[i + 1] ~= "" then headers.Authorization = "Bearer " .. args[i + 1] end
    local body = args[i + 2]
    if body ~= "" then
      headers["Content-Type"] = "application/json"
      requests[#requests + 1] = wrk.format("POST", args[i], headers, body)
    else
      requests[#requests + 1] = wrk.format("GET", args[i], headers)
    end
  end
  math.randomseed(os.time() + tonumber(tostring(requests):match("0x(%x+)") or "0", 16) % 1000)
  turn = math.random(#requests)
end

request = function()
  turn = turn % #requests + 1
  return requests[turn]
end
