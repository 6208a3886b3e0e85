"""What an error shows."""

import traceback


def shown(error: BaseException | None) -> str:
    """All that a log could show of an error: its values, and those of what led to it."""
    texts = []
    while error is not None:
        texts += [repr(error), repr(error.args), repr(vars(error))]
        texts += traceback.format_exception_only(error)
        error = error.__cause__ or error.__context__
    return " ".join(texts)
