"""Automations that hang on what a month's flows say; made once, the operator's to change in Prefect's pages."""

from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, ChangeFlowRunState, DoNothing, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from schemas.errors import WrongUsage

HEARTBEAT_S = 30
"""How often a flow run says that it lives."""

_MONTHS = {"prefect.resource.id": "tollbook.month.*"}


def register(notify: str | None) -> None:
    """Makes those that are not there yet; where somebody is to be told, brings the others up to date.

    notify: type/name of a notification block; without one they stand there as examples that do nothing. Raises
    WrongUsage for a block that the server does not have.
    """
    with get_client(sync_client=True) as client:
        block = _block(client, notify) if notify else None
        for automation in (*_of_months(block), _of_crashes()):
            known = client.read_automations_by_name(automation.name)
            if not known:
                client.create_automation(automation)
            elif notify:
                # The client leaves out of an update what was not named, defaults that the server asks for included.
                whole = automation.model_dump(exclude={"owner_resource"})
                client.update_automation(known[0].id, AutomationCore.model_validate(whole))


def _block(client: SyncPrefectClient, notify: str) -> UUID:
    kind, _, name = notify.partition("/")
    for block in client.read_block_documents():
        if block.name == name and block.block_type and block.block_type.slug == kind:
            return block.id
    raise WrongUsage(
        f"tollbook.toml, [serve] notify: found {notify!r}, which is no block of the server; expected one that was made "
        "in Prefect's pages, under Blocks"
    )


def _told(block: UUID | None, subject: str, body: str) -> list[ActionTypes]:
    if block is None:
        return [DoNothing()]
    subject = f"Tollbook: {{{{ event.resource.name }}}} {subject}"
    return [SendNotification(block_document_id=block, subject=subject, body=body)]


def _of_months(block: UUID | None) -> list[AutomationCore]:
    parked = "Parked accounts: {{ event.payload.parked }}. Stops: {{ event.payload.stops }}."
    unsent = (
        "Drafts: {{ event.payload.drafts }}. Issued: {{ event.payload.issued }}. Not sent: {{ event.payload.unsent }}."
    )
    return [
        AutomationCore(
            name="Tollbook: a month needs approval",
            description="The drafts of a month wait for somebody to approve them.",
            trigger=EventTrigger(expect={"tollbook.month.needs-approval"}, match=_MONTHS),
            actions=_told(block, "needs approval", parked),
        ),
        AutomationCore(
            name="Tollbook: a month is not sent by the 4th",
            description="It is the last day of the window but one: documents are not issued, or mails not sent.",
            trigger=EventTrigger(expect={"tollbook.month.not-sent"}, match=_MONTHS),
            actions=_told(block, "is not sent", unsent),
        ),
        AutomationCore(
            name="Tollbook: a month is silent for three days",
            description="It was drafted three days ago and nothing has said since that it is sent.",
            trigger=EventTrigger(
                after={"tollbook.month.needs-approval"},
                expect={"tollbook.month.sent"},
                match=_MONTHS,
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=timedelta(days=3),
            ),
            actions=_told(block, "was drafted three days ago", "Look at the runs of send-month: do they start at all?"),
        ),
    ]


def _of_crashes() -> AutomationCore:
    return AutomationCore(
        name="Tollbook: a run that is heard of no more has crashed",
        description="A run whose process was killed, or whose machine is gone, does not stay Running for ever.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            match_related={"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.tollbook"},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=4 * HEARTBEAT_S),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED, message="Its process is gone. Start it again: what is written is whole."
            )
        ],
    )
