"""When a publisher of goods by mail may not read the winners' addresses."""

from server.context import Context
from server.game.ranks import is_mailed
from server.game.review import is_shown
from server.game.task import Task
from server.store.prizes.freezes import freeze_key


async def why_addresses_closed(context: Context, task: Task) -> str:
    """Return in words why a task's publisher may not read its winners' addresses now, "" if they may."""
    if not any(map(is_mailed, task.get("ranks", [task]))):
        return ""
    if task.get("reported"):
        return "有多人举报，这期间看不到收货地址；没有人处理的话，最多 24 小时后恢复"
    if not is_shown(task):
        return "平台下架了它，看不到收货地址；有疑问请联系客服"
    frozen = [freeze_key("task", task["_id"]), freeze_key("person", task["publisher"])]
    if await context.store.freezes.frozen(frozen):
        return "平台冻结了它的奖品，看不到收货地址；有疑问请联系客服"
    return ""
