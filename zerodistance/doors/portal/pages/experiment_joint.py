"""*Experiments, not randomised*: what a comparison without a lot says, such as that of a joint campaign, and what it does not."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement.joint import REFERENCE, REFERENCE_REST, Joint
from zerodistance.doors.portal.pages.experiments import whole
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import lang_of, page, table_file, who_of
from zerodistance.kernel.errors import ZeroDistanceError

router = APIRouter()


@router.get("/experiments/joint")
def joint(
    request: Request, exposed: str = "", bought: str = "", others: str = "", others_bought: str = ""
) -> Response:
    """Report a comparison that nobody randomised: the joint campaign of 2015, or what was typed."""
    who_of(request)
    given = {"exposed": exposed, "bought": bought, "others": others, "others_bought": others_bought}
    own, problem = bool(exposed or bought), ""
    shown = given if own else {**given, "exposed": str(REFERENCE[0]), "bought": str(REFERENCE[1])}
    found = None
    try:
        found = _joint(shown)
    except ZeroDistanceError as error:
        problem = error.message(lang_of(request))
    bound = REFERENCE[1] / REFERENCE[0] / 2
    return page(
        request, "experiment_joint.html", here="experiments", j=found, given=shown, own=own, problem=problem,
        rest=REFERENCE_REST, bound=bound,
    )  # fmt: skip


def _joint(given: dict[str, str]) -> Joint:
    exposed, bought, others, others_bought = (
        whole(given, name) for name in ("exposed", "bought", "others", "others_bought")
    )
    return measurement.joint(exposed or 0, bought or 0, others, others_bought)


@router.get("/experiments/joint.csv")
def joint_file(
    request: Request, exposed: str = "", bought: str = "", others: str = "", others_bought: str = ""
) -> Response:
    """Give such a report as a CSV file: its figures, what can be said, and what can't."""
    who_of(request)
    given = {"exposed": exposed, "bought": bought, "others": others, "others_bought": others_bought}
    if not (exposed or bought):
        given |= {"exposed": str(REFERENCE[0]), "bought": str(REFERENCE[1])}
    found, lang = _joint(given), lang_of(request)
    arms = {"exposed": (found.exposed, found.rate), "others": (found.others, found.others_rate)}
    rows: list[tuple[object, ...]] = []
    for part, (arm, rate) in arms.items():
        if arm is not None and rate is not None:
            rows += [
                (part, "persons", arm.persons, "", ""),
                (part, "bought", arm.reached, "", ""),
                (part, "rate", *rate),
            ]
    if found.times is not None:
        rows.append(("misleading", "times", *found.times))
    if found.hidden is not None:
        rows.append(("misleading", "e_value", found.hidden, "", ""))
    if found.needed is not None:
        rows.append(("randomised", "persons_needed", found.needed, "", ""))
    rows += [("can_be_said", "", one.get(lang), "", "") for one in found.can]
    rows += [("cannot_be_said", "", one.get(lang), "", "") for one in found.cannot]
    return table_file("joint", measurement.HEAD, rows)


register("experiment_joint", router)  # before "experiments", whose last route takes any key
