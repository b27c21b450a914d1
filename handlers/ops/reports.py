"""The queue of what people reported, with the picture and the text, for the operator who decides."""

from collections import Counter

import msgspec

from handlers.base import Reply
from handlers.ops.lists import board_tasks
from handlers.ops.operators import OperatorInterface
from handlers.parameters import NoParameters
from handlers.pictures.operators import operators_picture
from server.actions.people.whom import key_of
from server.operation.feed import BoardTask
from server.store.people.people import shown_name
from server.store.reviews.reports import Report, ReportReason

READ_REPORTS = 1000
SHOWN_TASKS = 50
SHOWN_REPORTS = 10


class Reporter(msgspec.Struct):
    """A report. `key` names its author, who is called `wxname`, for `/ops/person`; `text` may be ""."""

    key: str
    wxname: str
    reason: ReportReason
    text: str


class Reported(msgspec.Struct):
    """A reported task: how many people reported it, since when (unix ms), and for what.

    `pic` is a path of this server. `reporters` has the first 10.
    """

    task: BoardTask
    pic: str
    synopsis: str
    number: int
    since: int
    reasons: dict[str, int]
    reporters: list[Reporter]


class OpsReportsReply(Reply, kw_only=True):
    """At most 50 tasks, the one that waits longest first."""

    data: list[Reported]


class OpsReports(OperatorInterface, path="/ops/reports"):
    """Tasks with reports that count and that no operator has decided on."""

    async def answer(self, request: NoParameters) -> OpsReportsReply:
        """Reports of new accounts, and of people who never dug, are left out."""
        by_task: dict[str, list[Report]] = {}
        for each in await self.context.store.reports.queue(READ_REPORTS):
            by_task.setdefault(each["code"], []).append(each)
        codes = list(by_task)[:SHOWN_TASKS]
        found = {task["_id"]: task for task in await self.context.store.tasks.find_many(codes)}
        tasks = [found[code] for code in codes if code in found]
        rows = board_tasks(self.context, tasks)
        first = [each["_id"] for code in codes for each in by_task[code][:SHOWN_REPORTS]]
        shown = sorted(await self.context.store.reports.find_all(first), key=lambda report: report["at"])
        told = {code: [report for report in shown if report["code"] == code] for code in codes}
        authors = await self.context.store.people.find_all(sorted({each["person_id"] for each in shown}))
        people = {person["_id"]: person for person in authors}
        return OpsReportsReply(
            data=[
                Reported(
                    task=row,
                    pic=operators_picture(task["pic"]),
                    synopsis=task["synopsis"],
                    number=len(by_task[task["_id"]]),
                    since=by_task[task["_id"]][0]["at"],
                    reasons=dict(Counter(each["reason"] for each in by_task[task["_id"]])),
                    reporters=[
                        Reporter(key_of(person), shown_name(person), each["reason"], each["text"])
                        for each in told[task["_id"]]
                        if (person := people.get(each["person_id"])) is not None
                    ],
                )
                for task, row in zip(tasks, rows, strict=True)
            ]
        )
