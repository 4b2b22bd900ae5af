"""How tenants and their keys are changed in Redis: each change one step, and seen by every gateway."""

from __future__ import annotations

from typing import Final

# Each takes the tenant's id, and the new version, which says to gateways that something has changed.
# An id is had once: files, batches and usage of who had it before may still be there.
ADD: Final = """
if redis.call('SISMEMBER', 'tts:tenants:removed', ARGV[1]) == 1 then return 0 end
if redis.call('HSETNX', 'tts:tenants', ARGV[1], ARGV[3]) == 0 then return 0 end
redis.call('SET', 'tts:tenants:version', ARGV[2])
return 1
"""

REPLACE: Final = """
if redis.call('HGET', 'tts:tenants', ARGV[1]) ~= ARGV[3] then return 0 end
redis.call('HSET', 'tts:tenants', ARGV[1], ARGV[4])
redis.call('SET', 'tts:tenants:version', ARGV[2])
return 1
"""

# With its keys in one step: none may stay behind.
REMOVE: Final = """
if redis.call('HDEL', 'tts:tenants', ARGV[1]) == 0 then return 0 end
for _, field in ipairs(redis.call('HKEYS', 'tts:tenants:keys')) do
  if string.sub(field, 1, #ARGV[1] + 1) == ARGV[1] .. '/' then
    redis.call('HDEL', 'tts:tenants:keys', field)
    redis.call('HDEL', 'tts:tenants:used', string.sub(field, #ARGV[1] + 2))
  end
end
redis.call('DEL', 'tts:voices:' .. ARGV[1])
redis.call('SADD', 'tts:tenants:removed', ARGV[1])
redis.call('SET', 'tts:tenants:version', ARGV[2])
return 1
"""

ADD_KEY: Final = """
if redis.call('HEXISTS', 'tts:tenants', ARGV[1]) == 0 then return 0 end
redis.call('HSET', 'tts:tenants:keys', ARGV[1] .. '/' .. ARGV[3], ARGV[4])
redis.call('SET', 'tts:tenants:version', ARGV[2])
return 1
"""

REVOKE: Final = """
if redis.call('HDEL', 'tts:tenants:keys', ARGV[1] .. '/' .. ARGV[3]) == 0 then return 0 end
redis.call('HDEL', 'tts:tenants:used', ARGV[3])
redis.call('SET', 'tts:tenants:version', ARGV[2])
return 1
"""
