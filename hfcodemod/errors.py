"""What the user can mend."""


class UserError(Exception):
    """Says what is wrong, where, and what to type next."""
