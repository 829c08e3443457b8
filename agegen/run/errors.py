"""The one exception for mistakes that a user can mend."""


class UserError(Exception):
    """Something the user asked for cannot be done; the message is one sentence: what, and where.

    The recipes print it without a traceback and exit with status 2.
    """
