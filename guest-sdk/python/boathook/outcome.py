"""The ways in which a step of the chain ends."""

from enum import Enum


class Outcome(Enum):
    """What a handler returns. The values are the world's."""

    NEXT = 0
    NEXT_ROUTE = 1
    RESPOND = 2


#: Go on. Status, headers and locals that were set stay; a body that was set is dropped.
NEXT = Outcome.NEXT
#: Go on, and pass over what else is bound at this very binding.
NEXT_ROUTE = Outcome.NEXT_ROUTE
