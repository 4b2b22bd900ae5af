"""Work that is not waited for: what is shared by those who take it in (``gateway.api``) and those who do it
(``gateway.runner``).

A batch is of a *kind*. Whoever takes one in writes a ``BatchRecord`` with that kind and a ``request`` of its own shape
(``new_batch``, then ``BatchStore.create``); from then on ``BatchStore.get`` tells how far it is: ``status``, ``done``,
``failed``, ``total``, ``characters`` of ``total_characters``, ``audio_s``, ``eta_s(now)``.

In the runner a kind is an object with three steps, see ``gateway.runner.kinds``:

    check(batch, items)      read the request; ``await items.add(item, characters)`` for each item (small, opaque bytes:
                             what is long stays in storage, and the item says where); raise BatchRefused to fail it
    work(batch, claim)       do one item; returns ``Settled``: done or failed, its result (opaque bytes), its files.
                             A FleetError that is ours to mend is tried again, any other settles the item through
                             ``refused(error)``
    finish(batch)            after the last item, or what is there of them when it was cancelled or has expired; results
                             by ``BatchStore.results``; returns ``Finished``: the outcome, its files

Any step may be done again when its runner has died, and by another; only one result of each is taken. What a step wrote
to storage and was not taken is deleted by whoever wrote it, or lies there until it is a month old.
"""
