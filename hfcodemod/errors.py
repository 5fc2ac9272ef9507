"""What the user can mend."""


class UserError(Exception):
    """Says what is wrong, where, and what to type next; ``code`` is the one that `hfcodemod check` gives it, if any."""

    def __init__(self, said: str, code: str = "") -> None:
        super().__init__(said)
        self.code = code


class Unavailable(UserError):
    """Nothing is wrong, and still there is no module for a name: ``why`` says so without the name and the remedy."""

    def __init__(self, said: str, why: str) -> None:
        super().__init__(said)
        self.why = why
