"""What is wrong with a campaign stands at the field in which it was typed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zerodistance.apps.marketing.campaigns import api
from zerodistance.apps.marketing.campaigns.contracts import WrongCampaign
from zerodistance.doors.portal import campaign_form
from zerodistance.doors.portal.campaign_form import Fields, Row

GOOD = replace(
    campaign_form.empty(en="Renewal", segment="old"),
    rows=(Row(templates=("mail", "", "")), Row(), Row("3", "10", ("again", "", ""))),
)


def plain(**given: str) -> Fields:
    return replace(GOOD, plain={**GOOD.plain, **given})


def third(**given: str) -> Fields:
    return replace(GOOD, rows=(*GOOD.rows[:2], replace(GOOD.rows[2], **given)))


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        (plain(en="", zh=""), "zh", "name"),
        (plain(segment=""), "segment", "choose"),
        (plain(window="many"), "window", "1 to 366"),
        (plain(share="150"), "share", "percentage from 1 to 90"),
        (plain(detect="a lot"), "detect", "percentage"),
        (plain(money="-1"), "money", "1,000,000,000,000"),
        (plain(blackouts="CN 2027"), "blackouts", "2027-01-31"),
        (plain(first="2027-02-02", last="2027-02-01"), "last", "before"),
        (replace(GOOD, prices={"sms": "dear"}), "price-sms", "number"),
        (replace(GOOD, rows=()), "steps", "one message"),
        (third(days="soon"), "days-2", "whole number"),
        (third(hour="25"), "hour-2", "0 to 23"),
        (third(variants="HONG KONG: again"), "variants-2", "two capital letters"),
        (third(templates=("", "", "")), "template-2", "at least one template"),
    ],
)
def test_a_mistake_stands_where_it_was_typed(given: Fields, field: str, words: str) -> None:
    with pytest.raises(WrongCampaign) as found:
        api.read(campaign_form.said_of(given))
    assert campaign_form.field_of(found.value.data["at"], given) == field
    assert words in campaign_form.why_of(field, given, found.value.data["why"]).en


def test_what_was_filled_in_well_is_read_and_shown_again_as_it_was() -> None:
    said = api.read(campaign_form.said_of(GOOD))
    again = campaign_form.shown(said, "renewal")
    assert [row for row in GOOD.rows if not row.empty] == list(again.rows)
    assert api.read(campaign_form.said_of(again)) == said
