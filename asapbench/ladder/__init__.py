"""The ladder of loads: what to offer next, what a step shows, and what all of them say.

`search` decides what is offered next and what is known so far, from the `rung`s alone; `growth`
and `observe` make a rung of the requests of a window; `scaling`, `recovery` and `exhausted` say
what else there is to know. All of it is pure.
"""
