"""How commands end."""

import enum


class ExitCode(enum.IntEnum):
    """What the process says in the end.

    Attributes:
        DONE: All is done.
        DEMAND_NOT_MET: The work is done, but a demand such as `--max-bytes` is not met.
        BAD_INPUT: An argument, a file or the data cannot be used; nothing was replaced.
        INTERNAL_ERROR: A fault of tfcompress itself.
        INTERRUPTED: The user stopped it.
    """

    DONE = 0
    DEMAND_NOT_MET = 1
    BAD_INPUT = 2
    INTERNAL_ERROR = 70
    INTERRUPTED = 130
