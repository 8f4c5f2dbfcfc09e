"""Ways out: e-mail over SMTP, text messages through a gateway, a signed call to a web address, the inbox."""
