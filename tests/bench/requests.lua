-- What wrk sends: each request once, made and signed by requests.c before the clock starts. When the time is over, the connections fall
-- silent instead of being cut, and wrk is stopped when the last one has its answer: so every request that was sent is answered and can be
-- looked for afterwards. bench.py says what to do in the environment, and reads the line that `done` prints.
local ffi = require("ffi")

ffi.cdef [[
struct requests;
struct requests_options { const char *host, *secret, *prefix; uint32_t count; double seconds;
    int connections, *running; };
struct requests *requests_make(const struct requests_options *options);
size_t requests_length(const struct requests *requests);
const char *requests_peek(struct requests *requests);
const char *requests_next(struct requests *requests);
uint32_t requests_used(const struct requests *requests);
int64_t requests_first_ns(const struct requests *requests);
int64_t requests_last_ns(const struct requests *requests);
]]

local function setting(name)
    return os.getenv("GRAPNEL_BENCH_" .. name) or error("GRAPNEL_BENCH_" .. name .. " is not set: this script is for bench.py")
end
local library = ffi.load(setting("LIBRARY"))

-- In wrk's main state, once for each thread. wrk starts each thread before it asks for the next one, so the first call does the work
-- for all.
local all, started = {}, 0
local threads = tonumber(setting("THREADS"))
local running = ffi.new("int[1]", threads)

local function make(number)
    local host, secret, prefix = setting("HOST"), setting("SECRET"), setting("PREFIX") .. number
    local options = ffi.new("struct requests_options", host, secret, prefix, tonumber(setting("COUNT")), tonumber(setting("SECONDS")),
        tonumber(setting("CONNECTIONS")) / threads, running)
    local requests = library.requests_make(options)
    if requests == nil then
        error("the requests could not be made: not enough memory, or a setting is too long")
    end
    table.insert(all, requests)
end

function setup(thread)
    if started == 0 then
        for number = 0, threads - 1 do
            make(number)
        end
    end
    thread:set("number", started)
    started = started + 1
    thread:set("address", tonumber(ffi.cast("uintptr_t", all[started])))
end

-- In each thread's state.
local requests, length, peek

function init(arguments)
    requests = ffi.cast("struct requests *", address)
    length = tonumber(library.requests_length(requests))
    -- wrk looks at the first request of the first thread, and does not send it.
    peek = number == 0
end

function request()
    local text
    if peek then
        peek = false
        text = library.requests_peek(requests)
    else
        text = library.requests_next(requests)
    end
    return text ~= nil and ffi.string(text, length) or ""
end

-- In the main state again. Times in microseconds, except the two of the monotonic clock.
function done(summary, latency)
    local used, first, last = {}, nil, nil
    for _, each in ipairs(all) do
        table.insert(used, tonumber(library.requests_used(each)))
        local from, to = tonumber(library.requests_first_ns(each)), tonumber(library.requests_last_ns(each))
        first = math.min(first or from, from)
        last = math.max(last or to, to)
    end
    local errors = summary.errors
    io.write(string.format('bench {"sent":[%s],"answered":%d,"first_ns":%d,"last_ns":%d,"p50":%d,"p99":%d,"max":%d,' ..
        '"refused":%d,"broken":%d}\n', table.concat(used, ","), summary.requests, first, last, latency:percentile(50),
        latency:percentile(99), latency.max, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
