"""Every change of state, one verb per file: decide, save, publish. Handlers call them and write to no store.

Four modules below them write too: `memory/visiting.py` the visits of a moment, in one write for
`digging/visit.py`; `operation/leader.py` its lease; `operation/monitor.py` the alarms; and `wechat/tokens.py`
WeChat's access token.
"""
