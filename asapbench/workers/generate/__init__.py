"""The load generator: `python -m asapbench.workers.generate`, told what to do by `asapbench.offer`.

One request, from slot to row: `agenda` wakes at the time that `turns` planned; `crowd` gives the
slot to a user's `session`; that takes the next card of its `deck`, and the `exchange` of that
endpoint writes the request; `connection` sends it and collects the `answer`; the exchange checks
that; `records` takes the row. It all runs in callbacks of the event loop: in a greenlet, each
request would cost two switches.
"""
