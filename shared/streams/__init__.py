"""The only package that speaks Redis streams. Everything the fleet keeps in Redis:

    key                   type     written by   lifetime
    tts:wait:{lane}       zset     gateway      TTL past the last deadline; waiting jobs' ids by finish tag, see `lanes`
    tts:wait:{lane}:jobs  hash     gateway      the same; their bytes, cost and time by id
    tts:wait:{lane}:flows zset     gateway      the same; the last tag of each flow that is ahead of the virtual time
    tts:wait:{lane}:weights hash   gateway      the same; the weights of flows that have another than 1
    tts:wait:{lane}:state hash     gateway      the same; virtual time, audio that waits, a job's mean
    tts:jobs:{lane}       stream   gateway,     permanent, group `workers`; trimmed up to the oldest unacked job; while
                                   worker       jobs wait it holds one that nobody has claimed
    tts:reply:{gateway}   stream   worker       TTL of ten heartbeats of the gateway; entries go as they are read. Its
                                                absence means that the gateway is dead, and so are its jobs
    tts:tenant:{tenant}   zset     gateway      TTL past the last deadline; leases on chunks in flight by their expiry
    tts:promised:{tenant} string   gateway      TTL until the last turn is over that was promised to a refused caller
    tts:cancel:{request}  string   gateway      TTL of the request's deadline; read before a batch and after it
    tts:worker:{id}       hash     worker       TTL of three heartbeats; its absence means that the worker is dead
    tts:running:{id}      set      worker       TTL of an hour; the jobs in its batch: the suspects, should it
                                                die; goes with the last of its jobs
    tts:cache:of:{hash}   string   gateway      CACHE_TTL_S since it was last used; a chunk's audio and durations
    tts:cache:lead:{lane}:{hash} string gateway TTL of three heartbeats; somebody makes that chunk
    tts:cache:used        zset     gateway      TTL past that of the chunks; when each was last used, see `ledger`
    tts:cache:sizes       hash     gateway      the same; the bytes of each, and of all
    tts:idem:of:{hash}    stream   gateway      TTL of three heartbeats while it grows, then IDEMPOTENCY_TTL_S; what a
                                                request with a key was answered
    tts:idem:followed:{hash} string gateway     TTL of three heartbeats; somebody waits for that answer
    tts:idem:used         zset     gateway      TTL past that of the answers; when each was last used, see `ledger`
    tts:idem:sizes        hash     gateway      the same; the bytes of each, and of all
    tts:limit:{tenant}:rate string gateway      TTL of the window, a minute; what its slices have admitted, see `limits`
    tts:limit:{tenant}:leases zset gateway      TTL of ten heartbeats past the last; what is held, by its expiry
    tts:limit:{tenant}:held hash   gateway      the same; streams and characters by lease, and of all
    tts:limit:{tenant}:month:{month} string gateway 40 days since the last change; characters had of the month's budget
    tts:limit:{tenant}:month:{month}:{batch}:{item} string runner TTL of a week; the item has had its characters
    tts:usage:of:{day}:{tenant} hash gateway    USAGE_RETENTION_DAYS; counts by API key and voice, see `usage`
    tts:usage:tenants:{day} set    gateway      the same; whoever used anything that day
    tts:usage:mark:{run}  string   gateway      TTL of a day; number of the last portion that a gateway's run has added
    tts:usage:mark:{batch}:{item} string runner TTL of a week; what the item used is counted
    tts:voices            hash     gateway      permanent; saved voice mixes by name, msgpack [[voice, weight], …]
    tts:voices:{tenant}   hash     gateway      permanent; the same of a tenant, until it is removed
    tts:tenants           hash     operator     permanent; tenants by id, msgpack maps, see `tenants`
    tts:tenants:keys      hash     operator     permanent; {tenant}/{key id}: a key's digest and dates, msgpack
    tts:tenants:used      hash     gateway      permanent; the day on which each key was last used
    tts:tenants:removed   set      operator     permanent; ids that nobody gets again
    tts:tenants:version   string   operator     permanent; another with each change to these, so that gateways see it
    tts:packs             list     gateway      TTL of 10 s; mixes whose voice files are wanted by a gateway
    tts:pack:{id}         list     worker       TTL of 10 s; the file, or why there is none; taken by who asked
    tts:batch:{id}        hash     gateway,     its window and FILE_TTL_S; a batch, see `batch_scripts`; so are the
                                   runner       following, which most batches' ends delete
    tts:batch:{id}:items  hash     runner       what each item is, by its number
    tts:batch:{id}:leases zset     runner       claimed work by when others may claim it
    tts:batch:{id}:owners hash     runner       who has claimed it
    tts:batch:{id}:tries  hash     runner       how often it was claimed
    tts:batch:{id}:results hash    runner       what became of each item
    tts:batches:of:{tenant} zset   gateway      TTL of the last of them; a tenant's batches by when they were made
    tts:batches:open      hash     gateway      the same; batches that are not over, with their tenants
    tts:made:{hash}       string   gateway      the batch's own; its id, by the key of the request that made it
    tts:file:{id}         string   gateway,     the file's own, at most a month; what is known of it, msgpack
                                   runner
    tts:files:of:{tenant} zset     the same     TTL of the last of them; a tenant's files by when they were made
    tts:files:due         zset     the same     a month longer; all files by when their bytes are to be deleted
    tts:files:bytes:{tenant} hash  the same     the same; the bytes of each of a tenant's files, and of all
    arq:*                 arq's    runner       arq's own, with TTLs; `arq:queue` lives while a job waits in it
    tts:dead              stream   worker       capped; jobs nobody could do, with the reason

A job's frames and its ack are one transaction, so a worker's death leaves either both or neither. Redis trouble of
any kind comes out as QueueUnavailable.
"""

from shared.streams.connection import connect
from shared.streams.gateway import Beat, GatewayStreams
from shared.streams.keys import Ahead, Claimed, Prospect, Reader, WorkerRecord
from shared.streams.worker import WorkerStreams

__all__ = [
    "Ahead",
    "Beat",
    "Claimed",
    "GatewayStreams",
    "Prospect",
    "Reader",
    "WorkerRecord",
    "WorkerStreams",
    "connect",
]
