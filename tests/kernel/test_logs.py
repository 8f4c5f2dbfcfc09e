"""What libraries log is written in our form, without the words of an error."""

from __future__ import annotations

import logging

from structlog.testing import capture_logs


def test_an_error_that_a_library_logs_is_one_line_without_its_words() -> None:
    with capture_logs() as lines:
        try:
            raise KeyError("13912348001")
        except KeyError:
            logging.getLogger("some.library").exception("it broke\n")
    (line,) = lines
    assert (line["event"], line["part"], line["log_level"]) == ("it broke", "some.library", "error")
    assert line["error"].startswith("KeyError at test_logs.py:") and "139" not in str(line)
