"""The people and the shared tasks of `taps.py`, made once before anything is timed."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymongo
from pymongo.collection import Collection

from parts.lines import get, log_in_all
from parts.live import page
from parts.serving import Person, running, store_of
from parts.tappers import Tap
from server.security.keys import Keys, Proven
from server.security.random_codes import base_62

PEOPLE = 2500
DIGGERS = 55  # more people than the details show
COOLDOWN_SECONDS = 1


@dataclass(slots=True)
class Shared:
    """A task whose link is shared: who shares it, and their share token."""

    code: str
    sharer: Person
    token: str


@dataclass
class Scene:
    """Shared by all sections: people, tasks, and a directory with the stores of a server that has ended."""

    directory: str
    people: list[Person] = field(default_factory=list)
    diggers: list[Person] = field(default_factory=list)
    tasks: list[Shared] = field(default_factory=list)

    def prepare(self, tasks: int) -> None:
        """Make the people, and publish `tasks` tasks with 55 participants each."""
        with running(directory=self.directory) as server:
            publisher, *self.diggers = log_in_all(server.port, DIGGERS + 1)
            for _ in range(tasks):
                code = server.publish(publisher, 0)
                for digger in self.diggers:
                    server.dig(digger, code)
                asked = {"unionid": publisher.unionid, "code": code}
                details = server.http.get("/getTaskDetails", params=asked, headers=bearer(publisher)).json()
                self.tasks.append(Shared(code, publisher, details["share"]))
            _, port = store_of(server)
            with pymongo.MongoClient[dict[str, Any]](
                f"mongodb://127.0.0.1:{port}/wabao?directConnection=true&retryWrites=false"
            ) as client:
                database = client.get_default_database()
                # The cooldown is set only after these digs, which would otherwise take minutes. The last two
                # tasks get no cooldown, because they are dug often.
                cooling = [shared.code for shared in self.tasks[:-2]]
                change = {"$set": {"cd_ms": COOLDOWN_SECONDS * 1000}}
                database["tasks"].update_many({"_id": {"$in": cooling}}, change)
                self._write_people(database["people"])

    def _write_people(self, people: Collection[dict[str, Any]]) -> None:
        """Write people's records as logins would, because 2,500 logins would take a minute."""
        one = people.find_one({"unionid": self.diggers[0].unionid})
        assert one is not None
        keys = Keys(Path(self.directory, "data", "secret_key").read_bytes())
        proven = [
            Proven(base_62(number, 11), one["generation"], f"tapper{number:022}") for number in range(PEOPLE)
        ]
        self.people = [Person(each.unionid, keys.sign_token(each)) for each in proven]
        people.insert_many(
            [
                {**one, "_id": each.person_id, "unionid": each.unionid, "openid": f"openid of {each.unionid}"}
                | ({"locked": True} if number // 8 % 2 else {})
                for number, each in enumerate(proven)
            ]
        )


def bearer(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.token}"}


def taps(shared: Shared, people: list[Person]) -> list[Tap]:
    """Return one tap per person. They use all forms of a shared link in turn."""
    links = itertools.cycle(
        (
            f"code={shared.code}",
            f"code={shared.code}&is_share=1&from_unionid={shared.sharer.unionid}",
            f"code={shared.code}&is_share=1&from_unionid={shared.token}",
            f"code={shared.token}",
        )
    )
    return [
        Tap(
            shared.code,
            get(f"/getTaskDetails?unionid={person.unionid}&{link}", person.token),
            page(person, shared.code),
            since=number // 4 % 2 == 1,
        )
        for number, (person, link) in enumerate(zip(people, links, strict=False))
    ]
