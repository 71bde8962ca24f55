"""How an act says no. Views and routes turn these into pages and problem JSON; nothing else catches them."""


class Refusal(Exception):
    """Base: the message is a sentence for the person who tried, and says what to do."""

    status = 400


class Denied(Refusal):
    """The person has no right to this act."""

    status = 403


class Conflict(Refusal):
    """The state has moved on: someone else was quicker, or the act does not fit the state."""

    status = 409


class Stale(Refusal):
    """The API's `If-Match` names a version that is no longer the newest."""

    status = 412


class Unconditional(Refusal):
    """A change through the API that does not say which version it was made from."""

    status = 428


class Invalid(Refusal):
    """What was given does not hold; `problems` lists each fault as a sentence."""

    status = 422

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = list(problems)
