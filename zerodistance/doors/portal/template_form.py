"""A message template as the fields of a form, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zerodistance.core.outreach.templates import GIVEN, Template
from zerodistance.kernel.text import LANGS

SPARE = 2
"""Empty rows for variables, below those that there are."""


@dataclass(frozen=True, slots=True)
class VariableFields:
    """One variable as it is typed."""

    key: str = ""
    of: str = GIVEN
    zh: str = ""
    en: str = ""
    longest: str = "20"


@dataclass(frozen=True, slots=True)
class TemplateFields:
    """A template as it is typed."""

    key: str = ""
    name_zh: str = ""
    name_en: str = ""
    channel: str = "email"
    purpose: str = "marketing"
    unit: str = ""
    subject_zh: str = ""
    text_zh: str = ""
    subject_en: str = ""
    text_en: str = ""
    variables: tuple[VariableFields, ...] = ()


_PLAIN = (
    "key",
    "name_zh",
    "name_en",
    "channel",
    "purpose",
    "unit",
    "subject_zh",
    "text_zh",
    "subject_en",
    "text_en",
)


def shown(one: Template, unit: str) -> TemplateFields:
    """Return the fields of a template."""
    bodies = {
        f"{part}_{lang}": getattr(body, part)
        for lang, body in one.bodies.items()
        for part in ("subject", "text")
    }
    variables = tuple(
        VariableFields(v.key, v.of, v.default.zh, v.default.en, str(v.longest)) for v in one.variables
    )
    named = {"name_zh": one.name.zh, "name_en": one.name.en, "channel": one.channel, "purpose": one.purpose}
    return TemplateFields(one.key, **named, unit=unit, variables=variables, **bodies)


def typed(form: Mapping[str, Any]) -> TemplateFields:
    """Return the fields that a form brings."""
    plain = {name: str(form.get(name, "")).replace("\r\n", "\n") for name in _PLAIN}
    plain = {name: value if name.startswith("text") else value.strip() for name, value in plain.items()}
    rows = []
    for n in range(20):
        key = str(form.get(f"key-{n}", "")).strip()
        if key:
            said = {name: str(form.get(f"{name}-{n}", "")).strip() for name in ("of", "zh", "en", "longest")}
            rows.append(VariableFields(key, **said))
    return TemplateFields(**plain, variables=tuple(rows))


def said(fields: TemplateFields) -> dict[str, Any]:
    """Return what `templates.of_dict` reads; a language without a text is none of the template's."""
    bodies = {}
    for lang in LANGS:
        text, subject = getattr(fields, f"text_{lang}"), getattr(fields, f"subject_{lang}")
        if text.strip():
            bodies[lang] = {"text": text, "subject": subject}
    variables = [
        {
            "key": one.key,
            "of": one.of or GIVEN,
            "default": {"zh": one.zh, "en": one.en},
            "longest": int(one.longest)
            if one.longest.isdecimal() and len(one.longest) < 5
            else one.longest or 20,
        }
        for one in fields.variables
    ]
    return {
        "name": {"zh": fields.name_zh, "en": fields.name_en},
        "channel": fields.channel,
        "purpose": fields.purpose,
        "bodies": bodies,
        "variables": variables,
    }
