"""Every change of state, one verb per file: decide, save, publish. Handlers call them and write to no store.

Below them, `memory/visiting.py` writes the visits of a moment at once, for `digging/visit.py`;
`operation/leader.py` writes its lease, `operation/monitor.py` the alarms, and `wechat/tokens.py` WeChat's
access token.
"""
