"""Cisco BroadWorks (BroadSoft): the CSV of accounting call detail records (05-BD5020), without a header.

A record per user and call: both ends of a call within the system write one each. Further columns, more with each
release, follow those that are read.
"""

import polars as pl

from flows.presets.cells import Fault, FileRows
from flows.presets.preset import Preset, words
from rating.ends import EXTENSION

_STAMP = r"^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(\.[0-9]+)?$"
_GOES_ON = "^(?:start|interim|.*duration)$"
"""Types of records of calls that go on; the same call has a record of its whole when it is over."""


def _cells(rows: FileRows) -> dict[str, pl.Expr]:
    """Times in GMT, the direction of the user's end, who pays where the number shown is not the user's.

    A record of a call that goes on, and the called user's record of a call within the group, are leg b: they bill
    nothing, as the call's last record, or that of who called, does.
    """
    caller, called = rows.named("from_number"), rows.named("to_number")
    user = rows.cell("userNumber")
    is_from_user = rows.cell("direction").str.to_lowercase() == "originating"
    private = [rows.cell(name).str.to_lowercase() == "private" for name in ("typeOfNetwork", "callCategory")]
    inside = caller.str.contains(EXTENSION) & called.str.contains(EXTENSION)
    is_inside = pl.any_horizontal(part.fill_null(False) for part in (*private, inside))
    goes_on = rows.cell("type").str.to_lowercase().str.contains(_GOES_ON).fill_null(False)
    ours = pl.when(is_from_user).then(caller).otherwise(called)
    is_extension = ours.str.contains(EXTENSION).fill_null(False)
    # The user's own number says who pays; an extension would not.
    from_number = pl.when(is_from_user & is_extension & user.is_not_null()).then(user).otherwise(caller)
    to_number = pl.when(~is_from_user & is_extension & user.is_not_null()).then(user).otherwise(called)
    times = {name: _gmt(rows.named(name)) for name in ("started_at", "answered_at", "ended_at")}
    # Of a call that goes on nothing is counted yet.
    end = pl.when(goes_on).then(pl.coalesce(times["ended_at"], times["answered_at"])).otherwise(times["ended_at"])
    return {
        **times,
        "ended_at": end,
        "leg": pl.when(goes_on | (is_inside & ~is_from_user)).then(pl.lit("b")).otherwise(pl.lit("a")),
        "direction": pl.when(is_inside)
        .then(pl.lit("internal"))
        .when(is_from_user)
        .then(pl.lit("outbound"))
        .when(rows.cell("direction").str.to_lowercase() == "terminating")
        .then(pl.lit("inbound"))
        .otherwise(rows.cell("direction")),
        "from_number": from_number,
        "to_number": to_number,
        "charged_number": pl.when(is_from_user & (user != from_number.fill_null(""))).then(user),
        "extension": pl.when(is_extension).then(ours),
        "duration_s": pl.lit(None, pl.String),
        "own.type": pl.when(goes_on).then(None).otherwise(rows.cell("type")),
    }


def _gmt(found: pl.Expr) -> pl.Expr:
    """20260504140000.123 -> 2026-05-04T14:00:00.123Z; whatever looks different is left for the parser to reject."""
    part = found.str.extract_groups(_STAMP).struct
    day = pl.concat_str([part.field(place) for place in "123"], separator="-")
    time = pl.concat_str([part.field(place) for place in "456"], separator=":")
    return pl.coalesce(pl.concat_str(day, pl.lit("T"), time, part.field("7").fill_null(""), pl.lit("Z")), found)


_NO_END: Fault = (
    "ended_at",
    pl.col("own.type").is_not_null() & pl.col("ended_at").is_null() & pl.col("answered_at").is_not_null(),
    "a releaseTime: the record says that the call was answered, and not when it ended",
)


PRESETS = {
    "broadworks": Preset(
        feed="calls",
        kinds=("csv",),
        names={
            "call_id": "recordId",
            "started_at": "startTime",
            "answered_at": "answerTime",
            "ended_at": "releaseTime",
            "from_number": "callingNumber",
            "to_number": "calledNumber",
            "direction": "direction",
            "disposition": "answerIndicator",
        },
        columns=words(
            "recordId serviceProvider type userNumber groupNumber direction callingNumber callingPresentationIndicator "
            "calledNumber startTime userTimeZone answerIndicator answerTime releaseTime terminationCause networkType "
            "carrierIdentificationCode dialedDigits callCategory networkCallType networkTranslatedNumber "
            "networkTranslatedGroup releasingParty route networkCallID codec accessDeviceAddress accessCallID spare29 "
            "failoverCorrelationId spare31 group department accountCode authorizationCode originalCalledNumber "
            "originalCalledPresentationIndicator originalCalledReason redirectingNumber "
            "redirectingPresentationIndicator redirectingReason chargeIndicator typeOfNetwork "
            "voicePortalCallingInvocationTime localCallId remoteCallId callingPartyCategory"
        ),
        more_follow=True,
        leads="^version=",
        makes=("leg", "duration_s"),
        cells=_cells,
        faults=(_NO_END,),
        tells_legs=True,
        defaults={"header": False, "leg": "a", "duration_from": ("answered_at", "ended_at"), "time_zone": "UTC"},
    ),
}
