"""Webhooks: who asked for something long is told when it is over, by a signed POST to a URL of theirs.

    events      what is told, in OpenAI's shape
    signature   signed as Standard Webhooks has it
    addresses   where a webhook may go: nowhere that only this machine can reach
    network     connections to exactly the addresses that were judged
    courier     one delivery
    schedule    deliveries that failed are tried again, over hours: arq jobs

A webhook comes at least once, with the same ``webhook-id`` each time.
"""
