"""Ways through the portal that rooms above hand in from `AppConfig.ready()`: the rail's counts, and places to go to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Count = Callable[[Any], int]
"""Takes the signed-in person, returns what waits for them, with one query."""

counts: dict[str, Count] = {}


def count(item: str) -> Callable[[Count], Count]:
    """Decorate the function that counts what waits behind the rail's entry `item`, such as "reviews"."""

    def add(function: Count) -> Count:
        counts[item] = function
        return function

    return add


@dataclass(frozen=True)
class Place:
    """A page or an act that can be gone to by its name: `also` holds other words for it, `may` who has a use for it."""

    label: str
    url_name: str
    also: str = ""
    may: Callable[[Any], bool] = lambda person: True


places: list[Place] = []


def places_for(person: Any, words: list[str]) -> list[Place]:
    """The places that `person` has a use for; with `words` those where each begins a word of the place's."""
    return [place for place in places if _fits(place, words) and place.may(person)]


def _fits(place: Place, words: list[str]) -> bool:
    known = f"{place.label} {place.also}".lower().replace("-", " ").split()
    return all(any(one.startswith(word.lower()) for one in known) for word in words)
