"""What operators may do. Each act is written to the audit log before it is done: who, when, what, why."""

from __future__ import annotations

import msgspec

from server.actions.end_task import end_task_as_operator
from server.context import Context
from server.errors import Ended, NoSuchTask, Unavailable
from server.news import Order
from server.store.audit_log import Act


async def _note(context: Context, operator: str, act: str, target: str, reason: str) -> None:
    await context.store.audit_log.append(
        Act(at=context.cooldowns.now_ms(), operator=operator, act=act, target=target, reason=reason)
    )


async def end_task(context: Context, operator: str, code: str, reason: str) -> None:
    """End a task; everybody can read the reason. Raises NoSuchTask, Ended."""
    task = await context.store.tasks.find(code)
    if task is None:
        raise NoSuchTask
    if task["status"]:
        raise Ended
    await _note(context, operator, "end", code, reason)
    await end_task_as_operator(context, code, reason)


async def hide_task(context: Context, operator: str, code: str, reason: str, *, hidden: bool) -> None:
    """Take a task out of the square, or put it back; its page opens all the same. Raises NoSuchTask."""
    if await context.store.tasks.find(code) is None:
        raise NoSuchTask
    await _note(context, operator, "hide" if hidden else "show", code, reason)
    await context.store.tasks.set_hidden(code, hidden=hidden)


async def disconnect_watchers(context: Context, operator: str, process: str, reason: str) -> None:
    """Ask a process to send its watchers away, so that they connect elsewhere. Raises Unavailable."""
    await _note(context, operator, "disconnect", process, reason)
    order = Order(process=process)
    if process == context.hub.bus.process:
        context.hub.obey(order)
    elif not await context.hub.bus.publish("", msgspec.msgpack.encode(order)):
        raise Unavailable("Redis 没有响应，其它进程收不到这个指令，请稍后再试")
