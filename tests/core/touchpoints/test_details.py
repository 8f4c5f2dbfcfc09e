"""A stored sentence is found again in both languages."""

from __future__ import annotations

import pytest

from zerodistance.core.touchpoints.details import SENTENCES, words
from zerodistance.kernel.text import Text


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda s: s.en)
def test_every_sentence_is_found_again_with_its_fields(sentence: Text) -> None:
    fields = [part.split("}")[0] for part in sentence.en.replace("{{", "").split("{")[1:]]
    values = {name: f"<{name}: 1; 2>" for name in fields}
    assert words(sentence.en.format(**values)) == sentence.format(**values)


def test_a_sentence_that_nobody_translated_is_shown_as_it_is() -> None:
    assert words("an old one") == Text("an old one", "an old one")
