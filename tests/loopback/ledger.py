"""Every call that came, in order, for readers in other threads."""

from threading import Condition

from tests.loopback.call import Call


class Ledger:
    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._came = Condition()

    def record(self, call: Call) -> None:
        with self._came:
            self._calls.append(call)
            self._came.notify_all()

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(self._calls)

    def call(self, index: int, timeout: float) -> Call:
        """The call with this index, as soon as it has come.

        Raises TimeoutError.
        """
        with self._came:
            if not self._came.wait_for(lambda: len(self._calls) > index, timeout):
                raise TimeoutError(f"only {len(self._calls)} calls came within {timeout} s")
            return self._calls[index]
