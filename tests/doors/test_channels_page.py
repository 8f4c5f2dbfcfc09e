"""The page of channels: described, checked, tried, switched off; who may not manage them sees little."""

from __future__ import annotations

from tests.core.outreach.smtp_server import MailServer
from tests.doors import world
from tests.doors.conftest import Visitor
from zerodistance.doors.portal import accounts
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home

PAGE = "/outreach/channels"


def test_a_channel_is_described_checked_and_tried(boss: Visitor, home: Home) -> None:
    there = MailServer()
    said = (
        f'host = "127.0.0.1"\nport = {there.port}\ntls = "none"\nfrom = "news@brand.example"\nname = "Brand"'
    )
    wrong = boss.post(f"{PAGE}/email", PAGE, said=said + "\nports = 5")
    assert wrong.status_code == 400 and 'aria-invalid="true"' in wrong.text and "ports = 5" in wrong.text
    assert boss.post(f"{PAGE}/email", PAGE, said=said).headers["location"] == f"{PAGE}#email"
    assert "public_url" in boss.post(f"{PAGE}/email/check", PAGE).text
    tried = boss.post(f"{PAGE}/email/try", PAGE, to="me@brand.example")
    assert "对方收下了" in tried.text and "me@brand.example" not in tried.text
    assert boss.post(f"{PAGE}/email/try", PAGE, to=" ").status_code == 400
    there.close()
    assert "try again later" in boss.post(f"{PAGE}/email/try", f"{PAGE}?lang=en", to="a@b.cn").text
    boss.post(f"{PAGE}/email/switch", PAGE, on="0")
    assert "Switch on" in boss.get(f"{PAGE}?lang=en").text
    boss.post(f"{PAGE}/email/remove", PAGE)
    assert "smtp.example.com" in boss.get(PAGE).text
    assert boss.post(f"{PAGE}/fax", PAGE, said="").status_code == 404
    accounts.create(home, Who.system(), "mia", Role.MARKETER)
    accounts.use_once(
        home, accounts.one_time_login(home, Who.system(), "mia"), world.PASSWORD, world.PASSWORD
    )
    boss.client.cookies.clear()
    boss.log_in("mia")
    shown = boss.get(f"{PAGE}?lang=en")
    assert shown.status_code == 200 and "TOML" not in shown.text and "An admin can set it up" in shown.text
    assert boss.post(f"{PAGE}/email", PAGE, said=said).status_code == 403
