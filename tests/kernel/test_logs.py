"""What libraries log is written in our form, without the words of an error."""

from __future__ import annotations

import io
import json
import logging

import pytest
from structlog.testing import capture_logs

from zerodistance.kernel import logs


def test_an_error_that_a_library_logs_is_one_line_without_its_words() -> None:
    with capture_logs() as lines:
        try:
            raise KeyError("13912348001")
        except KeyError:
            logging.getLogger("some.library").exception("it broke\n")
    (line,) = lines
    assert (line["event"], line["part"], line["log_level"]) == ("it broke", "some.library", "error")
    assert line["error"].startswith("KeyError at test_logs.py:") and "139" not in str(line)


class Full(io.StringIO):
    """A log on a disk that may be full."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_a_line_that_cannot_be_written_hurts_nobody_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Full()
    monkeypatch.setattr("sys.stderr", stream)
    try:
        logs.setup("warning")
        logs.log("journal").error("commit_failed")
        stream.full = True
        logs.log("journal").error("commit_failed")
        logs.log("journal").error("commit_failed")
        stream.full = False
        logs.log("journal").error("written")
    finally:
        monkeypatch.undo()
        logs.setup()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["commit_failed", "lines_lost", "written"]
    assert lines[1]["lines"] == 2
