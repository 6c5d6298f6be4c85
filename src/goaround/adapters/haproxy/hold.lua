-- What the front door does that plain configuration cannot: let requests wait, and say that the log is whole.

local told = Map.new("./told.map", Map._str) -- the same table that the admin socket changes
local POLL_MS = 25 -- what a waiting request may lose after the release

local function milliseconds_since(start)
  local now = core.now()
  return (now.sec - start.sec) * 1000 + (now.usec - start.usec) // 1000
end

-- True when the hold ends, false when the limit is reached. The body is not touched: what does not fit the buffer stays
-- in the client's socket. A client that leaves ends this; one whose body fills the buffer is not seen to leave.
local function let_go(txn)
  local limit_ms = txn:get_var("proc.hold_limit_ms")
  local start = core.now()
  while true do
    core.msleep(POLL_MS)
    local waited_ms = milliseconds_since(start)
    if waited_ms < 0 then -- the clock was set back: count anew
      start, waited_ms = core.now(), 0
    end
    txn:set_var("txn.held_ms", waited_ms)
    if told:lookup("holding") ~= "1" then
      return true
    elseif waited_ms >= limit_ms then
      return false
    end
  end
end

core.register_action("wait_at_the_door", { "http-req" }, function(txn)
  local worked, free = pcall(let_go, txn)
  if worked and free then
    txn:unset_var("txn.kind")
  else
    txn:set_var("txn.kind", "late") -- an error in here lets nobody in, and is seen
  end
end)

-- A heartbeat names the process and how many log lines it has dropped, in a line of the same log. Two heartbeats with
-- the same figures prove that nothing between them is missing.
core.register_action("beat", { "http-req" }, function(txn)
  local info = core.get_info()
  txn:set_var("txn.kind", string.format("beat/%d/%d", info["Pid"], info["DroppedLogs"]))
end)
