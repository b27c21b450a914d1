"""Following a publisher: the follower may then be told of each new treasure (`tell_followers`)."""

from server.context import Context
from server.errors import BadRequest, NoSuchPublisher

MOST = 1000


async def follow(context: Context, person_id: str, publisher_id: str, *, following: bool) -> None:
    """Let a person follow a publisher, or follow them no more. Safe to repeat.

    Raises NoSuchPublisher, BadRequest.
    """
    publisher = await context.store.people.find(publisher_id)
    if publisher is None or "erasing" in publisher:
        raise NoSuchPublisher
    follows = context.store.follows
    if not following:
        await follows.delete(publisher["_id"], person_id)
        return
    if publisher["_id"] == person_id:
        raise BadRequest("这是你自己，不用关注", param="publisher_id")
    if await follows.is_followed(publisher["_id"], person_id):
        return
    if await follows.number(person_id, MOST) == MOST:
        raise BadRequest(f"最多关注 {MOST} 人，请先取消关注几个", param="publisher_id")
    # Counted first, so that no number is above the count: an announcement reads followers up to the count.
    # Two people who follow at the same moment may get one number.
    await context.store.people.count_follow(publisher["_id"])
    n = publisher.get("followed", 0) + 1
    await follows.add(publisher["_id"], person_id, context.clock.now_ms(), n)
