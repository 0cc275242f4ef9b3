/* gateway/shared/script.c - what Redis does with one quota's news.
 *
 * One script, so that it happens at once: the news of several gateways may not
 * mix. It has no state but its keys, which all expire. Times are the server's,
 * so that gateways' clocks need not agree; they are in microseconds, which a
 * number of Lua's holds to a quarter. */
#include "gateway/shared/limits.h"

const char shared_limits_script[] =
    /* KEYS: rates, open, day, month. ARGV: who, requests and tokens taken (us),
     * open, day known and more, month known and more (nano-USD) */
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000000 + t[2]\n"
    "local out = {}\n"
    /* the generic cell rate algorithm: what is in the past counts as now; a
     * clock that was set back takes the arrival times along */
    "local rates = redis.call('HMGET', KEYS[1], 'requests', 'tokens', "
    "'clock')\n"
    "local back = math.max(tonumber(rates[3] or 0) - now, 0)\n"
    "for i, name in ipairs({'requests', 'tokens'}) do\n"
    "  local at = math.max(tonumber(rates[i] or 0) - back, now)\n"
    "  local more = tonumber(ARGV[1 + i])\n"
    "  if more ~= 0 or back > 0 then\n"
    "    at = at + more\n"
    "    redis.call('HSET', KEYS[1], name, string.format('%.2f', at), "
    "'clock',\n"
    "      string.format('%.0f', now))\n"
    "    redis.call('PEXPIRE', KEYS[1], 90000000)\n"
    "  end\n"
    "  out[i] = string.format('%.0f', at - now)\n"
    "end\n"
    /* who says nothing for five seconds has nothing under way */
    "local others = 0\n"
    "if ARGV[4] ~= '0' then\n"
    "  redis.call('HSET', KEYS[2], ARGV[1],\n"
    "    string.format('%s %.0f', ARGV[4], now + 5000000))\n"
    "  redis.call('PEXPIRE', KEYS[2], 10000)\n"
    "else\n"
    "  redis.call('HDEL', KEYS[2], ARGV[1])\n"
    "end\n"
    "local all = redis.call('HGETALL', KEYS[2])\n"
    "for i = 1, #all, 2 do\n"
    "  local open, till = string.match(all[i + 1], '(%d+) (%d+)')\n"
    "  if tonumber(till) < now or tonumber(till) > now + 5000000 then\n"
    "    redis.call('HDEL', KEYS[2], all[i])\n"
    "  elseif all[i] ~= ARGV[1] then\n"
    "    others = others + open\n"
    "  end\n"
    "end\n"
    "out[3] = string.format('%.0f', others)\n"
    /* sums only grow: whoever knows of more than is here knew it from here */
    "for i = 3, 4 do\n"
    "  local known, more = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])\n"
    "  local was = tonumber(redis.call('GET', KEYS[i]) or 0)\n"
    "  local sum = math.max(was, known) + more\n"
    "  if sum > was then\n"
    "    redis.call('SET', KEYS[i], string.format('%.0f', sum), 'PX',\n"
    "      i == 3 and 172800000 or 5529600000)\n"
    "  end\n"
    "  out[1 + i] = string.format('%.0f', sum)\n"
    "end\n"
    "return out\n";
