"""Memory for chunks that leave in the order in which they came, used over and over.

Memory that is new for each chunk costs more than the copying: the kernel clears every page of it.
"""

from __future__ import annotations

import mmap

_LAPS = 4
"""The front is used again after a part of so many, if it is free by then."""


class Ring:
    """`size` bytes. One thread copies into it, one gives back; what was never used is not resident.

    So it begins again at the front as soon as there is room, not only at its end.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._memory = memoryview(mmap.mmap(-1, size))
        self._taken = 0
        """Bytes taken since the beginning, those skipped at the end of a lap included."""
        self._given_back = 0

    def copy(self, chunk: memoryview) -> tuple[memoryview, int] | None:
        """Return a copy, and what `give_back` is to be told when it is not needed any more.

        None if there is no room.
        """
        if self._taken == self._given_back:  # nobody has any of it: the front is in the processor's cache
            self._taken = self._given_back = 0
        begin, room = self._taken % self._size, self._given_back + self._size
        end = self._taken + len(chunk)
        at_front = end + self._size - begin
        if begin + len(chunk) > self._size or (begin > self._size // _LAPS and at_front <= room):
            begin, end = 0, at_front
        if end > room:
            return None
        self._taken = end
        copy = self._memory[begin : begin + len(chunk)]
        copy[:] = chunk
        return copy, end

    def give_back(self, end: int) -> None:
        """Give back the copy that came with `end`, and all before it."""
        self._given_back = end
