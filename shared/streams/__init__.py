"""The only package that speaks Redis streams. Everything the fleet keeps in Redis:

    key                   type     written by   lifetime
    tts:jobs:{lane}       stream   gateway      permanent, group `workers`; trimmed up to the oldest unacked job
    tts:reply:{gateway}   stream   worker       TTL, refreshed by the gateway's heartbeat; entries go as they are read
    tts:cancel:{request}  string   gateway      TTL of the request's deadline; read before a batch and after it
    tts:worker:{id}       hash     worker       TTL of three heartbeats; its absence means that the worker is dead
    tts:dead              stream   worker       capped; jobs nobody could do, with the reason

A job's frames and its ack are one transaction, so a worker's death leaves either both or neither. Redis trouble of
any kind comes out as QueueUnavailable.
"""

from shared.streams.gateway import GatewayStreams
from shared.streams.keys import Claimed, WorkerRecord, connect
from shared.streams.worker import WorkerStreams

__all__ = ["Claimed", "GatewayStreams", "WorkerRecord", "WorkerStreams", "connect"]
