"""How often somebody may ask: windows per caller, of which a costly request takes more.

Counts are of this process; behind several processes each has its own.
"""

import threading
import time
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn

from limits import parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from gis.errors import InvalidInputError, WanggeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from limits import RateLimitItem

    from gis.settings import Settings

_TOO_OFTEN = "You ask for more than is allowed"
#: Windows that are kept at most: above it the oldest go, so that strangers cannot fill the memory.
MOST_WINDOWS = 50_000
#: Points that a wrong key or token takes from its address.
WRONG = 10
#: Points that a request takes if not one: by how much it has to work out, roughly.
POINTS: "Mapping[str, int]" = MappingProxyType(
    {
        "static": 0,
        "healthz": 0,
        "readyz": 0,
        "coverage_map": 20,
        "walking_map": 20,
        "download_export": 20,
        "export_coverage_file": 20,
        "export_siting_file": 10,
        "get_coverage": 5,
        "get_coverage_week": 10,
        "get_coverage_capacity": 10,
        "get_coverage_accessibility": 10,
        "get_coverage_sensitivity": 10,
        "get_coverage_delivery": 10,
        "list_coverage_buildings": 5,
        "list_indicator_evidence": 10,
        "get_isochrone": 5,
        "list_catchments": 10,
        "list_coverage_gaps": 10,
        "get_coverage_path": 3,
        "create_audit": 10,
        "evaluate_plan": 5,
        "compare_two_plans": 5,
        "start_coverage_run": 10,
        "start_siting": 20,
        "start_import": 10,
        "draw_plan": 20,
        "rebalance_plan": 20,
    }
)


class TooManyRequestsError(WanggeError):
    """Somebody asks more often than is allowed; ``retry_after_s`` says when to come back."""


class Windows(Storage):
    """Counts in the memory of this process.

    The one that comes with the library starts a thread at nearly every request, to look through
    all of its windows; this one looks when it is full.
    """

    STORAGE_SCHEME = None  # made here alone, never by a URL

    def __init__(self) -> None:
        """Begin with no counts."""
        super().__init__()
        self._counts: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    @property
    def base_exceptions(self) -> type[Exception]:
        """Errors of the store; it has none."""
        return MemoryError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a window, which begins with its first count and ends ``expiry`` seconds later."""
        now = time.monotonic()
        with self._lock:
            count, ends = self._counts.get(key, (0, 0.0))
            if ends <= now:
                count, ends = 0, now + expiry
                self._make_room(now)
            count += amount
            self._counts[key] = (count, ends)
        return count

    def get(self, key: str) -> int:
        """Return the count of a window; none: 0."""
        count, ends = self._counts.get(key, (0, 0.0))
        return count if ends > time.monotonic() else 0

    def get_expiry(self, key: str) -> float:
        """Return when a window ends, in seconds since 1970."""
        ends = self._counts.get(key, (0, 0.0))[1]
        return time.time() + max(ends - time.monotonic(), 0.0)

    def check(self) -> bool:
        """Return whether it works: always."""
        return True

    def reset(self) -> int:
        """Forget everything."""
        with self._lock:
            count = len(self._counts)
            self._counts.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget one window."""
        with self._lock:
            self._counts.pop(key, None)

    def _make_room(self, now: float) -> None:
        if len(self._counts) < MOST_WINDOWS:
            return
        kept = [item for item in self._counts.items() if item[1][1] > now]
        kept.sort(key=lambda item: item[1][1])
        self._counts = dict(kept[len(kept) // 10 :])


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an installation.

    Parameters
    ----------
    requests
        Points that one caller may use in a window.
    sign_ins
        Passwords and keys that one address may try in a window.
    """

    requests: "RateLimitItem"
    sign_ins: "RateLimitItem"
    _windows: FixedWindowRateLimiter = field(
        default_factory=lambda: FixedWindowRateLimiter(Windows())
    )

    @classmethod
    def of(cls, settings: "Settings") -> "Limits":
        """Return those of an installation."""
        return cls(parse(settings.rate_limit), parse(settings.rate_limit_sign_in))

    def charge(self, caller: str, points: int = 1) -> None:
        """Take points from a caller.

        Raises
        ------
        TooManyRequestsError
            None are left.
        """
        self._take(self.requests, caller, points, _TOO_OFTEN)

    def refuse_spent(self, caller: str) -> None:
        """Refuse a caller that has no points left, without taking any.

        Raises
        ------
        TooManyRequestsError
            None are left.
        """
        if not self._windows.test(self.requests, caller):
            self._refuse(self.requests, caller, _TOO_OFTEN)

    def try_to_sign_in(self, address: str) -> None:
        """Count an attempt to sign in from an address.

        Raises
        ------
        TooManyRequestsError
            There were too many.
        """
        self._take(
            self.sign_ins, f"sign-in {address}", 1, "Too many attempts to sign in from this address"
        )

    def _take(self, item: "RateLimitItem", who: str, points: int, what: str) -> None:
        """Take points if there are so many; what is refused takes none."""
        if points > item.amount:  # no waiting would help
            raise InvalidInputError(
                f"This costs {points} points, and there are {item.amount} in {_window(item)}.",
                remedy="Ask for less at once.",
            )
        if points and not (
            self._windows.test(item, who, cost=points) and self._windows.hit(item, who, cost=points)
        ):
            self._refuse(item, who, what)

    def _refuse(self, item: "RateLimitItem", who: str, what: str) -> NoReturn:
        again = self._windows.get_window_stats(item, who).reset_time - time.time()
        seconds = max(int(again) + 1, 1)
        raise TooManyRequestsError(
            f"{what}: {item.amount} points in {_window(item)}.",
            remedy=f"Come back in {seconds} s.",
            retry_after_s=seconds,
        )


def _window(item: "RateLimitItem") -> str:
    seconds = item.get_expiry()
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"
